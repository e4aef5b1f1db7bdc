"""What can be done to chosen objects; every change is one step of napari's own history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_selfreg.core.edit import (
    Edit,
    Place,
    delete,
    fill_inside,
    merge,
    next_object,
    smooth_outline,
)
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import ObjectState
from napari_selfreg.widgets.correct.fact_steps import Facts, FactSteps
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.correct.selection import Selection
from napari_selfreg.widgets.result_plane import feature_rows, label_point, table_of, with_classes

NOTHING_CHOSEN = "Click an object first; Shift adds more."
TWO_NEEDED = "Choose two objects or more: click one, then others with Shift."
ALL_ACCEPTED = "All objects of this field are accepted."
NO_CHANGE = "Nothing to change there."

_SHARE_OF_VIEW = 0.8
"""Of the window's shorter side, for a box that is looked at."""


class ObjectTools(QObject):
    """Merges, deletes, reshapes, names and accepts the chosen objects.

    Parameters
    ----------
    viewer : napari.Viewer
        Its camera moves to the next object.
    desk : ProjectDesk
        Knows the layer and its project.
    selection : Selection
        The chosen objects.
    parent : QObject
        Parent.
    """

    def __init__(
        self, viewer: Any, desk: ProjectDesk, selection: Selection, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._desk = desk
        self._selection = selection
        self._at: Place | None = None
        self._steps = FactSteps(_say, self)
        desk.linkChanged.connect(self._forget)
        self._forget()

    def merge(self) -> None:
        """Make one object of the chosen ones; it keeps the id of the first."""
        ids = self._selection.ids
        if len(ids) < 2:
            self._desk.told.emit(TWO_NEEDED)
        elif self._change(lambda labels: merge(labels, ids)):
            self._selection.set(ids[:1])

    def delete(self) -> None:
        """Make the chosen objects background."""
        ids = self._selection.ids
        self._change(lambda labels: delete(labels, ids))

    def fill(self) -> None:
        """Fill the holes of the chosen objects."""
        ids = self._selection.ids
        self._change(lambda labels: fill_inside(labels, ids))

    def smooth(self) -> None:
        """Smooth the outlines of the chosen objects."""
        ids = self._selection.ids
        self._change(lambda labels: smooth_outline(labels, ids))

    def set_class(self, name: str) -> None:
        """Give the chosen objects a class."""
        link = self._ready()
        if link is None:
            return
        ids = self._selection.ids
        table = table_of(link.layer.features)
        rows = zip(table.get("index", ()), table.get("class", ()), strict=False)
        before = {int(number): str(shown) for number, shown in rows if number in ids}
        self._say_of(ids, {"class_name": name}, before, dict.fromkeys(before, name))
        self._desk.told.emit(f"{_count(len(ids))} now of the class {name}.")

    def accept(self) -> None:
        """Accept the chosen objects and go on; if all of them are, take that back."""
        link = self._ready()
        if link is None:
            return
        known, ids = link.objects, self._selection.ids
        accepted = not all(known.get(number, ObjectState()).accepted for number in ids)
        self._say_of(ids, {"accepted": accepted})
        self._desk.told.emit(f"{_count(len(ids))} {'' if accepted else 'no longer '}accepted.")

    def _say_of(
        self,
        ids: Iterable[int],
        update: Mapping[str, Any],
        shown: Mapping[int, str] | None = None,
        becomes: Mapping[int, str] | None = None,
    ) -> None:
        """Change what is said of objects, and the classes that are shown, as one step."""
        known = {} if self._desk.link is None else self._desk.link.objects
        before = {number: known.get(number, ObjectState()) for number in ids}
        after = {number: said.model_copy(update=update) for number, said in before.items()}
        self._steps.add(Facts(before, shown or {}), Facts(after, becomes or {}))

    def next(self) -> None:
        """Go to the next object that was not accepted yet."""
        self._go(backwards=False)

    def previous(self) -> None:
        """Go to the one before that was not accepted yet."""
        self._go(backwards=True)

    def _go(self, *, backwards: bool) -> None:
        link = self._desk.link
        if link is None:
            return
        accepted = [number for number, said in link.objects.items() if said.accepted]
        place = next_object(link.labels, accepted, self._at, backwards=backwards)
        if place is None:
            self._desk.told.emit(ALL_ACCEPTED)
            return
        self._at = place
        self._selection.set((place.id,))
        look_at(self._viewer, link.layer, place.y, place.x)

    def _change(self, tool: Callable[[Any], Edit]) -> bool:
        """Use a tool on the layer; tell whether anything has changed."""
        link = self._ready()
        if link is None:
            return False
        edit = tool(link.labels)
        link.edit([edit])
        self._desk.told.emit("" if edit else NO_CHANGE)
        return bool(edit)

    def _ready(self) -> JournalLink | None:
        """Return the link if objects are chosen and may be changed."""
        link = self._desk.link
        if link is None or link.project.read_only:
            self._desk.told.emit("" if link is None else link.project.reason)
            return None
        if not self._selection.ids:
            self._desk.told.emit(NOTHING_CHOSEN)
            return None
        return link

    def _forget(self) -> None:
        self._at = None
        self._steps.tie(self._desk.link)


def _say(link: JournalLink, facts: Facts) -> None:
    """Write what is said of objects, and show their classes among the measurements."""
    link.edit((), facts.said)
    if facts.shown:
        table = with_classes(table_of(link.layer.features), facts.shown)
        link.layer.features = feature_rows(table)


def look_at(viewer: Any, layer: Any, row: float, column: float) -> None:
    """Bring a place of a Labels layer into the middle of the view."""
    camera, shown = viewer.scene.camera, list(viewer.dims.displayed)
    centre = list(camera.center)
    point = label_point(layer, row, column)[-len(viewer.dims.point) :]
    for place, axis in zip((-2, -1), shown[-2:], strict=True):
        centre[place] = float(point[axis - viewer.dims.ndim])
    camera.center = tuple(centre)


def look_at_box(viewer: Any, layer: Any, box: Box) -> None:
    """Bring a box of a Labels layer into view, with some of what is around it."""
    shown = list(viewer.dims.displayed)[-2:]
    edges = ((box.y0 - 0.5, box.y1 - 0.5), (box.x0 - 0.5, box.x1 - 0.5))
    corners = [label_point(layer, row, column) for row in edges[0] for column in edges[1]]
    axes = [axis - viewer.dims.ndim for axis in shown]
    extent = np.ptp(np.array(corners)[:, axes], axis=0)
    room = np.asarray(viewer.canvas.viewbox_size(viewer.layers), np.float64)
    viewer.scene.camera.zoom = float((_SHARE_OF_VIEW * room / extent).min())
    look_at(viewer, layer, sum(edges[0]) / 2, sum(edges[1]) / 2)


def _count(number: int) -> str:
    return "1 object is" if number == 1 else f"{number} objects are"
