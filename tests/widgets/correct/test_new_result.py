from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PostProcessing
from napari_selfreg.io.project import ObjectState, Project, Region, read_manifest
from napari_selfreg.io.project.new_objects import NewObjects, prepare_objects
from napari_selfreg.widgets.correct.new_result import (
    ASK,
    BESIDE,
    SAME,
    TAKEN,
    NewResult,
    looked_at,
    note_beside,
)
from napari_selfreg.widgets.result_info import RESULT_KEY, result_info
from napari_selfreg.widgets.result_plane import table_of
from tests.widgets.correct.steps import add_result_of_file, stroke
from tests.widgets.results_steps import add_objects


@pytest.fixture
def box(desk: Any, qtbot: Any) -> Any:
    viewer, made, layer = desk
    shown = NewResult(viewer, made)
    qtbot.addWidget(shown)
    return viewer, made, layer, shown


def second_result(viewer: Any, made: Any, **changes: Any) -> Any:
    """Add a newer result on the image of the field on show, as the Segment panel does."""
    from dataclasses import replace

    info = result_info(made.link.layer)
    labels = np.zeros(made.link.labels.shape, np.int32)
    labels[2:12, 2:12], labels[20:34, 30:50], labels[30:50, 0:20] = 1, 2, 3
    layer = viewer.add_labels(labels, name="newer", scale=made.link.layer.scale)
    changed = {"model_name": "other", "model_version": "def", **changes}
    layer.metadata[RESULT_KEY] = replace(info, **changed)
    made.shared.resultChanged.emit(layer)
    return layer


