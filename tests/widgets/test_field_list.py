from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.batch_events import BatchField, FieldDone, FieldFailed, FieldStarted
from napari_selfreg.engine.events import Progress
from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.io.remembered import remember_pixel_size, remember_voxel_size
from napari_selfreg.widgets.field_list import FieldList
from tests.widgets.fakes import make_card

HALF, QUARTER = PixelSize.isotropic(0.5), PixelSize.isotropic(0.25)


@pytest.fixture
def fields(qapp, tmp_path: Path) -> FieldList:
    made = FieldList()
    made.add([tmp_path / f"{name}.png" for name in "abcd"])
    return made


def stems(fields) -> str:
    return "".join(each.stem for each in fields)


def facts(stated: PixelSize | None) -> FieldFacts:
    return FieldFacts((4, 5), stated, np.zeros((4, 5, 3), np.uint8))


def test_files_are_listed_once_in_order(fields: FieldList, tmp_path: Path, qtbot) -> None:
    with qtbot.waitSignal(fields.changed):
        named = fields.add([tmp_path / "b.png", tmp_path / "e.png"], tmp_path)
    assert stems(named) == "be"
    assert stems(fields) == "abcde"
    assert [each.folder for each in named] == [None, tmp_path]
    with qtbot.assertNotEmitted(fields.changed):
        fields.add([tmp_path / "a.png"])
    assert fields.find(tmp_path / "e.png") is fields[4]
    assert fields.find(tmp_path / "x.png") is None


def test_steps_stop_at_both_ends(fields: FieldList) -> None:
    assert fields.current_index == -1
    assert fields.current_path() is None
    fields.step(1)
    assert fields.current is fields[0]
    fields.step(-1)
    assert fields.current is fields[0]
    for _ in range(9):
        fields.step(1)
    assert fields.current_path() == fields[3].path


def test_an_empty_list_has_no_steps(qapp) -> None:
    fields = FieldList()
    fields.step(1)
    assert (fields.current, len(fields), fields.queue(), fields.to_run()) == (None, 0, [], ())


@pytest.mark.parametrize(
    ("gone", "left", "current"),
    [("b", "acd", "c"), ("d", "abc", "b"), ("ab", "cd", "d"), ("abcd", "", None)],
)
def test_another_field_is_shown_when_the_current_one_is_removed(
    fields: FieldList, gone: str, left: str, current: str | None
) -> None:
    fields.set_current(fields[1])
    fields.remove([each for each in fields if each.stem in gone])
    assert stems(fields) == left
    assert (fields.current.stem if fields.current else None) == current


def test_changes_are_told_with_their_place(fields: FieldList, qtbot) -> None:
    with qtbot.waitSignal(fields.updated) as told:
        fields.update(fields[2], state="done")
    assert told.args == [2]
    with qtbot.assertNotEmitted(fields.updated):
        fields.update(fields[2], state="done")
    removed = fields[2]
    fields.remove([removed])
    with qtbot.assertNotEmitted(fields.updated):
        fields.update(removed, state="new")


def test_work_begins_with_the_field_that_is_looked_at(fields: FieldList) -> None:
    assert stems(fields.queue()) == "abcd"
    fields.set_current(fields[2])
    fields.update(fields[3], state="done")
    assert stems(fields.queue()) == "cdab"
    assert [each.path.stem for each in fields.to_run()] == ["c", "a", "b"]


def test_the_person_then_the_file_then_the_folder_say_the_pixel_size(
    fields: FieldList, tmp_path: Path
) -> None:
    first, second, *_ = fields
    assert first.known_size() is None
    remember_pixel_size(tmp_path / "a.png", HALF)
    assert first.known_size() == HALF
    fields.update(first, facts=facts(QUARTER))
    assert first.known_size() == QUARTER
    fields.update(first, pixel_size=PixelSize(2, 1))
    assert first.known_size() == PixelSize(2, 1)
    fields.update(second, facts=facts(QUARTER))
    run = fields.to_run()
    # What the file states is its own word, not the person's.
    assert run[:3] == (
        BatchField(first.path, PixelSize(2, 1)),
        BatchField(second.path, None),
        BatchField(tmp_path / "c.png", HALF),
    )


def test_volumes_are_run_apart_with_their_own_size(fields: FieldList, tmp_path: Path) -> None:
    silent, placed = fields.add([tmp_path / "v.nii.gz", tmp_path / "w.nii"])
    fields.update(silent, facts=FieldFacts((4, 5), None, None, slices=3))
    fields.update(placed, facts=FieldFacts((4, 5), HALF, None, slices=3))
    assert [each.path.stem for each in fields.to_run()] == list("abcd")
    assert (silent.size_known(), placed.size_known()) == (False, True)
    assert (fields.of_other_kind(volumes=False), fields.of_other_kind(volumes=True)) == (2, 4)
    remember_voxel_size(tmp_path, (3, 2, 1))
    assert silent.size_known()
    assert fields.to_run(volumes=True) == (
        BatchField(silent.path, None, (3, 2, 1)),
        BatchField(placed.path),
    )
    fields.update(silent, spacing=(4, 2, 1))
    assert fields.to_run(volumes=True)[0].spacing == (4, 2, 1)


def test_what_run_on_all_finds_in_a_volume_lies_in_its_files(fields: FieldList) -> None:
    first = fields[0]
    fields.update(first, recalled=True)
    done, card = FieldDone(first.path, None), make_card()
    fields.on_batch_event(done, card)
    assert (first.state, first.pending, first.written) == ("segmented", None, (done, card))
    assert not first.recalled


def test_what_run_on_all_tells_is_noted(fields: FieldList, tmp_path: Path) -> None:
    card, (first, second, third, _) = make_card(), fields
    fields.on_batch_event(Progress(0, 0), card)
    fields.on_batch_event(FieldStarted(tmp_path / "elsewhere.png"), card)
    fields.on_batch_event(FieldStarted(first.path), card)
    assert first.running
    done = FieldDone(first.path, SimpleNamespace())
    fields.on_batch_event(done, card)
    assert (first.running, first.state, first.pending) == (False, "segmented", (done, card))
    fields.update(first, state="corrected")  # while the others are being segmented
    fields.on_batch_event(done, card)
    assert first.state == "corrected"
    assert first.path not in [each.path for each in fields.to_run()]
    fields.on_batch_event(FieldStarted(second.path), card)
    fields.on_batch_event(FieldFailed(second.path, "b.png is empty."), card)
    assert (second.running, second.state, second.problem) == (False, "new", "b.png is empty.")
    fields.on_batch_event(FieldStarted(second.path), card)
    assert second.problem == ""
    fields.on_batch_event(FieldStarted(third.path), card)
    fields.end_batch()
    assert not any(each.running for each in fields)
