from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Progress
from napari_selfreg.widgets import sentences
from napari_selfreg.widgets.inside import maps_view
from napari_selfreg.widgets.inside.looking import Looked, LookRequest, Target
from napari_selfreg.widgets.inside.maps_view import NO_OPACITY, MapsView
from napari_selfreg.widgets.layers import picture_of
from tests.widgets.inside.fakes import BLOCKS, inside_of
from tests.widgets.panel_steps import add_field, names
from tests.widgets.waits import FIRST, LONG

BOX = Box(0, 0, 60, 80)


class Shown:
    """A tab of a viewer with a picture, and what it has told."""

    def __init__(self, qtbot: Any, field: np.ndarray) -> None:
        self.qtbot, self.field = qtbot, field
        self.viewer = ViewerModel()
        self.image = add_field(self.viewer, field)
        self.view = MapsView(self.viewer)
        qtbot.addWidget(self.view)
        self.wanted: list[None] = []
        self.pointed: list[Any] = []
        self.view.attentionWanted.connect(lambda: self.wanted.append(None))
        self.view.objectPointed.connect(self.pointed.append)

    def looked(self, sides: int = 1, box: Box = BOX, **changes: Any) -> Looked:
        attention = changes.get("attention", False)
        request = LookRequest(
            self.image.unique_id,
            picture_of(self.viewer, self.image),
            box,
            PixelSize(1, 1),
            (),
            ("a", "b")[:sides],
            target=Target() if attention else None,
        )
        insides = [inside_of(self.field, box, name, **changes) for name in request.names]
        return Looked(request, tuple(insides))

    def settle(self) -> None:
        for _ in range(2):
            self.qtbot.waitUntil(lambda: not self.view.busy, timeout=FIRST)
            self.qtbot.wait(5)

    def show(self, **changes: Any) -> Looked:
        looked = self.looked(**changes)
        self.view.show_looked(looked)
        self.settle()
        return looked

    def ours(self) -> list[str]:
        return [layer.name for layer in self.view.layers.layers()]

    def choose(self, kind: str) -> None:
        self.view.form.setKind(kind)
        self.settle()

    def point(self, row: float, column: float) -> None:
        self.view.pointing.pointed.emit(self.image.data_to_world((row, column)))
        self.settle()


def broken(request: Any) -> Any:
    yield Progress(0, 0)
    raise RuntimeError("no memory left")


@pytest.fixture
def shown(qtbot, field) -> Shown:
    return Shown(qtbot, field)


def test_before_a_look_nothing_is_painted(shown) -> None:
    shown.choose("pca")
    shown.view.form.blocks.setBlocks(("E1", "D1"))
    shown.view.form.blocks.setValue(("E1",))
    shown.point(5, 5)
    assert names(shown.viewer) == ["field"]
    assert not shown.view.busy


def test_the_values_on_the_canvas_are_those_of_the_block(shown) -> None:
    looked = shown.show()
    (layer,) = shown.view.layers.layers()
    values = looked.insides[0].blocks["D1"].maps.astype(np.float64)
    np.testing.assert_allclose(layer.data, np.sqrt((values**2).mean(axis=0)), rtol=1e-2)
    low, high = layer.contrast_limits
    assert shown.view.form.legend.text() == f"weak {low:.2g} … {high:.2g} strong"


def test_an_answer_to_an_earlier_look_is_dropped(shown) -> None:
    first = shown.show()
    second = shown.looked(channels=4)
    shown.view.looked = second  # the look has ended, its paint is still to come
    before = shown.view.layers.layers()[0].data
    shown.view._on_painted(())
    assert shown.view.layers.layers()[0].data is before
    assert shown.view._asked.looked is first


def test_of_many_changes_only_the_last_is_painted(shown) -> None:
    shown.show()
    painted: list[list[str]] = []
    shown.view.painted.connect(lambda: painted.append(shown.ours()))
    for block in ("E1", "E2", "B"):
        shown.view.form.blocks.setValue((block,))
    shown.settle()
    assert painted == [["B · energy · a"]]


