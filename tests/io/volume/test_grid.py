"""When two grids are one, and in what they differ otherwise."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume import Grid, read_volume, require_same_grid, same_grid
from tests.io.volume.files import RAMP, nifti, unplaced

SHAPE, SPACING = (40, 50, 60), (2.0, 1.0, 0.5)
AFFINE = np.diag([0.5, 1.0, 2.0, 1.0])


def grid(affine: np.ndarray | None = AFFINE, spacing: tuple[float, ...] = SPACING) -> Grid:
    return Grid(SHAPE, spacing, affine, "a")


@given(st.tuples(*[st.floats(-0.02, 0.02)] * 3), st.floats(-3e-4, 3e-4))
def test_what_programs_round_away_does_not_matter(
    shift: tuple[float, float, float], tilt: float
) -> None:
    other = AFFINE.copy()
    other[:3, 3] += shift
    other[0, 1] += tilt
    assert same_grid(grid(), grid(other)) == same_grid(grid(other), grid())
    far = np.linalg.norm(shift) + 49 * abs(tilt)
    if far < 0.05:  # a tenth of the smallest side of a voxel
        assert same_grid(grid(), grid(other))


@pytest.mark.parametrize(("row", "column", "by"), [(0, 3, 0.06), (2, 3, -0.5), (0, 1, 0.002)])
def test_a_tenth_of_a_voxel_matters(row: int, column: int, by: float) -> None:
    other = AFFINE.copy()
    other[row, column] += by
    assert not same_grid(grid(), grid(other))
    with pytest.raises(BadInputError, match="position or direction"):
        require_same_grid(grid(), grid(other))


def test_a_mirrored_grid_is_another() -> None:
    assert not same_grid(grid(), grid(np.diag([-0.5, 1.0, 2.0, 1.0])))


def test_without_a_place_shape_and_spacing_decide() -> None:
    assert same_grid(grid(), grid(None))
    assert same_grid(grid(None), grid(None, (2.0005, 1.0, 0.5)))
    assert not same_grid(grid(None), grid(None, (2.01, 1.0, 0.5)))  # 0.4 mm after 40 slices
    assert not same_grid(grid(None), Grid((40, 50, 61), SPACING, None, "b"))


def test_numbers_of_the_other_byte_order_are_read(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image(RAMP.astype(">i2"), np.eye(4), header)
    nibabel.save(image, tmp_path / "a.nii.gz")
    assert (tmp_path / "a.nii.gz").is_file()
    volume = read_volume(tmp_path / "a.nii.gz")
    assert np.array_equal(volume.voxels, RAMP.T)
    assert volume.voxels.dtype == np.dtype(np.float32)


def test_who_stated_the_spacing_is_known(tmp_path: Path) -> None:
    placed = nifti(tmp_path / "a.nii.gz")
    bare = unplaced(tmp_path / "b.nii.gz")
    senseless = unplaced(tmp_path / "c.nii.gz", pixdim=[1, np.nan, 1, 1, 1, 1, 1, 1])
    stack = tmp_path / "d.tif"
    tifffile.imwrite(stack, np.tile(RAMP, (3, 1, 1)), photometric="minisblack")
    half = (0.5, 0.5, 0.5)
    assert [read_volume(path).source for path in (placed, bare, senseless, stack)] == [
        *("file", "file", "assumed", "assumed")
    ]
    assert [read_volume(path, half).source for path in (placed, bare, stack)] == [
        *("file", "option", "option")
    ]
    assert read_volume(stack, half).grid.source == "option"
