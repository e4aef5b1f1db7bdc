"""What the Open panel offers, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.widgets import open_form
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.open_form import (
    ALL_HERS,
    EMPTY,
    LOOKING,
    NO_MODEL_PANEL,
    NOT_READABLE,
    RUNNING,
    SAMPLES,
    OpenForm,
)

KNOWN = FieldFacts((40, 60), PixelSize(0.5, 0.5), None)
UNKNOWN = FieldFacts((40, 60), None, None)


@pytest.fixture
def form(qtbot) -> Any:
    """A form with the fields a, b and c, the second of them on show."""
    parent = QWidget()
    qtbot.addWidget(parent)
    made = OpenForm(FieldList(), parent)
    made.list, made.around = made._fields, parent  # Qt keeps no parent that nobody holds
    for field in made.list.add(Path(f"{name}.png") for name in "abc"):
        made.list.update(field, facts=KNOWN)
    made.list.set_current(made.list[1])
    made.set_runnable(True)
    return made


def test_without_fields_it_says_what_to_do(qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = OpenForm(FieldList(), parent)
    assert made.missing() == made.empty.text() == EMPTY
    assert made.view.isHidden()
    assert made.done_button.isHidden()
    assert not made.empty.isHidden()


def test_all_is_well(form: Any) -> None:
    assert form.missing() == ""
    assert form.run_all_button.isEnabled()
    assert form.run_all_button.text() == "Run on all 3 fields"
    assert "beside the images" in form.output_words.text()


def test_each_thing_that_is_missing_is_said(form: Any) -> None:
    form.list.update(form.list[2], facts=UNKNOWN)
    assert form.missing() == "c.png does not state its pixel size: choose it above first."
    form.list.update(form.list[2], facts=None)
    assert form.missing() == LOOKING
    form.set_runnable(False)
    assert form.missing() == NO_MODEL_PANEL
    assert form.output_button.isHidden()  # beside that sentence it would seem to be about it


def test_run_on_all_is_cancelled_where_it_was_asked_for(form: Any, qtbot) -> None:
    with qtbot.waitSignal(form.runAll):
        form.run_all_button.click()
    form.list.batch_running = True
    form.refresh()
    assert form.run_all_button.text() == "Cancel"
    assert form.output_words.text() == RUNNING
    with qtbot.assertNotEmitted(form.runAll), qtbot.waitSignal(form.cancelAll):
        form.run_all_button.click()
    form.list.end_batch()
    form.refresh()
    assert form.run_all_button.text() == "Run on all 3 fields"
    assert not form.output_button.isHidden()


def test_a_size_that_a_person_chose_counts(form: Any) -> None:
    form.list.update(form.list[2], facts=UNKNOWN, pixel_size=PixelSize(1, 1))
    assert form.missing() == ""


def test_what_cannot_be_opened_keeps_nobody_waiting(form: Any) -> None:
    form.list.update(form.list[2], facts=None, problem="This file is damaged.")
    assert form.missing() == ""
    for field in form.list:
        form.list.update(field, facts=None, problem="This file is damaged.")
    assert form.missing() == NOT_READABLE


def test_done_fields_are_left_out(form: Any) -> None:
    form.done_button.click()
    assert form.list[1].state == "done"
    form.refresh()
    assert form.run_all_button.text() == "Run on all 2 fields"
    assert "1 done or corrected: left alone." in form.output_words.text()
    form.list.update(form.list[2], state="corrected")
    form.list.update(form.list[0], state="done")
    assert form.missing() == ALL_HERS


@pytest.mark.parametrize("state", ["new", "segmented", "corrected"])
def test_a_field_that_is_not_done_after_all_is_what_it_was(form: Any, state: str) -> None:
    form.list.update(form.list[1], state=state)
    form.done_button.click()
    assert form.list[1].state == "done"
    form.done_button.click()
    assert form.list[1].state == state


def test_samples_need_a_folder_for_their_results(
    form: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(open_form, "is_sample", lambda path: path.stem == "b")
    assert form.missing() == SAMPLES
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    form.output_button.click()
    assert form.missing() == ""
    assert tmp_path.name[-12:] in form.output_words.text()
    assert form.output_words.toolTip() == str(tmp_path)


def test_turning_pages(form: Any) -> None:
    assert form.previous_button.isEnabled()
    form.next_button.click()
    assert form.list.current_index == 2
    assert not form.next_button.isEnabled()
    form.previous_button.click()
    form.previous_button.click()
    assert form.list.current_index == 0
    assert not form.previous_button.isEnabled()


@pytest.mark.parametrize(
    ("state", "answer", "left"), [("segmented", None, 2), ("corrected", False, 3)]
)
def test_corrections_are_not_removed_unasked(
    form: Any, monkeypatch: pytest.MonkeyPatch, state: Any, answer: bool | None, left: int
) -> None:
    buttons, asked = QMessageBox.StandardButton, []
    reply = buttons.Yes if answer else buttons.No
    monkeypatch.setattr(QMessageBox, "question", lambda *a: asked.append(a) or reply)
    form.list.update(form.list[1], state=state)
    form.remove_button.click()
    assert len(form.list) == left
    assert bool(asked) is (answer is not None)


@pytest.mark.parametrize("reply", [[], ["a.png", "b.svs"]])
def test_files_are_asked_for(form: Any, monkeypatch: pytest.MonkeyPatch, reply: list[str]) -> None:
    chosen: list[Any] = []
    form.filesChosen.connect(chosen.append)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (reply, ""))
    form.files_button.click()
    assert chosen == ([[Path(each) for each in reply]] if reply else [])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "".join(reply[:1]))
    form.folder_button.click()
    assert len(chosen) == 2 * bool(reply)


def test_a_slide_is_offered_piece_by_piece_once(form: Any, qtbot) -> None:
    form.offer_lazy("a.svs")
    assert "a.svs" in form.lazy_words.text()
    with qtbot.waitSignal(form.lazyAccepted):
        form.lazy_button.click()
    assert form.lazy_words.isHidden()
    assert form.lazy_button.isHidden()


def test_long_names_widen_nothing(form: Any) -> None:
    form.set_image("a very long name of a slide from the archive.svs")
    assert len(form.size_group.title()) < 45
    assert "…" in form.size_group.title()
    form.set_image("")
    assert form.size_group.isHidden()
    form.tell("")
    assert form.status.isHidden()
