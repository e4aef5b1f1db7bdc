"""The tool in a person's hand: what the mouse does on the Labels layer.

Our tools take the place of napari's picker (mode ``pick``), since the camera stands still there,
Space still moves it, and a click chooses an object in both. Every other tool of napari works as
always.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Generator, Iterator
from typing import Any, Literal

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.edit import SmartStroke, split
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.project import ObjectState
from napari_selfreg.widgets.correct.cut_line import CutLine
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.correct.selection import Selection
from napari_selfreg.widgets.correct.wand_area import WandArea
from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.result_plane import plane_axes

Tool = Literal["brush", "wand", "cut"]

MODE = "pick"
SIZES = (4, 120)
"""Smallest and largest brush, in pixels of the screen."""

CLICK = 4
"""A press that moves less than this many pixels of the screen is a click."""

NOT_CUT = "Draw the line right through an object, from one side to the other."
NOTHING_ALIKE = "Nothing around there looks alike: raise the tolerance, or use the brush."


class Hand(QObject):
    """Turns presses, moves and releases of the mouse into edits.

    Parameters
    ----------
    viewer : napari.Viewer
        Its camera gives the size of the brush.
    desk : ProjectDesk
        Knows the layer.
    selection : Selection
        A click chooses objects.
    parent : QObject
        Parent.

    Attributes
    ----------
    size : int
        Diameter of the brush in pixels of the screen.
    tool : {"brush", "wand", "cut"}
        The tool that the mouse holds, or held last.
    new_class : str
        Of the objects that brush and wand begin; empty for none.
    changed : Signal()
        Another tool or size, or another layer is selected.
    """

    changed = Signal()

    def __init__(
        self, viewer: Any, desk: ProjectDesk, selection: Selection, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._desk = desk
        self._selection = selection
        self._layer: Any = None
        self.size = 24
        self.tool: Tool = "brush"
        self.new_class = ""
        self.wand = WandArea(viewer)
        self._line = CutLine(viewer)
        self._on_drag = _drag_callback(self)
        desk.linkChanged.connect(self._on_link)
        viewer.scene.camera.events.zoom.connect(self._fit_cursor)
        viewer.layers.selection.events.active.connect(self._on_mode)

    @property
    def selected(self) -> bool:
        """Whether the mouse is for the corrections: it is for the layer selected in the list."""
        chosen = bare(self._viewer.layers.selection.active)
        return self._layer is not None and chosen is self._layer

    @property
    def active(self) -> Tool | None:
        """The tool of ours in use; None while one of napari's is, or another layer is selected."""
        return self.tool if self.selected and str(self._layer.mode) == MODE else None

    @property
    def radius(self) -> float:
        """Of the brush, in pixels of the labels."""
        if self._layer is None:
            return self.size / 2
        scale = np.asarray(self._layer.scale)[list(plane_axes(self._layer))]
        return float(self.size / 2 / self._viewer.scene.camera.zoom / np.sqrt(scale.prod()))

    def take(self, tool: Tool) -> None:
        """Take a tool of ours into the hand."""
        self.tool = tool
        link = self._desk.link
        if link is None or link.project.read_only:
            return
        self._viewer.layers.selection.active = link.layer
        link.layer.mode = MODE
        self._fit_cursor()
        self.changed.emit()

    def resize(self, size: int) -> None:
        """Change the size of the brush, in pixels of the screen."""
        self.size = max(SIZES[0], min(SIZES[1], size))
        self._fit_cursor()
        self.changed.emit()

    def drag(self, layer: Any, event: Any) -> Iterator[None]:
        """Follow the mouse from press to release; steps of a generator, as napari wants them."""
        link, tool = self._desk.link, self.active
        if link is None or layer is not link.layer or tool is None or link.project.read_only:
            return
        if event.button != 1 or len(event.dims_displayed) != 2:
            return
        if tool == "brush":
            yield from self._brush(link, event)
        elif tool == "cut":
            yield from self._cut(link, event)
        else:
            yield from self._wand(link, event)

    def _brush(self, link: JournalLink, event: Any) -> Iterator[None]:
        start, subtract = self._point(event), "Alt" in event.modifiers
        if not subtract:
            moved = yield from self._until_moved(event)
            if not moved:
                self._click(link, start, "Shift" in event.modifiers)
                return
        stroke = SmartStroke(link.labels, start, self.radius, subtract, new_id=link.next_id)
        with link.layer.block_history():
            link.paint(stroke.extend([] if subtract else [self._point(event)]))
            yield
            while event.type == "mouse_move":
                link.paint(stroke.extend([self._point(event)]))
                yield
        if stroke.is_new:
            link.edit((), self._said_of(stroke.target))
        if stroke.target:
            link.layer.selected_label = stroke.target
        if self._selection.ids != (stroke.target,):
            self._selection.clear()

    def _cut(self, link: JournalLink, event: Any) -> Iterator[None]:
        path = [self._point(event)]
        moved = yield from self._until_moved(event)
        if not moved:
            self._click(link, path[0], "Shift" in event.modifiers)
            return
        try:
            while event.type == "mouse_move":
                path.append(self._point(event))
                self._line.draw(link.layer, path)
                yield
        finally:
            self._line.remove()
        edit = split(link.labels, path, new_id=link.next_id)
        link.edit([edit])
        self._desk.told.emit("" if edit else NOT_CUT)

    def _wand(self, link: JournalLink, event: Any) -> Iterator[None]:
        start = self._point(event)
        moved = yield from self._until_moved(event)
        if moved:
            return
        if "Shift" in event.modifiers:
            self._click(link, start, add=True)
            return
        try:
            number = link.next_id
            edit = self.wand.grow(link.layer, link.labels, start, number)
        except SelfRegError as error:
            self._desk.told.emit(str(error))
            return
        link.edit([edit], self._said_of(number) if number in edit.ids else None)
        self._desk.told.emit("" if edit else NOTHING_ALIKE)

    def _said_of(self, number: int) -> dict[int, ObjectState]:
        """Return what is known of an object that was begun just now."""
        return {number: ObjectState(class_name=self.new_class)} if self.new_class else {}

    def _until_moved(self, event: Any) -> Generator[None, None, bool]:
        """Wait until the mouse has moved (True) or was released before (False)."""
        begin = np.asarray(event.pos, dtype=np.float64)
        yield
        while event.type == "mouse_move":
            if math.dist(begin, np.asarray(event.pos, dtype=np.float64)) >= CLICK:
                return True
            yield
        return False

    def _click(self, link: JournalLink, point: tuple[float, float], add: bool) -> None:
        row, column = (round(place) for place in point)
        rows, columns = link.labels.shape
        inside = 0 <= row < rows and 0 <= column < columns
        number = int(link.labels[row, column]) if inside else 0
        # Behind the last object, so that napari's own brush begins a new one.
        link.layer.selected_label = number or link.next_id
        if add and number:
            self._selection.toggle(number)
        elif not add:
            self._selection.set((number,))

    def _point(self, event: Any) -> tuple[float, float]:
        """Return where the mouse is, in pixels of the labels."""
        place = np.asarray(self._layer.world_to_data(event.position))
        row, column = (float(place[axis]) for axis in plane_axes(self._layer))
        return row, column

    def _on_link(self) -> None:
        """Let go of a layer, and take the next one with the tool that was in the hand."""
        old, link = self._layer, self._desk.link
        if old is not None:
            old.events.mode.disconnect(self._on_mode)
            if self._on_drag in old.mouse_drag_callbacks:
                old.mouse_drag_callbacks.remove(self._on_drag)
            if str(old.mode) == MODE:
                old.mode = "pan_zoom"
        self._layer = None if link is None else link.layer
        if link is not None:
            link.layer.mouse_drag_callbacks.append(self._on_drag)
            link.layer.events.mode.connect(self._on_mode)
            self.take(self.tool)
        self.changed.emit()

    def _on_mode(self, event: Any = None) -> None:
        if alive(self):
            self._fit_cursor()
            self.changed.emit()

    def _fit_cursor(self, event: Any = None) -> None:
        """Show how large the brush is."""
        if not alive(self) or self.active is None:
            return
        self._layer.cursor = "circle" if self.active == "brush" else "cross"
        self._layer.cursor_size = self.size / self._viewer.scene.camera.zoom


def _drag_callback(owner: Hand) -> Any:
    """Return what napari calls when the mouse goes down: a plain function, as it wants."""
    reference = weakref.ref(owner)  # the layer may live longer than the panel

    def on_drag(layer: Any, event: Any) -> Any:
        hand = reference()
        if hand is not None and alive(hand):
            yield from hand.drag(layer, event)

    return on_drag
