"""Volumes from a file to labels on its grid, and from an array."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError, BadModelError, WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Notice, Progress, run
from napari_selfreg.engine.segment import SegmentRequest, segment
from napari_selfreg.engine.volume.segment import (
    VolumeArrayRequest,
    segment_volume_array,
    spacing_of,
)
from napari_selfreg.io.qupath_tiles import SlidePlace
from napari_selfreg.io.volume.reading import read_volume, read_volume_labels
from tests.bundles import tiny_bundle
from tests.engine.volume.models import Thresholds, volume_bundle, volume_model
from tests.io.volume.files import nifti

MODEL = volume_model(Thresholds(), 1)
TURNED = np.array([[0, 0, 2, 5], [-1, 0, 0, 60], [0, 1.5, 0, -7], [0, 0, 0, 1]], float)


def steps(*shape):
    """Return intensities of three plateaus (i, j, k): below, above and far above their mean."""
    values = np.zeros(shape, np.float32)
    values[shape[0] // 2 :] = 200
    values[shape[0] // 2 :, shape[1] // 2 :] = 500
    values += np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    return values


def rows(path):
    with Path(path).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_labels_lie_on_the_grid_of_the_file_and_are_measured(tmp_path):
    source = nifti(tmp_path / "scan.nii.gz", steps(6, 8, 10), TURNED)
    result = run(segment(SegmentRequest(source, MODEL, tmp_path / "out")))
    assert set(result) == {"image", "objects", "seconds", "megapixels_per_second", "outputs"}
    assert result["image"] == str(source)
    assert result["objects"] == 2
    assert {kind: Path(file).name for kind, file in result["outputs"].items()} == {
        "labels": "scan_labels.nii.gz",
        "measurements": "scan_measurements.csv",
    }
    written = nibabel.load(result["outputs"]["labels"])
    original = nibabel.load(source)
    np.testing.assert_allclose(written.affine, original.affine, atol=1e-5)
    assert written.header.get_zooms() == pytest.approx(original.header.get_zooms())
    stored = np.asarray(written.dataobj)
    assert stored.shape == (6, 8, 10)
    # resampling to 1 mm blurs the edges by a voxel at most
    assert set(np.unique(stored[4:, :3])) == {1}
    assert set(np.unique(stored[4:, 5:])) == {2}
    table = rows(result["outputs"]["measurements"])
    assert [row["label"] for row in table] == ["1", "2"]
    assert [int(row["voxels"]) for row in table] == [(stored == 1).sum(), (stored == 2).sum()]
    assert float(table[1]["volume_mm3"]) == pytest.approx((stored == 2).sum() * 3)


def test_a_class_that_is_not_found_is_no_object(tmp_path):
    source = nifti(tmp_path / "flat.nii", np.full((5, 5, 5), 7.0, np.float32))
    result = run(segment(SegmentRequest(source, MODEL, tmp_path)))
    assert result["objects"] == 0
    assert not read_volume_labels(result["outputs"]["labels"])[0].any()


def test_a_bundle_segments_a_stack_with_the_stated_size(tmp_path):
    bundle = volume_bundle(tmp_path / "tiny.safetensors")
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, steps(12, 14, 16).astype(np.uint16), photometric="minisblack")
    events = []
    request = SegmentRequest(stack, bundle, tmp_path / "out", um_per_px=500.0)
    result = run(segment(request), events.append)
    (row, *_) = rows(result["outputs"]["measurements"])
    assert (row["spacing_mm"], row["spacing_source"]) == ("0.5 0.5 0.5", "option")
    assert any(isinstance(event, Progress) for event in events)


def test_what_was_assumed_about_the_file_is_told(tmp_path):
    values = steps(6, 6, 6)
    values[0, 0, 0] = np.nan
    events = []
    source = nifti(tmp_path / "scan.nii.gz", values)
    run(segment(SegmentRequest(source, MODEL, tmp_path)), events.append)
    assert any("scan.nii.gz" in event.message for event in events if isinstance(event, Notice))


def test_a_part_of_an_array_is_measured_where_it_lies(tmp_path):
    volume = read_volume(nifti(tmp_path / "scan.nii.gz", steps(6, 8, 10), TURNED))
    request = VolumeArrayRequest(volume.voxels, volume.spacing, MODEL, affine=volume.affine)
    everything = run(segment_volume_array(request))
    assert everything.labels.shape == volume.shape
    assert everything.probability.shape == (2, *volume.shape)
    bounds = [np.flatnonzero((everything.labels == 2).any(axis=axes)) for axes in
              ((1, 2), (0, 2), (0, 1))]  # fmt: skip
    region = tuple((int(found[0]), int(found[-1]) + 1) for found in bounds)
    part = run(
        segment_volume_array(
            VolumeArrayRequest(
                volume.voxels, volume.spacing, MODEL, region=region, affine=volume.affine
            )
        )
    )
    for name in ("centroid_x_mm", "centroid_y_mm", "centroid_z_mm", "voxels"):
        assert part.table[name][1] == pytest.approx(everything.table[name][1], rel=1e-4)


def test_a_picture_for_volumes_and_a_volume_for_pictures_are_refused(tmp_path):
    picture = tmp_path / "field.tif"
    tifffile.imwrite(picture, np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(BadInputError, match=r"field\.tif is no volume and the model small"):
        run(segment(SegmentRequest(picture, MODEL, tmp_path)))
    bundle = tiny_bundle(tmp_path / "glands.safetensors")
    scan = nifti(tmp_path / "scan.nii.gz")
    with pytest.raises(BadModelError, match=r"scan\.nii\.gz is a volume and the model tiny"):
        run(segment(SegmentRequest(scan, bundle, tmp_path)))
    with pytest.raises(BadInputError, match="slides, not volumes"):
        place = SlidePlace(0, 0, (1.0, 1.0))
        run(segment(SegmentRequest(scan, MODEL, tmp_path, place=place)))


def test_nothing_is_written_where_a_file_cannot_be_read(tmp_path):
    (tmp_path / "scan.nii.gz").write_bytes(b"no gzip")
    with pytest.raises(BadInputError, match=r"scan\.nii\.gz"):
        run(segment(SegmentRequest(tmp_path / "scan.nii.gz", MODEL, tmp_path / "out")))
    with pytest.raises(BadInputError, match="does not exist"):
        run(segment(SegmentRequest(tmp_path / "none.nii.gz", MODEL, tmp_path / "out")))
    assert not list((tmp_path / "out").glob("*"))
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        run(segment(SegmentRequest(nifti(tmp_path / "a.nii"), MODEL, tmp_path / "file")))


def test_one_size_of_voxels_is_needed():
    assert spacing_of(None) is None
    assert spacing_of(500.0) == (0.5, 0.5, 0.5)
    assert spacing_of(PixelSize(250.0, 250.0)) == (0.25, 0.25, 0.25)
    assert spacing_of((250.0, 250.0)) == (0.25, 0.25, 0.25)
    with pytest.raises(BadInputError, match="one number"):
        spacing_of(PixelSize(250.0, 500.0))
    for um in (1e9, 0.001):
        with pytest.raises(BadInputError, match=r"outside 0\.00001 to 50 mm: give the size"):
            spacing_of(um)
    assert spacing_of(1.0) == (0.001, 0.001, 0.001)
    assert spacing_of(0.3) == pytest.approx((0.0003, 0.0003, 0.0003))  # a microscope's
