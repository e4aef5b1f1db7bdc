"""Whatever napari does to a layer is in the project, at once, and only once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.layers import Labels

from napari_selfreg.core.edit import ChunkTracker, merge
from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import NewField, ObjectState, Project
from napari_selfreg.widgets.correct import journal_link
from napari_selfreg.widgets.correct.journal_link import OTHER_SIZE, JournalLink, _box_of, is_behind
from napari_selfreg.widgets.result_info import is_touched
from tests.widgets.correct.steps import save_picture, stroke
from tests.widgets.results_steps import squares

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def project(tmp_path: Path) -> Any:
    labels = squares()
    image = save_picture(tmp_path, "field 1", labels)
    new = NewField(image, labels, PixelSize(0.5, 0.5), "file", ("spot",))
    with Project.create(tmp_path / "p", [new]) as project:
        yield project


@pytest.fixture
def link(project: Project) -> JournalLink:
    return JournalLink(project, "f1", Labels(squares()))


def same(link: JournalLink) -> bool:
    return np.array_equal(link.labels, link.project.labels(link.field))


def test_a_stroke_is_written_before_it_returns(link: JournalLink) -> None:
    before = link.project.sequence
    stroke(link.layer)
    assert (link.labels == 9).any()
    assert same(link)
    assert link.project.sequence == before + 2  # the stroke, and that the field is corrected
    assert link.project.facts("f1").state == "corrected"
    assert is_touched(link.layer)


def test_undo_and_redo_are_written(link: JournalLink) -> None:
    stroke(link.layer)
    link.layer.undo()
    assert np.array_equal(link.project.labels("f1"), squares())
    link.layer.redo()
    assert (link.project.labels("f1") == 9).any()
    assert same(link)


def test_napari_tells_before_it_paints_and_nothing_is_lost(link: JournalLink, qtbot) -> None:
    link.layer.paint((45, 60), 9)  # not grouped: `paint` comes first
    link.layer.fill((5, 8), 7)
    link.layer.data_setitem((np.array([0]), np.array([1])), 8)
    qtbot.waitUntil(lambda: same(link))
    assert {7, 8, 9} <= set(np.unique(link.project.labels("f1")))


def test_a_script_and_new_data_are_written(link: JournalLink) -> None:
    link.layer.data[50:55, 60:70] = 11
    link.layer.refresh()
    assert same(link)
    link.layer.data = np.roll(link.layer.data, 3, axis=1)
    assert same(link)


def test_large_layers_are_compared_a_little_later(
    link: JournalLink, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_link, "AT_ONCE_PIXELS", 10)
    link.layer.data[50:55, 60:70] = 11
    link.layer.refresh()
    assert not same(link)
    qtbot.waitUntil(lambda: same(link))


def test_an_edit_of_ours_is_one_step_of_the_persons_history(link: JournalLink) -> None:
    before = link.project.sequence
    link.edit([merge(link.labels, (1, 2))], {1: ObjectState(accepted=True)})
    assert set(np.unique(link.labels)) == {0, 1, 3, 4, 5, 6}
    assert same(link)
    assert link.objects == {1: ObjectState(accepted=True)}
    assert link.project.sequence == before + 2
    link.layer.undo()
    assert np.array_equal(link.labels, squares())
    assert same(link)


def test_facts_alone_are_written_too(link: JournalLink) -> None:
    seen = []
    link.changed.connect(seen.append)
    link.edit((), {3: ObjectState(class_name="a")})
    assert link.objects == {3: ObjectState(class_name="a")}
    assert seen == [()]


def test_ids_of_deleted_objects_do_not_come_back(link: JournalLink) -> None:
    assert link.next_id == 7
    stroke(link.layer, label=20)
    link.layer.undo()
    assert link.next_id == 21


def test_what_a_layer_holds_already_counts(project: Project) -> None:
    labels = squares()
    labels[0, 0] = 5
    link = JournalLink(project, "f1", Labels(labels))
    assert same(link)


def test_after_stop_nothing_is_written(link: JournalLink) -> None:
    link.layer.data[0, 0] = 3  # nobody has told of it yet
    link.stop()
    assert link.project.labels("f1")[0, 0] == 3
    stroke(link.layer)
    assert not same(link)


def test_another_size_is_told_and_not_written(link: JournalLink) -> None:
    told = []
    link.told.connect(told.append)
    link.layer.data = np.zeros((5, 5), np.int32)
    assert told[0] == OTHER_SIZE
    assert np.array_equal(link.project.labels("f1"), squares())


def test_a_project_that_refuses_is_told(link: JournalLink) -> None:
    told = []
    link.told.connect(told.append)
    link.project.read_only, link.project.reason = True, "It is open elsewhere."
    stroke(link.layer)
    link.project.read_only = False
    assert told == ["It is open elsewhere."]


def test_what_the_project_has_changed_is_shown(link: JournalLink) -> None:
    after = np.full((2, 3), 9, np.int32)
    link.project.apply("f1", [SimpleNamespace(box=Box(0, 0, 2, 3), after=after)])
    before = link.project.sequence
    link.reload()
    assert (link.layer.data[:2, :3] == 9).all()
    assert link.project.sequence == before


def test_a_layer_that_was_away_follows_its_field(link: JournalLink) -> None:
    project, layer = link.project, link.layer
    link.stop()
    project.apply("f1", [SimpleNamespace(box=Box(0, 0, 2, 3), after=np.full((2, 3), 9, np.int32))])
    stored, sequence = np.array(project.labels("f1")), project.sequence
    again = JournalLink(project, "f1", layer)
    assert np.array_equal(layer.data, stored)
    assert project.sequence == sequence
    assert again.next_id == 10


def test_strokes_on_a_layer_that_was_away_are_written(link: JournalLink) -> None:
    link.stop()
    stroke(link.layer)
    again = JournalLink(link.project, "f1", link.layer)
    assert (link.layer.data == 9).any()
    assert same(again)


def close_unwritten(link: JournalLink) -> None:
    """Close a project whose disk is full."""
    link.stop()
    with pytest.raises(WriteError):
        link.project.close()


def assert_goes_on(link: JournalLink, shown: np.ndarray) -> None:
    """Check that a project opened again has taken what the layer shows."""
    assert np.array_equal(link.labels, shown)
    assert same(link)


@pytest.mark.parametrize("last", ["stroke", "undo"])
def test_what_a_full_disk_did_not_take_is_written_when_the_project_is_opened_again(
    link: JournalLink, full_disk: Any, last: str
) -> None:
    stroke(link.layer)
    with full_disk():
        if last == "stroke":
            stroke(link.layer, 30, 30, 11)
            stroke(link.layer, 3, 30, 12)
        else:
            link.layer.undo()
        shown = np.array(link.labels)
        assert "disk is full" in link.project.problem
        close_unwritten(link)
    with Project.open(link.project.folder) as project:
        assert not np.array_equal(project.labels("f1"), shown)
        assert_goes_on(JournalLink(project, "f1", link.layer), shown)


def test_a_disk_that_took_some_of_the_strokes_gets_the_others_when_it_is_opened_again(
    link: JournalLink, full_disk: Any
) -> None:
    with full_disk():
        stroke(link.layer, 30, 30, 11)
    link.project._journal.flush()  # there was room for a moment
    with full_disk():
        stroke(link.layer, 3, 30, 12)
        shown = np.array(link.labels)
        close_unwritten(link)
    with Project.open(link.project.folder) as project:
        held = project.labels("f1")
        assert (held == 11).any()
        assert not (held == 12).any()
        assert not is_behind(link.layer, project, "f1")  # else the layer would be set apart
        assert_goes_on(JournalLink(project, "f1", link.layer), shown)


def test_a_layer_that_was_away_while_the_disk_was_full_is_known_again(
    link: JournalLink, full_disk: Any
) -> None:
    stroke(link.layer)
    with full_disk():
        stroke(link.layer, 30, 30, 11)
        link.stop()
        assert same(JournalLink(link.project, "f1", link.layer))
        assert (link.layer.data == 11).any()


def test_a_mask_of_few_ids_becomes_one_of_many(project: Project) -> None:
    link = JournalLink(project, "f1", Labels(squares().astype(np.uint8)))
    project.apply(
        "f1", [SimpleNamespace(box=Box(0, 0, 1, 2), after=np.full((1, 2), 300, np.int32))]
    )
    sequence = project.sequence
    link.reload()
    assert link.layer.data[0, :3].tolist() == [300, 300, 0]
    assert same(link)
    assert project.sequence == sequence
    stroke(link.layer, label=301)
    assert (project.labels("f1") == 301).any()


def test_a_mask_of_few_ids_holds_what_a_tool_puts_in(project: Project) -> None:
    link = JournalLink(project, "f1", Labels(squares().astype(np.uint8)))
    before = np.array(link.labels)
    many = np.where(before > 0, before.astype(np.int32) + 299, 0)  # 300 would be 44 of 8 bits
    link.edit(ChunkTracker(before).update(many))
    assert np.array_equal(link.labels, many)
    assert same(link)
    link.layer.undo()
    assert np.array_equal(project.labels("f1"), before)


def test_layers_with_more_axes(project: Project) -> None:
    link = JournalLink(project, "f1", Labels(squares()[None]))
    link.edit([merge(link.labels, (1, 2))])
    assert not (link.layer.data == 2).any()
    assert same(link)


def test_where_an_atom_lies() -> None:
    atom = SimpleNamespace(slice_key=(slice(0, 1), slice(2, 5), slice(3, 9)))
    assert _box_of(atom, (1, 2)) == Box(2, 3, 5, 9)
    assert _box_of(((np.array([4, 2]), np.array([7, 7])), None, 1), (0, 1)) == Box(2, 7, 5, 8)
    assert _box_of(((np.array([], int), np.array([], int)), None, 1), (0, 1)).empty


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["paint", "fill", "undo", "redo", "script", "ours"]),
        st.integers(0, 59),
        st.integers(0, 79),
        st.integers(0, 9),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTIONS)
def test_any_order_of_actions(tmp_path_factory, actions: list[tuple[str, int, int, int]]) -> None:
    folder = tmp_path_factory.mktemp("any")
    image = save_picture(folder, "f", squares())
    new = NewField(image, squares(), PixelSize(0.5, 0.5), "file", ("spot",))
    with Project.create(folder / "p", [new]) as project:
        link = JournalLink(project, "f1", Labels(squares()))
        for kind, row, column, label in actions:
            act(link, kind, row, column, label)
            assert same(link)
        held = link.labels.copy()
    with Project.open(folder / "p") as again:
        assert np.array_equal(again.labels("f1"), held)


def act(link: JournalLink, kind: str, row: int, column: int, label: int) -> None:
    layer = link.layer
    if kind == "paint":
        stroke(layer, row, column, label)
    elif kind == "fill":
        with layer.block_history():
            layer.fill((row, column), label)
    elif kind == "script":
        layer.data[row, column:] = label
        layer.refresh()
    elif kind == "ours":
        link.edit([merge(link.labels, (label, label + 1))])
    else:
        getattr(layer, kind)()
