"""Grey TIFF stacks: their axes, the size of their voxels, and what is no stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import memory
from napari_selfreg.io.volume import (
    is_volume_path,
    layer_affine,
    layer_scale,
    layer_translate,
    read_volume,
    read_volume_labels,
    same_grid,
    write_volume_labels,
)
from napari_selfreg.io.volume.datasets import open_volume_folder, read_case
from tests.io.volume.files import refusal

STACK = np.arange(6 * 7 * 8, dtype=np.uint16).reshape(6, 7, 8)


def imagej(path: Path, values: np.ndarray = STACK, axes: str = "ZYX", **metadata: Any) -> Path:
    """Save as ImageJ does: 2 pixels per unit along x, 4 along y."""
    tifffile.imwrite(
        path, values, imagej=True, resolution=(2.0, 4.0), metadata={"axes": axes, **metadata}
    )
    return path


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1.0), ("micron", 1e-3), ("um", 1e-3), ("\\u00B5m", 1e-3), ("cm", 10.0)]
)
def test_imagej_states_all_three_sizes(tmp_path: Path, unit: str, mm: float) -> None:
    volume = read_volume(imagej(tmp_path / "a.tif", spacing=3.0, unit=unit))
    assert np.array_equal(volume.voxels, STACK)
    assert volume.voxels.dtype == np.float32
    assert volume.spacing == pytest.approx((3.0 * mm, 0.25 * mm, 0.5 * mm))
    assert (volume.affine, volume.notes, volume.stem) == (None, (), "a")


def test_imagej_leaves_a_distance_of_1_out(tmp_path: Path) -> None:
    assert read_volume(imagej(tmp_path / "a.tif", unit="mm")).spacing == (1.0, 0.25, 0.5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.int32])
def test_ome_states_all_three_sizes_with_units(tmp_path: Path, kind: type) -> None:
    sizes = {"PhysicalSizeX": 500, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 0.003}
    units = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "mm", "PhysicalSizeZUnit": "m"}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, (STACK % 200).astype(kind), metadata={"axes": "ZYX", **sizes, **units})
    assert is_volume_path(path)
    volume = read_volume(path)
    assert np.array_equal(volume.voxels, STACK % 200)
    assert volume.spacing == pytest.approx((3.0, 0.25, 0.5))
    assert volume.notes == ()


def test_a_missing_distance_of_slices_is_said(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 2000, "PhysicalSizeY": 1000}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX", **sizes})
    volume = read_volume(tmp_path / "a.ome.tif")
    assert volume.spacing == (1.0, 1.0, 2.0)
    (note,) = volume.notes
    assert note.startswith("a.ome.tif states no distance of its slices: 1 mm")


def test_plain_pages_state_nothing_and_a_person_may(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    assert is_volume_path(path)
    volume = read_volume(path)
    assert volume.spacing == (1.0, 1.0, 1.0)
    (note,) = volume.notes
    assert note == ("a.tif states no size of its voxels: 1 x 1 x 1 mm is taken; state their size.")
    stated = read_volume(path, (2.0, 0.5, 0.5))
    assert (stated.spacing, stated.notes) == ((2.0, 0.5, 0.5), ())
    with pytest.raises(BadInputError, match="voxel size of 0 mm"):
        read_volume(path, (2.0, 0.5, 0.0))


def test_layers_of_a_stack_begin_at_0(tmp_path: Path) -> None:
    volume = read_volume(imagej(tmp_path / "a.tif", spacing=3.0, unit="mm"))
    assert layer_scale(volume) == (3.0, 0.25, 0.5)
    assert layer_translate(volume) == (0.0, 0.0, 0.0)
    assert layer_affine(volume).tolist() == np.diag([3.0, 0.25, 0.5, 1.0]).tolist()


def test_labels_of_a_stack_become_nifti_on_its_grid(tmp_path: Path) -> None:
    volume = read_volume(imagej(tmp_path / "a.tif", spacing=3.0, unit="mm"))
    labels = (STACK % 5).astype(np.int32)
    write_volume_labels(tmp_path / "a_labels.nii.gz", labels, volume)
    read, grid = read_volume_labels(tmp_path / "a_labels.nii.gz")
    assert np.array_equal(read, labels)
    assert grid.spacing == volume.spacing
    assert same_grid(volume, grid)
    (case,) = open_volume_folder(tmp_path).cases
    assert np.array_equal(read_case(case)[1], labels)


def test_labels_in_a_stack(tmp_path: Path) -> None:
    labels, grid = read_volume_labels(imagej(tmp_path / "a.tif", STACK % 4, spacing=2.0, unit="mm"))
    assert np.array_equal(labels, STACK % 4)
    assert grid.spacing == (2.0, 0.25, 0.5)


@pytest.mark.parametrize(
    ("shape", "axes", "reason"),
    [
        ((2, 6, 7, 8), "TZYX", "2 x 6 planes of several kinds (4-D)"),
        ((6, 2, 7, 8), "ZCYX", "6 x 2 planes of several kinds (4-D)"),
        ((5, 7, 8), "TYX", "channels, times or colours"),
        ((3, 7, 8), "CYX", "channels, times or colours"),
        ((7, 8), "YX", "is a single slice"),
    ],
)
def test_what_is_no_grey_stack(
    tmp_path: Path, shape: tuple[int, ...], axes: str, reason: str
) -> None:
    path = imagej(tmp_path / "a.tif", np.zeros(shape, np.uint8), axes)
    assert not is_volume_path(path)
    assert reason in refusal(path)


def test_colours_and_complex_numbers(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((6, 7, 8, 3), np.uint8), photometric="rgb")
    assert not is_volume_path(tmp_path / "rgb.tif")
    assert "several kinds" in refusal(tmp_path / "rgb.tif")
    tifffile.imwrite(tmp_path / "phase.tif", np.zeros((6, 7, 8), np.complex64))
    assert "complex" in refusal(tmp_path / "phase.tif")


def test_planes_that_may_be_the_colours_of_a_picture_are_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[:3], photometric="minisblack", metadata=None)
    assert not is_volume_path(tmp_path / "a.tif")


def test_missing_empty_and_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not exist" in refusal(tmp_path / "missing.tif")
    (tmp_path / "empty.tif").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "empty.tif")
    monkeypatch.setattr(memory, "free_memory", lambda: 100)
    assert "GB of memory" in refusal(imagej(tmp_path / "a.tif"))


@pytest.mark.parametrize("left", [4, 9, 200, 0.5, 0.9])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_file_that_ends_early(tmp_path: Path, left: float, compression: str | None) -> None:
    noise = np.random.default_rng(0).integers(0, 9999, (6, 30, 31)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", noise, compression=compression)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: int(left * len(content)) if left < 1 else int(left)])
    assert "damaged" in refusal(tmp_path / "a.tif")


@settings(max_examples=100)
@given(place=st.integers(0, 400), value=st.integers(0, 255), ome=st.booleans())
@example(place=42, value=0, ome=True)
@example(place=42, value=0, ome=False)
def test_any_wrong_byte_is_survived(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, ome: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / ("fuzz.ome.tif" if ome else "fuzz.tif")
    tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"})
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(bytes(content))
    assert is_volume_path(path) in (True, False)
    try:
        volume = read_volume(path)
    except BadInputError:
        assert path.name in refusal(path)
    else:
        assert np.isfinite(volume.voxels).all()
