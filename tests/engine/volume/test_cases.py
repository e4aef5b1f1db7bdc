"""Labelled volumes in a row: what is odd about their files is said once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Notice, Progress, run
from napari_selfreg.engine.volume.cases import FileNotes, read_cases
from napari_selfreg.io.volume.datasets import VolumeCase, open_volume_folder
from tests.engine.volume.blobs import SHAPE, blob_folder
from tests.io.volume.files import nifti, unplaced


def _case(number: int) -> VolumeCase:
    return VolumeCase(f"c{number}", Path(f"c{number}.nii"), Path(f"c{number}_labels.nii.gz"))


def test_a_kind_is_told_once_with_its_files() -> None:
    notes = FileNotes()
    assert notes.add(_case(1), ["c1.nii is odd: look."]) == ["c1.nii is odd: look."]
    assert notes.add(_case(2), ["c2.nii is odd: look.", "c2_labels.nii.gz is empty."]) == [
        "c2_labels.nii.gz is empty."
    ]
    assert notes.sentences() == [
        "c1.nii (and one more: c2.nii) is odd: look.",
        "c2_labels.nii.gz is empty.",
    ]
    assert notes.sentences(least=2) == ["c1.nii (and one more: c2.nii) is odd: look."]


@given(st.integers(1, 30))
def test_many_files_are_counted_and_some_named(count: int) -> None:
    notes = FileNotes()
    for number in range(count):
        notes.add(_case(number), [f"c{number}.nii is odd."])
    (sentence,) = notes.sentences()
    assert sentence.endswith(" is odd.")
    assert sentence.count(".nii") == min(count, 6)
    assert (f"{count - 1} more" in sentence) == (count > 2)
    assert ("…" in sentence) == (count > 6)


def test_an_image_and_its_labels_of_one_name_are_one_file() -> None:
    notes = FileNotes()
    case = VolumeCase("a", Path("images/a.nii"), Path("labels/a.nii"))
    notes.add(case, ["a.nii is odd.", "a.nii is odd."])
    assert notes.sentences() == ["a.nii is odd."]


def test_cases_are_read_in_order_and_used_at_once(tmp_path: Path) -> None:
    folder = blob_folder(tmp_path, 3)
    for name in ("blob0", "blob2"):
        nifti(folder / "labels" / f"{name}.nii.gz", np.zeros(SHAPE[::-1], np.uint8))
    events: list[Event] = []
    job = read_cases(
        open_volume_folder(folder).cases, lambda case, _, labels: (case.stem, bool(labels.any()))
    )
    assert run(job, events.append) == [("blob0", False), ("blob1", True), ("blob2", False)]
    assert [e.done for e in events if isinstance(e, Progress)] == [0, 1, 2]
    (told,) = (event.message for event in events if isinstance(event, Notice))
    assert told.startswith("blob0.nii.gz (and one more: blob2.nii.gz) labels nothing")


def test_a_stated_size_and_a_damaged_file(tmp_path: Path) -> None:
    folder = tmp_path
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    unplaced(folder / "images" / "a.nii.gz", np.zeros((4, 5, 6), np.float32))
    unplaced(folder / "labels" / "a.nii.gz", np.ones((4, 5, 6), np.uint8))
    cases = open_volume_folder(folder).cases
    found = run(read_cases(cases, lambda _, image, __: image.spacing, (2.0, 2.0, 2.0)))
    assert found == [(2.0, 2.0, 2.0)]
    (folder / "labels" / "a.nii.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(BadInputError, match="damaged"):
        run(read_cases(cases, lambda *_: None))
