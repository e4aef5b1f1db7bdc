"""Volumes: what is read, from which files, and what is written beside them."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.volume import (
    is_volume_path,
    read_volume,
    read_volume_labels,
    same_grid,
    volume_stem,
    write_volume_labels,
)
from tests.io.volume.files import RAMP, nifti, unplaced

LABELS = (RAMP % 3).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("case.nii.gz", "case"),
        ("CASE.NII.GZ", "CASE"),
        ("case.1.nii.gz", "case.1"),
        ("case.nii", "case"),
        ("folder.nii.gz/case.tif", "case"),
        ("case.gz", "case"),
    ],
)
def test_nii_gz_is_one_suffix(name: str, stem: str) -> None:
    assert volume_stem(name) == stem


def test_axes_run_up_front_and_right(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz", RAMP, np.diag([2.0, 3.0, 4.0, 1.0])))
    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels, RAMP.T)
    assert volume.shape == (6, 5, 4)
    assert volume.spacing == (4.0, 3.0, 2.0)
    assert volume.affine is not None
    assert np.array_equal(volume.affine, np.diag([2.0, 3.0, 4.0, 1.0]))
    assert (volume.stem, volume.notes) == ("a", ())


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".NII.GZ"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_kind_of_number(tmp_path: Path, suffix: str, kind: type) -> None:
    path = nifti(tmp_path / f"a{suffix}", RAMP.astype(kind))
    assert is_volume_path(path)
    assert np.array_equal(read_volume(path).voxels, RAMP.T)


def test_the_scaling_of_the_file_counts(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(RAMP.astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -7)
    nibabel.save(image, tmp_path / "a.nii.gz")
    expected = np.asarray(nibabel.load(tmp_path / "a.nii.gz").dataobj).T
    assert np.allclose(read_volume(tmp_path / "a.nii.gz").voxels, expected)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1e3), ("micron", 1e-3), ("unknown", 1.0)])
def test_units_become_millimetres_and_are_written_back(
    tmp_path: Path, unit: str, factor: float
) -> None:
    image = nibabel.Nifti1Image(RAMP, np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    assert volume.spacing == pytest.approx((4 * factor, 3 * factor, 2 * factor))
    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    written = nibabel.load(tmp_path / "b.nii.gz")
    assert written.header.get_xyzt_units()[0] == unit
    assert np.array_equal(written.affine, image.affine)
    assert same_grid(volume, read_volume(tmp_path / "b.nii.gz"))


def test_an_axis_of_one_volume_is_dropped(tmp_path: Path) -> None:
    assert read_volume(nifti(tmp_path / "a.nii", RAMP[..., None, None])).shape == (6, 5, 4)


def test_labels_are_ids_on_the_same_grid(tmp_path: Path) -> None:
    image = read_volume(nifti(tmp_path / "image.nii.gz"))
    labels, grid = read_volume_labels(nifti(tmp_path / "labels.nii.gz", LABELS.astype(np.float32)))
    assert labels.dtype == np.int32
    assert np.array_equal(labels, LABELS.T)
    assert grid.shape == labels.shape
    assert same_grid(image, grid)
    assert grid.notes == ()


def test_a_mask_of_0_and_255_is_class_1(tmp_path: Path) -> None:
    mask = np.where(LABELS == 2, 255, 0).astype(np.uint8)
    labels, _ = read_volume_labels(nifti(tmp_path / "a.nii.gz", mask))
    assert np.array_equal(labels, (LABELS.T == 2).astype(int))


def test_written_labels_carry_nothing_but_their_place(tmp_path: Path) -> None:
    source = nifti(
        tmp_path / "a.nii.gz", descrip=b"Jane Doe 1950", aux_file=b"/home/jane", toffset=3
    )
    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, read_volume(source))
    content = gzip.decompress((tmp_path / "b.nii.gz").read_bytes())
    assert b"ane" not in content
    header = nibabel.load(tmp_path / "b.nii.gz").header
    assert header.get_data_dtype() == np.uint8
    assert np.isclose(header["toffset"], 0)
    assert header.get_intent()[0] == "label"
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "b.nii.gz").dataobj), LABELS)


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz"))
    for name in ("b.nii.gz", "c.nii.gz"):
        write_volume_labels(tmp_path / name, LABELS.T, volume)
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()


@pytest.mark.parametrize(("top", "kind"), [(0, "uint8"), (300, "uint16"), (70_000, "int32")])
def test_ids_get_the_smallest_numbers_that_hold_them(tmp_path: Path, top: int, kind: str) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz"))
    labels = np.zeros((6, 5, 4), np.int32)
    labels[1, 2, 3] = top
    write_volume_labels(tmp_path / "b.nii", labels, volume.grid)
    assert nibabel.load(tmp_path / "b.nii").header.get_data_dtype() == kind
    assert np.array_equal(read_volume_labels(tmp_path / "b.nii")[0], labels)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz"))
    with pytest.raises(ValueError, match="expected"):
        write_volume_labels(tmp_path / "b.nii.gz", LABELS, volume)
    with pytest.raises(ValueError, match="negative"):
        write_volume_labels(tmp_path / "b.nii.gz", -LABELS.T.astype(int), volume)
    with pytest.raises(BadInputError, match=r"name b\.tif \.nii\.gz"):
        write_volume_labels(tmp_path / "b.tif", LABELS.T, volume)
    (tmp_path / "b.nii.gz").mkdir()
    with pytest.raises(WriteError, match=r"b\.nii\.gz could not be written"):
        write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz"]


def test_a_file_without_affine_is_read_as_it_is_stored(tmp_path: Path) -> None:
    path = unplaced(tmp_path / "a.nii.gz", pixdim=[1, 2, 3, 4, 1, 1, 1, 1])
    volume = read_volume(path)
    assert volume.affine is None
    assert volume.spacing == (4.0, 3.0, 2.0)
    assert np.array_equal(volume.voxels, RAMP.T)
    stated = read_volume(path, (5, 6, 7))
    assert stated.spacing == (5.0, 6.0, 7.0)
    assert "5 x 6 x 7 mm" in stated.notes[0]  # left and right remain unknown
    write_volume_labels(tmp_path / "c.nii.gz", LABELS.T, stated)
    assert nibabel.load(tmp_path / "c.nii.gz").header.get_zooms() == (7, 6, 5)
    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    labels, grid = read_volume_labels(tmp_path / "b.nii.gz")
    assert np.array_equal(labels, LABELS.T)
    assert same_grid(volume, grid)


def test_a_place_in_space_wins_over_a_stated_size(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", RAMP, np.diag([2.0, 3.0, 4.0, 1.0]))
    volume = read_volume(path, (5, 6, 7))
    assert volume.spacing == (4.0, 3.0, 2.0)
    (note,) = volume.notes
    assert note.startswith("a.nii.gz states its place in space, so its own voxels of 4 x 3 x 2 mm")
    assert read_volume(path, (4.01, 3.0, 2.0)).notes == ()
    _, grid = read_volume_labels(nifti(tmp_path / "b.nii.gz", LABELS), (2, 2, 2))
    assert grid.spacing == (1.0, 1.0, 1.0)


def test_pictures_and_other_files_are_no_volumes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "grey.tif", np.zeros((20, 30), np.uint8))
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    for name in ("grey.tif", "rgb.tif", "broken.tif", "missing.tif", "picture.png"):
        assert not is_volume_path(tmp_path / name)
    with pytest.raises(BadInputError, match=r"picture\.png is no volume"):
        read_volume(tmp_path / "picture.png")


def test_real_volumes(shared_data: Path) -> None:
    folder = shared_data / "hippocampus"
    volume = read_volume(folder / "images" / "hippocampus_001.nii.gz")
    labels, grid = read_volume_labels(folder / "labels" / "hippocampus_001.nii.gz")
    assert volume.spacing == (1.0, 1.0, 1.0)
    assert volume.notes == grid.notes == ()
    assert same_grid(volume, grid)
    assert np.unique(labels).tolist() == [0, 1, 2]
    middle = [np.argwhere(labels == label).mean(axis=0) for label in (1, 2)]
    assert middle[0][1] > middle[1][1]  # anterior lies in front of posterior: y runs to the front
