"""Keys belong to the layer that is corrected, and to nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_selfreg.widgets.correct import keys
from napari_selfreg.widgets.correct.keys import KEYS, MOUSE, KeyCard, Keys


class Desk(QObject):
    """What the keys need of the desk."""

    linkChanged = Signal()
    link: Any = None

    def turn_to(self, layer: Any) -> None:
        self.link = None if layer is None else SimpleNamespace(layer=layer)
        self.linkChanged.emit()


@pytest.fixture
def bound(qtbot) -> Any:
    """Desk, layer, keys, and what they have done."""
    desk, done = Desk(), []
    actions = {key.action: lambda action=key.action: done.append(action) for key in KEYS}

    def hide() -> Any:
        done.append("hide")
        return lambda: done.append("show")

    Keys(desk, actions | {"hide": hide}, desk)
    layer = Labels(np.zeros((5, 5), np.int32))
    desk.turn_to(layer)
    return SimpleNamespace(desk=desk, layer=layer, done=done)


def press(layer: Any, key: str) -> Any:
    """Press a key as napari does; return what lets it go."""
    held = layer.keymap[coerce_keybinding(key)](layer)
    next(held)
    return lambda: next(held, None)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.key)
def test_each_key_does_its_action_once(bound: Any, key: Any) -> None:
    let_go = press(bound.layer, key.key)
    assert bound.done == [key.action]
    let_go()
    assert bound.done == [key.action, *["show"] * (key.action == "hide")]


def test_another_field_takes_the_keys_along(bound: Any) -> None:
    other = Labels(np.zeros((5, 5), np.int32))
    bound.desk.turn_to(other)
    assert not bound.layer.keymap
    press(other, "S")
    bound.desk.turn_to(None)
    assert not other.keymap
    assert bound.done == ["brush"]


def test_keys_of_napari_work_again_afterwards(bound: Any) -> None:
    before = Labels(np.zeros((5, 5), np.int32)).class_keymap
    bound.desk.turn_to(None)
    assert bound.layer.class_keymap == before


def test_without_its_action_a_key_does_nothing(qtbot) -> None:
    desk = Desk()
    assert Keys(desk, {}, desk).press("brush") is None


def test_a_panel_that_is_gone_is_not_called(bound: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "alive", lambda _: False)
    press(bound.layer, "S")()
    assert bound.done == []


def test_the_card_names_every_key_and_no_key_twice(qtbot) -> None:
    panel = QWidget()
    qtbot.addWidget(panel)
    card = KeyCard(panel)
    texts = [label.text() for label in card.findChildren(QLabel)]
    for key in KEYS:
        if key.key != "Backspace":
            assert texts.count(key.text) == 1
    assert all(what in texts and text in texts for what, text in MOUSE)
    assert "Shift+N" in texts
    assert "Del" in texts