def protect(made: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Accept one object and review a corner; return labels, what must stay, and the object."""
    project, field = made.project, made.link.field
    old = np.array(made.link.labels)
    accepted = int(np.unique(old)[-1])
    project.set_objects(field, {accepted: ObjectState(class_name="spot", accepted=True)})
    project.put_region(field, Region.rectangle(Box(0, 0, 25, 25)))
    kept = old == accepted
    kept[:25, :25] = True
    return old, kept, accepted


def test_a_newer_result_changes_nothing_by_itself(box) -> None:
    viewer, made, _, shown = box
    before = np.array(made.link.labels)
    layer = second_result(viewer, made)
    assert made.link.layer is not layer
    assert np.array_equal(made.project.labels("f1"), before)
    assert np.array_equal(made.link.labels, before)
    assert not shown.isHidden()
    assert shown.text.text() == ASK.format("newer")


def test_a_result_from_before_the_corrections_is_not_newer(box, tmp_path: Path) -> None:
    viewer, made, layer, shown = box
    made.close()
    made.shared.resultChanged.emit(layer)
    viewer.add_labels(np.array(layer.data), name="mine", scale=layer.scale)
    made.start(tmp_path / "another")
    assert made.link.layer.name == "mine"
    assert shown.isHidden()
    second_result(viewer, made)
    assert shown.text.text() == ASK.format("newer")


def test_one_more_field_leaves_the_newer_result_of_another(box, tmp_path: Path) -> None:
    viewer, made, layer, shown = box
    newer = second_result(viewer, made)
    add_result_of_file(viewer, tmp_path, "field 2")
    made.add()
    assert shown.isHidden()
    viewer.layers.selection.active = layer
    made.add()
    assert made.link.layer is layer
    assert shown.offered() is newer


def test_what_was_found_before_an_older_project_is_opened_is_newer(box) -> None:
    viewer, made, layer, shown = box
    folder = made.project.folder
    newer = second_result(viewer, made)
    made.close()
    made.open(folder)
    assert made.link.layer is layer
    assert shown.offered() is newer


def test_taken_over_reviewed_and_accepted_stay_bit_for_bit(box, qtbot) -> None:
    viewer, made, _, shown = box
    old, kept, accepted = protect(made)
    layer = second_result(viewer, made)
    with qtbot.waitSignal(made.told) as signal:
        shown.button.click()
    new = np.array(made.project.labels("f1"))
    assert signal.args == [TAKEN]
    assert np.array_equal(new[kept], old[kept])
    assert ((new == accepted) == (old == accepted)).all()
    assert not np.array_equal(new, old)
    assert np.array_equal(new, made.link.labels)
    facts = made.project.facts("f1")
    assert (facts.model, facts.version) == ("other", "def")
    fresh = set(np.unique(new)) - set(np.unique(old))
    assert fresh
    assert {facts.objects[int(one)].class_name for one in fresh} == {"spot"}
    rows = table_of(made.link.layer.features)
    assert set(np.unique(new[new > 0]).tolist()) >= fresh
    assert "class" in made.link.layer.features
    assert not rows or set(rows["index"].tolist()) <= set(facts.objects)
    assert shown.isHidden()
    assert not layer.visible
    assert viewer.layers.selection.active == made.link.layer


def test_one_undo_takes_it_back_and_one_redo_brings_it_again(box) -> None:
    viewer, made, layer, shown = box
    stroke(layer)
    old, _, _ = protect(made)
    facts = made.project.facts("f1")
    second_result(viewer, made)
    shown.take()
    new = np.array(made.project.labels("f1"))
    layer.undo()
    assert np.array_equal(made.project.labels("f1"), old)
    again = made.project.facts("f1")
    assert (again.model, again.version) == (facts.model, facts.version)
    known = {one: said for one, said in again.objects.items() if said != ObjectState()}
    assert known == facts.objects
    layer.redo()
    assert np.array_equal(made.project.labels("f1"), new)
    assert made.project.facts("f1").model == "other"
    layer.undo()
    layer.undo()
    assert not (made.project.labels("f1") == 9).any()  # her stroke is a step of its own


def test_the_settings_of_what_was_taken_over_are_kept_until_it_is_undone(box) -> None:
    viewer, made, layer, shown = box
    first, second = result_info(layer).settings, PostProcessing(0.7, 9.0, 3.0, 0.2)
    second_result(viewer, made, settings=second)
    shown.take()
    kept = [read_manifest(made.project.folder).fields[0].settings]
    for step in (layer.undo, layer.redo):
        step()
        kept.append(read_manifest(made.project.folder).fields[0].settings)
    assert kept == [second, first, second]


def test_each_of_two_is_undone_by_itself(box) -> None:
    viewer, made, layer, shown = box
    first = made.project.facts("f1").model
    second_result(viewer, made)
    shown.take()
    third = second_result(viewer, made, model_name="third")
    third.data = np.roll(third.data, 5, axis=1)
    shown.take()
    models = [made.project.facts("f1").model]
    for step in (layer.undo, layer.undo, layer.redo, layer.redo):
        step()
        models.append(made.project.facts("f1").model)
    assert models == ["third", "other", first, "other", "third"]


def test_what_a_model_finds_anew_is_not_ascribed_to_the_one_before(box) -> None:
    viewer, made, layer, shown = box
    second_result(viewer, made)
    shown.take()
    found = NewObjects("f1", np.zeros(made.link.labels.shape, np.int32))
    prepare_objects(made.project, found, "tuned", "v2").put(made.project)
    made.shared.projectEdited.emit(("f1",))
    stroke(layer)
    assert made.project.facts("f1").model == "tuned"


def test_another_project_keeps_what_it_says_of_its_own_field(box, tmp_path: Path) -> None:
    viewer, made, layer, shown = box
    second_result(viewer, made)
    shown.take()
    made.close()
    viewer.layers.selection.active = layer
    made.start(tmp_path / "another")
    made.project.set_model("f1", "its own", "1")
    stroke(layer)
    assert made.project.facts("f1").model == "its own"


def test_it_is_there_after_reopening(box) -> None:
    viewer, made, _, shown = box
    second_result(viewer, made)
    shown.take()
    new, folder = np.array(made.link.labels), made.project.folder
    made.close()
    with Project.open(folder) as project:
        assert np.array_equal(project.labels("f1"), new)
        assert project.facts("f1").model == "other"


def test_outside_of_what_was_segmented_everything_stays(box) -> None:
    viewer, made, _, shown = box
    old = np.array(made.link.labels)
    part = Box(0, 0, 30, old.shape[1])
    mask = np.ones(part.shape, bool)
    mask[:, 40:] = False
    second_result(viewer, made, box=part, mask=mask)
    shown.take()
    new = np.array(made.link.labels)
    assert np.array_equal(new[30:], old[30:])
    assert np.array_equal(new[:, 40:], old[:, 40:])
    assert not np.array_equal(new, old)


def test_nothing_new_is_said(box, qtbot) -> None:
    viewer, made, _, shown = box
    whole = Box(0, 0, *made.link.labels.shape)
    made.project.put_region("f1", Region.rectangle(whole))
    second_result(viewer, made)
    sequence = made.project.sequence
    with qtbot.waitSignal(made.told) as signal:
        shown.take()
    assert signal.args == [SAME]
    assert made.project.sequence == sequence


@pytest.mark.parametrize("changes", [{"image_layer_id": "gone"}, {"factors": (2.0, 2.0)}])
def test_results_that_do_not_lie_on_the_field_are_not_offered(box, changes) -> None:
    viewer, made, _, shown = box
    second_result(viewer, made, **changes)
    assert shown.isHidden()
    shown.take()
    assert shown.offered() is None


def test_a_result_that_was_removed_is_not_offered(box) -> None:
    viewer, made, _, shown = box
    layer = second_result(viewer, made)
    viewer.layers.remove(layer)
    assert shown.isHidden()


def test_a_project_open_elsewhere_takes_nothing_over(box) -> None:
    viewer, made, _, shown = box
    second_result(viewer, made)
    made.project.read_only = True
    shown.refresh()
    assert shown.isHidden()
    made.project.read_only = False


def test_only_images_of_the_project_have_corrections(box, tmp_path: Path) -> None:
    viewer, made, _, _ = box
    image = made.image
    assert note_beside(made.project, image) == BESIDE
    assert note_beside(None, image) == ""
    other, _ = add_objects(viewer, np.zeros((20, 20), np.int32), stem="other")
    assert note_beside(made.project, other) == ""


def test_where_a_result_was_looked_for(box) -> None:
    from dataclasses import replace

    _, made, _, _ = box
    info = replace(result_info(made.link.layer), box=Box(2, 3, 5, 7), origin=(1, 1), mask=None)
    looked = looked_at(info, (10, 10))
    assert looked.sum() == 12
    assert looked[1:4, 2:6].all()