def test_a_map_that_cannot_be_made_is_told(shown, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(sentences, "show_error", told.append)
    monkeypatch.setattr(maps_view, "paint", broken)
    shown.show()
    assert len(told) == 1
    assert "no memory left" in told[0]


def test_clear_drops_what_is_being_painted_and_frees_all(shown) -> None:
    shown.show()
    shown.view.form.setKind("pca")
    shown.view._paint()  # under way
    shown.view.clear()
    shown.settle()
    assert names(shown.viewer) == ["field"]
    view = shown.view
    assert view.looked is view._asked is view._place is view._pair is view._ranked is None
    assert view.pointing._on_press not in shown.viewer.mouse_drag_callbacks


def test_attention_that_was_not_asked_for_is_wanted_once(shown) -> None:
    shown.show()
    shown.choose("attention")
    assert len(shown.wanted) == 1
    assert shown.ours() == ["D1 · energy · a"]  # until it is there
    shown.show(attention=True)
    assert shown.ours() == ["D1 · attention · a"]
    assert len(shown.wanted) == 1


def test_the_most_important_channels_need_attention(shown) -> None:
    shown.show()
    shown.choose("channel")
    assert shown.ours() == ["D1 · channel 5 · a"]  # the strongest
    shown.view.form.channels.ranking.setCurrentIndex(1)
    shown.settle()
    assert len(shown.wanted) == 1
    looked = shown.looked(attention=True)
    looked.insides[0].blocks["D1"].importance[2] = 99
    shown.view.show_looked(looked)
    shown.settle()
    assert shown.ours() == ["D1 · channel 2 · a"]


def test_the_order_of_channels_is_found_once_per_look_and_block(shown, monkeypatch) -> None:
    asked: list[str] = []
    submit = shown.view._ranker.submit
    monkeypatch.setattr(
        shown.view._ranker, "submit", lambda *a: asked.append(a[1].block) or submit(*a)
    )
    shown.view.form.setKind("channel")
    shown.show()
    for channel in (2, 3):
        shown.view.form.channels.setChannel(channel)
        shown.settle()
    assert shown.ours() == ["D1 · channel 3 · a"]
    shown.view.form.blocks.setValue(("E1",))
    shown.settle()
    assert asked == ["D1", "E1"]


def test_two_channels_are_shown_until_another_kind_or_block_is_chosen(shown) -> None:
    shown.show()
    for leave in (
        lambda: shown.view.form.setKind("scr"),
        lambda: shown.view.form.blocks.setValue(("E1",)),
    ):
        shown.view.show_pair("B", 1, 4)
        shown.settle()
        assert shown.ours() == ["B · channels 1 + 4 · a"]
        assert "blue" in shown.view.form.legend.text()
        leave()
        shown.settle()
        assert "channels" not in shown.ours()[0]


def test_a_click_outside_of_what_was_seen_is_no_place(shown) -> None:
    shown.show(box=Box(10, 10, 50, 70))
    shown.choose("similarity")
    for outside in ((5, 20), (20, 5), (50, 20), (20, 75)):
        shown.point(*outside)
        assert shown.ours() == []
    shown.point(10, 10)
    assert shown.ours() == ["D1 · likeness · a"]
    shown.show(box=Box(20, 20, 50, 70))  # the view has moved on: the place lies outside now
    assert shown.ours() == []
    shown.show(box=Box(10, 10, 50, 70))
    assert shown.ours() == ["D1 · likeness · a"]


def test_likeness_is_one_at_the_click_in_every_open_block(shown) -> None:
    shown.show()
    shown.choose("similarity")
    shown.view.form.side_by_side.setChecked(True)
    shown.point(10, 20)
    assert len(shown.ours()) == len(BLOCKS)
    for layer in shown.view.layers.layers():
        value = layer.get_value(shown.image.data_to_world((10, 20)), world=True)
        assert value == pytest.approx(1, abs=1e-2)


def test_clicks_are_listened_to_only_while_they_mean_something(shown) -> None:
    callbacks = shown.viewer.mouse_drag_callbacks
    shown.show(attention=True)
    for kind, listening in (("similarity", True), ("energy", False), ("attention", True)):
        shown.choose(kind)
        assert (shown.view.pointing._on_press in callbacks) == listening
    shown.point(10, 20)
    assert len(shown.pointed) == 1  # the panel finds the object


def test_side_by_side_maps_are_named_and_opaque_and_go_back(shown) -> None:
    shown.show(sides=2)
    form, view = shown.view.form, shown.view
    form.opacity.setValue(30)
    assert {layer.opacity for layer in view.layers.layers()} == {0.3}
    form.side_by_side.setChecked(True)
    shown.settle()
    assert len(shown.ours()) == 2 * len(BLOCKS)
    assert {layer.opacity for layer in view.layers.layers()} == {1.0}
    assert all(layer.name_overlay.visible for layer in view.layers.layers())
    assert (form.opacity.isEnabled(), form.opacity.toolTip()) == (False, NO_OPACITY)
    assert shown.viewer.canvas.grid.enabled
    form.side_by_side.setChecked(False)
    shown.settle()
    assert shown.ours() == ["D1 · a · energy", "D1 · b · energy"]
    assert {layer.opacity for layer in view.layers.layers()} == {0.3}
    assert form.opacity.isEnabled()
    assert "tissue" in form.opacity.toolTip()
    assert not shown.viewer.canvas.grid.enabled


def test_a_block_that_the_new_network_lacks_is_left(shown) -> None:
    shown.show()
    shown.view.form.blocks.setValue(("B",))
    looked = shown.looked()
    looked.insides[0].blocks.pop("B")
    shown.view.show_looked(looked)
    shown.settle()
    assert shown.ours() == ["D1 · energy · a"]
    assert "B" not in shown.view.form.blocks.blocks()


def test_without_its_image_nothing_is_shown(shown) -> None:
    looked = shown.looked()
    gone = replace(looked, request=replace(looked.request, layer_id=object()))
    with shown.qtbot.waitSignal(shown.view.painted, timeout=LONG):
        shown.view.show_looked(gone)
    assert names(shown.viewer) == ["field"]
