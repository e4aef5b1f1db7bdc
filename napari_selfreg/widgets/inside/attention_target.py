"""Keeps for what attention is asked: what the model finds, objects of a layer, or one object."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox
from superqt.utils import signals_blocked

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.inside.looking import Target
from napari_selfreg.widgets.inside.targets import (
    CLICKED,
    PREDICTED,
    label_layers,
    object_at,
    objects_in,
)
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.timers import single_shot

CLICK = "Click an object on the tissue."
NO_OBJECT = "There is no object here: click inside an outline."


class AttentionTarget(QObject):
    """Fills the list of targets and turns the choice into a mask.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers with objects are offered.
    box : QComboBox
        The list.
    parent : QObject
        Parent.

    Attributes
    ----------
    changed : Signal()
        Something else is asked for.
    told : Signal(str)
        What a person has to do.
    """

    changed = Signal()
    told = Signal(str)

    def __init__(self, viewer: Any, box: QComboBox, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._box = viewer, box
        self._clicked: tuple[object, int] | None = None  # layer and object
        self._entries: list[tuple[str, object]] = []
        self._fell_back = single_shot(self, 0, self.changed)
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.renamed):
            emitter.connect(self._offer)
        self._offer()
        box.currentIndexChanged.connect(self._on_index)

    def take(self, image: Any, picture: Picture, box: Box) -> Target:
        """Return the snapshot for a look at a part of a picture."""
        chosen = self._box.currentData()
        number = None
        if chosen == CLICKED and self._clicked is not None:
            chosen, number = self._clicked
        labels = next((e for e in label_layers(self._viewer) if e.unique_id == chosen), None)
        if labels is None:
            return Target()
        # Looked up anew for every look: the view may have moved since the click.
        found = objects_in(image, picture, box, labels)
        return Target(mask=found > 0 if number is None else found == number)

    def click(self, position: Any) -> None:
        """Ask for the object at a place of the world, where one object is to be asked for."""
        if self._box.currentData() != CLICKED:
            return
        found = object_at(self._viewer, position)
        if found is None:
            self.told.emit(NO_OBJECT)
            return
        labels, number = found
        self._clicked = (labels.unique_id, number)
        self.changed.emit()

    def forget(self) -> None:
        """Forget the object that was clicked."""
        self._clicked = None

    def _offer(self, event: Any = None) -> None:
        if not alive(self):
            return
        layers = label_layers(self._viewer)
        entries: list[tuple[str, object]] = [(PREDICTED, PREDICTED)]
        entries += [(f"All of “{layer.name}”", layer.unique_id) for layer in layers]
        entries += [(CLICKED, CLICKED)] if layers else []
        if entries == self._entries:
            return
        before, self._entries = self._box.currentData(), entries
        known = [data for _, data in entries]
        with signals_blocked(self._box):
            self._box.clear()
            for text, data in entries:
                self._box.addItem(text, data)
            self._box.setCurrentIndex(known.index(before) if before in known else 0)
        if before is not None and before not in known:
            self._fell_back.start()  # not amidst layers that leave with their image

    def _on_index(self, index: int) -> None:
        if self._box.currentData() == CLICKED and self._clicked is None:
            self.told.emit(CLICK)
        else:
            self.changed.emit()
