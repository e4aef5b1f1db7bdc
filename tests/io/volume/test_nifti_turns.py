"""Orientation and spacing, both ways: read in one orientation, written in that of the file."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel import orientations
from scipy.spatial.transform import Rotation

from napari_selfreg.io.volume import (
    is_oblique,
    layer_affine,
    layer_scale,
    layer_translate,
    read_volume,
    read_volume_labels,
    same_grid,
    write_volume_labels,
)
from tests.io.volume.files import RAMP, nifti

CODES = [
    "".join(signs)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for signs in itertools.product(*axes)
]
PLACED = np.array([[1.5, 0, 0, -20], [0, 2.5, 0, 30], [0, 0, 4.0, -5], [0, 0, 0, 1]])
LABELS = (RAMP % 7).astype(np.int32)


def turned(codes: str, affine: np.ndarray = PLACED) -> nibabel.Nifti1Image:
    """Return `RAMP` on a RAS grid as a file of another orientation stores it."""
    ras = nibabel.Nifti1Image(RAMP, affine)
    way = orientations.ornt_transform(
        orientations.axcodes2ornt("RAS"), orientations.axcodes2ornt(codes)
    )
    return ras.as_reoriented(way)


def test_there_are_48_orientations() -> None:
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("codes", CODES)
def test_every_orientation_is_turned_and_turned_back(tmp_path: Path, codes: str) -> None:
    source = turned(codes)
    assert "".join(nibabel.aff2axcodes(source.affine)) == codes
    nibabel.save(source, tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    canonical = nibabel.as_closest_canonical(source)
    assert np.array_equal(volume.voxels, np.asarray(canonical.dataobj).T)
    assert np.array_equal(volume.voxels, RAMP.T)
    assert volume.affine is not None
    assert np.allclose(volume.affine, canonical.affine)
    assert volume.spacing == (4.0, 2.5, 1.5)

    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    written = nibabel.load(tmp_path / "b.nii.gz")
    assert np.array_equal(written.affine, source.affine)
    assert written.shape == source.shape
    assert written.header.get_zooms() == source.header.get_zooms()
    assert np.array_equal(np.asarray(written.dataobj), np.asarray(source.dataobj) % 7)
    labels, grid = read_volume_labels(tmp_path / "b.nii.gz")
    assert np.array_equal(labels, LABELS.T)
    assert same_grid(volume, grid)


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from(CODES),
    st.tuples(*[st.floats(0.2, 5.0)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_oblique_grids_keep_their_affine(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    codes: str,
    sizes: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() * sizes
    affine[:3, 3] = origin
    folder = tmp_path_factory.getbasetemp()
    nibabel.save(turned(codes, affine), folder / "oblique.nii")
    source = nibabel.load(folder / "oblique.nii")
    volume = read_volume(folder / "oblique.nii")
    canonical = nibabel.as_closest_canonical(source)
    assert np.array_equal(volume.voxels, np.asarray(canonical.dataobj).T)
    assert volume.affine is not None
    assert np.allclose(volume.affine, canonical.affine)
    assert np.allclose(volume.spacing[::-1], nibabel.affines.voxel_sizes(canonical.affine))
    write_volume_labels(folder / "written.nii", volume.voxels.astype(int), volume)
    written = nibabel.load(folder / "written.nii")
    assert np.array_equal(written.affine, source.affine)
    assert np.array_equal(np.asarray(written.dataobj), np.asarray(source.dataobj))


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (2, 1), (4, 3)])
def test_both_forms_and_their_codes_are_kept(tmp_path: Path, sform: int, qform: int) -> None:
    image = nibabel.Nifti1Image(RAMP, None)
    other = PLACED.copy()
    other[:3, :3] = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix() * [3, 2, 1]
    image.set_sform(PLACED, sform)
    image.set_qform(other, qform)
    nibabel.save(image, tmp_path / "a.nii.gz")
    source = nibabel.load(tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    assert volume.affine is not None
    assert np.allclose(volume.affine, nibabel.as_closest_canonical(source).affine)
    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    written = nibabel.load(tmp_path / "b.nii.gz").header
    for name in ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "qoffset_x"):
        assert np.array_equal(written[name], source.header[name]), name
    assert np.array_equal(written.get_qform(), source.header.get_qform())
    assert written.get_zooms() == source.header.get_zooms()


def test_a_nifti_2_file_is_read_and_its_labels_fit(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti2Image(RAMP, PLACED), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    assert np.array_equal(volume.voxels, RAMP.T)
    write_volume_labels(tmp_path / "b.nii.gz", LABELS.T, volume)
    assert np.array_equal(nibabel.load(tmp_path / "b.nii.gz").affine, PLACED)


def test_labels_of_another_orientation_fit_their_image(tmp_path: Path) -> None:
    nibabel.save(turned("RAS"), tmp_path / "a.nii.gz")
    nibabel.save(turned("PIR"), tmp_path / "b.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    labels, grid = read_volume_labels(tmp_path / "b.nii.gz")
    assert same_grid(volume, grid)
    assert np.array_equal(labels, volume.voxels)


def test_layers_lie_where_the_scanner_saw_them(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz", RAMP, PLACED))
    assert layer_scale(volume) == (4.0, 2.5, 1.5)
    assert layer_translate(volume) == (-5.0, 30.0, -20.0)
    assert not is_oblique(volume)
    x, y, z, _ = PLACED @ [1, 2, 3, 1]
    assert np.allclose(layer_affine(volume) @ [3, 2, 1, 1], [z, y, x, 1])
    assert np.allclose(layer_affine(volume)[:3, :3] @ np.eye(3), np.diag(layer_scale(volume)))


def test_oblique_volumes_are_known(tmp_path: Path) -> None:
    tilted = PLACED.copy()
    tilted[:3, :3] = Rotation.from_euler("x", 5, degrees=True).as_matrix() @ PLACED[:3, :3]
    assert is_oblique(read_volume(nifti(tmp_path / "a.nii.gz", RAMP, tilted)))
