"""NIfTI files that cannot be used, or only with an assumption: one sentence with a remedy each."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import memory
from napari_selfreg.io.volume import read_volume, read_volume_labels, require_same_grid
from napari_selfreg.io.volume.datasets import VolumeCase, read_case
from tests.io.volume.files import RAMP, nifti, refusal, unplaced

LABELS = (RAMP % 3).astype(np.uint8)


def test_a_file_without_affine_says_what_is_assumed(tmp_path: Path) -> None:
    (note,) = read_volume(unplaced(tmp_path / "a.nii.gz")).notes
    assert note == (
        "a.nii.gz states no orientation: its axes are taken to run right, to the front and up, "
        "with voxels of 1 x 1 x 1 mm; write its affine if that is wrong."
    )


@pytest.mark.parametrize(("size", "taken"), [(0.0, (3.0, 2.0, 1.0)), (np.nan, (1.0, 1.0, 1.0))])
def test_sizes_that_are_missing_are_taken_as_1_mm(
    tmp_path: Path, size: float, taken: tuple[float, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    path = unplaced(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[80:92] = struct.pack("<3f", size, 2, 3)  # pixdim[1:4]
    path.write_bytes(bytes(content))
    volume = read_volume(path)
    assert volume.spacing == taken
    assert " x ".join(f"{size:g}" for size in taken) in volume.notes[0]
    assert capfd.readouterr() == ("", "")  # nibabel has nothing to add


@pytest.mark.parametrize(("at", "bytes_"), [(344, b"n+9"), (70, b"\x01\x10"), (108, bytes(4))])
def test_nibabel_adds_nothing_to_what_is_said(
    tmp_path: Path, at: int, bytes_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = nifti(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[at : at + len(bytes_)] = bytes_  # magic, type of the voxels, and where they begin
    path.write_bytes(bytes(content))
    with suppress(BadInputError):  # the last one can be repaired
        read_volume(path)
    assert not caplog.records


@pytest.mark.parametrize(
    "rows",
    [
        np.diag([1.0, 1.0, 0.0]),
        np.ones((3, 3)),
        np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        np.diag([1.0, np.nan, 1.0]),
        np.diag([1.0, np.inf, 1.0]),
        np.zeros((3, 3)),
    ],
)
def test_an_affine_without_inverse(tmp_path: Path, rows: np.ndarray) -> None:
    path = nifti(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    for row in range(3):  # srow_x, srow_y and srow_z
        content[280 + 16 * row : 292 + 16 * row] = struct.pack("<3f", *rows[row])
    path.write_bytes(bytes(content))
    assert "affine without inverse" in refusal(path)
    assert "affine without inverse" in refusal(path, labels=True)


def test_several_volumes_in_one_file(tmp_path: Path) -> None:
    path = nifti(tmp_path / "fmri.nii.gz", np.zeros((4, 5, 6, 7), np.int16))
    assert "holds 7 volumes in one file (4-D)" in refusal(path)


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 1), (1, 9, 8), (9, 1, 8), (9,)])
def test_a_single_slice(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = nifti(tmp_path / "slice.nii.gz", np.zeros(shape, np.int16))
    assert "is a single slice" in refusal(path)


@pytest.mark.parametrize("left", [1, 12, 60, 0.5, 0.9, -1])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_file_that_ends_early(tmp_path: Path, suffix: str, left: float) -> None:
    noise = np.random.default_rng(0).integers(0, 9999, (20, 21, 22)).astype(np.int16)
    path = nifti(tmp_path / f"a{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if 0 < left < 1 else int(left)])
    if left == 1 and suffix == ".nii.gz":
        assert "not compressed" in refusal(path)
    else:
        assert "damaged or was not copied completely" in refusal(path)


def test_a_damaged_check_sum(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", np.random.default_rng(0).random((30, 30, 30)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))
    assert "damaged" in refusal(path)


def test_names_and_packing_that_disagree(tmp_path: Path) -> None:
    plain = nifti(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(plain)
    assert refusal(tmp_path / "b.nii.gz").endswith("rename it to b.nii.")
    (tmp_path / "c.nii").write_bytes(gzip.compress(plain))
    assert refusal(tmp_path / "c.nii").endswith("rename it to c.nii.gz.")


@pytest.mark.parametrize(
    "content", [b"not a volume at all" * 40, b"\x89PNG\r\n\x1a\n" + bytes(500)]
)
def test_other_content_under_the_name_of_a_volume(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nii").write_bytes(content)
    assert "damaged" in refusal(tmp_path / "a.nii")
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    assert "damaged" in refusal(tmp_path / "a.nii.gz")


def test_no_file_no_bytes_and_a_folder(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "missing.nii.gz")
    (tmp_path / "empty.nii.gz").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "empty.nii.gz")
    (tmp_path / "folder.nii.gz").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.nii.gz")


def test_colours_and_complex_numbers(tmp_path: Path) -> None:
    colours = np.zeros((4, 5, 6), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    assert "colours" in refusal(nifti(tmp_path / "rgb.nii.gz", colours))
    assert "complex" in refusal(nifti(tmp_path / "phase.nii.gz", np.zeros((4, 5, 6), np.complex64)))


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[42:48] = struct.pack("<3h", 32_000, 32_000, 32_000)  # dim[1:4]
    path.write_bytes(bytes(content))
    sentence = refusal(path)
    assert "GB of memory" in sentence
    assert sentence.endswith("cut out the part you need or save it with larger voxels.")


def test_memory_is_asked_for_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    assert "GB of memory" in refusal(nifti(tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_voxels_that_are_no_number_take_the_lowest_value(tmp_path: Path, bad: float) -> None:
    values = RAMP.astype(np.float64) + 5
    values[1, 2, 3] = values[3, 2, 1] = bad
    volume = read_volume(nifti(tmp_path / "a.nii.gz", values))
    assert np.isfinite(volume.voxels).all()
    assert volume.voxels[3, 2, 1] == volume.voxels[1, 2, 3] == 5
    (note,) = volume.notes
    assert note.startswith("a.nii.gz holds voxels without a finite number (2 of 120)")


def test_nothing_but_nan(tmp_path: Path) -> None:
    assert "no finite number" in refusal(nifti(tmp_path / "a.nii.gz", np.full((4, 5, 6), np.nan)))


def test_outliers_of_a_scanner_pass_and_impossible_ones_are_noted(tmp_path: Path) -> None:
    values = RAMP.copy()
    values[0, 0, 0] = 1.7e6
    assert read_volume(nifti(tmp_path / "a.nii.gz", values)).notes == ()
    values[0, 0, 0] = 1e30
    volume = read_volume(nifti(tmp_path / "b.nii.gz", values))
    assert volume.voxels.max() == np.float32(1e30)
    (note,) = volume.notes
    assert note.startswith("b.nii.gz holds intensities from 1 to 1e+30, which no scanner measures")


@pytest.mark.parametrize(
    ("value", "reason"), [(0.5, "fractions"), (-1, "outside"), (np.nan, "no numbers")]
)
def test_numbers_that_are_no_labels(tmp_path: Path, value: float, reason: str) -> None:
    values = LABELS.astype(np.float32)
    values[0, 0, 0] = value
    assert reason in refusal(nifti(tmp_path / "a.nii.gz", values), labels=True)


def test_labels_that_are_empty(tmp_path: Path) -> None:
    labels, grid = read_volume_labels(nifti(tmp_path / "a.nii.gz", LABELS * 0))
    assert not labels.any()
    assert grid.notes == (
        "a.nii.gz labels nothing, all of it is background: check that it is complete.",
    )


def test_a_mask_of_255_is_spoken_of(tmp_path: Path) -> None:
    labels, grid = read_volume_labels(nifti(tmp_path / "a.nii.gz", np.uint8([[[0, 255]] * 2] * 2)))
    assert set(np.unique(labels)) == {0, 1}
    assert grid.notes[0].startswith("a.nii.gz holds 0 and 255 only and is taken as a mask")
    partly = np.uint8([[[0, 255, 1]] * 2] * 2)
    labels, grid = read_volume_labels(nifti(tmp_path / "b.nii.gz", partly))
    assert set(np.unique(labels)) == {0, 1, 255}
    assert grid.notes == ()


def test_a_volume_of_one_value_is_spoken_of(tmp_path: Path) -> None:
    volume = read_volume(nifti(tmp_path / "a.nii.gz", np.full((4, 5, 6), 7, np.float32)))
    assert volume.notes == (
        "a.nii.gz holds one value only, 7: check that it is the file you mean.",
    )


@pytest.mark.parametrize(
    ("shape", "affine", "reason"),
    [
        ((4, 5, 7), np.eye(4), "have 7 x 5 x 4 voxels but their image image has 6 x 5 x 4"),
        ((4, 5, 6), np.diag([1, 1, 2.0, 1]), r"size of their voxels \(2 x 1 x 1 and 1 x 1 x 1 mm"),
        ((4, 5, 6), np.eye(4) + 0.5 * np.eye(4, k=3), r"position or direction \(by up to 0\.5 mm"),
    ],
)
def test_labels_on_another_grid(tmp_path: Path, shape: Any, affine: Any, reason: str) -> None:
    image = nifti(tmp_path / "image.nii.gz")
    labels = nifti(tmp_path / "truth.nii.gz", np.ones(shape, np.uint8), affine)
    with pytest.raises(BadInputError, match=rf"truth.*{reason}"):
        read_case(VolumeCase("image", image, labels))
    _, grid = read_volume_labels(labels)
    with pytest.raises(BadInputError, match=r"resample the labels to the grid of the image.*\.$"):
        require_same_grid(read_volume(image), grid)


@settings(max_examples=150)
@given(st.integers(0, 351), st.integers(0, 255), st.booleans())
def test_any_wrong_byte_of_a_header_is_survived(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, packed: bool
) -> None:
    content = bytearray(nibabel.Nifti1Image(RAMP, np.eye(4)).to_bytes())
    content[place] = value
    path = tmp_path_factory.getbasetemp() / ("fuzz.nii.gz" if packed else "fuzz.nii")
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
    try:
        volume = read_volume(path)
    except BadInputError:
        assert path.name in refusal(path)
    else:
        assert np.isfinite(volume.voxels).all()
        assert all(np.isfinite(size) and size > 0 for size in volume.spacing)


def test_voxels_do_not_change_with_their_file(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii")
    volume = read_volume(path)
    with path.open("r+b") as stream:
        stream.truncate(400)
    assert np.array_equal(volume.voxels, RAMP.T)
