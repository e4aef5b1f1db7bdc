"""Writes every change of a Labels layer into its project, whoever made it.

Napari tells of strokes with `paint`, of undo, redo and scripts only with `set_data`, and of none
of them where they were: so what is written is always the difference to what the project holds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.edit import ChunkTracker, Edit, apply
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import ObjectState, Project
from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.result_info import mark_touched
from napari_selfreg.widgets.result_plane import label_plane, plane_axes
from napari_selfreg.widgets.timers import single_shot

WRITTEN_KEY = "napari_selfreg_written"
"""Metadata key of a Labels layer: checksums of states of its field that it has already shown."""

AT_ONCE_PIXELS = 16_000_000
"""Up to this size the whole layer is compared at every change: less work than drawing it."""

_LATER_MS = 200

OTHER_SIZE = (
    "This layer has another size now, so its changes are not written into the project: undo that."
)


class JournalLink(QObject):
    """Ties a Labels layer to a field of a project.

    Parameters
    ----------
    project : Project
        Open.
    field : str
        Id of the field.
    layer : napari.layers.Labels
        Shows it. What it holds already counts as a change where the project differs, unless it
        is the project that has changed since they were alike: then the layer follows.
    parent : QObject, optional
        Parent.

    Attributes
    ----------
    changed : Signal(object)
        Labels were changed and written: a tuple of `Edit`.
    told : Signal(str)
        Why something could not be written.
    """

    changed = Signal(object)
    told = Signal(str)

    def __init__(
        self, project: Project, field: str, layer: Any, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.field = field
        self.layer = bare(layer)
        _make_wide(self.layer)
        self._tracker = ChunkTracker(project.labels(field))
        self._facts: Mapping[int, ObjectState] = {}
        self._within: list[Box] = []
        self._waits = bool(project.problem)
        self._soon = single_shot(self, 0, self._look_again)
        self._later = single_shot(self, _LATER_MS, self.look)
        self._highest = max([0, *project.facts(field).objects])
        self._highest = max(self._highest, int(self.labels.max(initial=0)))
        for name, slot in self._slots().items():
            getattr(self.layer.events, name).connect(slot)
        if is_behind(self.layer, project, field) and not is_ahead(self.layer):
            self._show_stored()
        self.look()

    @property
    def labels(self) -> npt.NDArray[np.integer[Any]]:
        """The layer's labels, shape (Y, X)."""
        return label_plane(self.layer)

    @property
    def objects(self) -> dict[int, ObjectState]:
        """What was said about objects, by id."""
        return dict(self.project.facts(self.field).objects)

    @property
    def next_id(self) -> int:
        """An id that no object has or had."""
        return self._highest + 1

    def stop(self) -> None:
        """Write what is left, and let the layer go."""
        self.look()
        for timer in (self._soon, self._later):
            timer.stop()
        for name, slot in self._slots().items():
            with suppress(ValueError):
                getattr(self.layer.events, name).disconnect(slot)
        note_written(self.layer, self.project, self.field)

    def look(self, within: Box | None = None) -> tuple[Edit, ...]:
        """Write what has changed since the last look, and return it.

        Parameters
        ----------
        within : Box, optional
            Look only here; everywhere without it.
        """
        labels = self.labels
        if labels.shape != self.project.field(self.field).shape:
            self.told.emit(OTHER_SIZE)
            return ()
        edits = self._tracker.update(labels, within)
        if edits or self._facts:
            self._write(edits)
        return edits

    def edit(self, edits: Iterable[Edit], objects: Mapping[int, ObjectState] | None = None) -> None:
        """Change the layer, as one step that a person can undo.

        Parameters
        ----------
        edits : iterable of Edit
            Of one tool.
        objects : mapping of int to ObjectState, optional
            What is said about objects with it.
        """
        done = [edit for edit in edits if edit]
        self._facts = dict(objects or {})
        with self.layer.block_history():
            for edit in done:
                self.paint(edit)
        if self._facts:  # nothing was painted, so no event has come
            self._write(())

    def paint(self, edit: Edit) -> None:
        """Change pixels of the layer through napari's own history; inside of `block_history`."""
        if not edit:
            return
        rows, columns, values = edit.pixels()
        indices: list[Any] = [np.zeros_like(rows)] * self.layer.ndim
        for axis, places in zip(plane_axes(self.layer), (rows, columns), strict=True):
            indices[axis] = places
        self.layer.data_setitem(tuple(indices), values)

    def reload(self) -> None:
        """Show what the project holds; the person's history of the layer stays as it is."""
        self.look()
        self._show_stored()

    def _show_stored(self) -> None:
        stored = self.project.labels(self.field)
        if stored.shape != self.labels.shape:
            return
        self._highest = max(self._highest, int(stored.max(initial=0)))
        _make_wide(self.layer)
        self._tracker = ChunkTracker(stored)
        self.labels[...] = stored
        self.layer.refresh()

    def _write(self, edits: Sequence[Edit]) -> None:
        facts, self._facts = self._facts, {}
        if edits:
            self._highest = max(self._highest, *(int(edit.after.max()) for edit in edits))
        try:
            self.project.apply(self.field, edits, facts)
            if edits and self.project.facts(self.field).state not in ("corrected", "done"):
                self.project.set_state(self.field, "corrected")
        except SelfRegError as error:
            self.told.emit(str(error))
            return
        if edits:
            mark_touched(self.layer)
            self._note_held(edits)
        self.changed.emit(tuple(edits))

    def _note_held(self, edits: Sequence[Edit]) -> None:
        """Note what the disk may be left with when it refuses edits: a state before one of them."""
        waited, self._waits = self._waits, bool(self.project.problem)
        if self._waits:
            held = np.array(self.project.labels(self.field))
            for edit in edits:
                apply(held, edit.reversed())
            earlier = self.layer.metadata.get(WRITTEN_KEY, frozenset()) if waited else frozenset()
            self.layer.metadata[WRITTEN_KEY] = earlier | {_checksum(held)}

    def _on_paint(self, event: Any) -> None:
        """Write a stroke before napari's call returns."""
        if not alive(self):
            return
        axes = plane_axes(self.layer)
        for atom in event.value:
            box = _box_of(atom, axes)
            self.look(box)
            self._within.append(box)
        # Without a stroke around it, napari tells of a change before it is made.
        self._soon.start()

    def _look_again(self) -> None:
        boxes, self._within = self._within, []
        for box in boxes:
            self.look(box)

    def _on_set_data(self, event: Any = None) -> None:
        if not alive(self):
            return
        if self.labels.size <= AT_ONCE_PIXELS:
            self.look()
        else:
            self._later.start()

    def _slots(self) -> dict[str, Any]:
        return {"paint": self._on_paint, "set_data": self._on_set_data, "data": self._on_set_data}


def _make_wide(layer: Any) -> None:
    """Give a mask of few ids room for all: napari would cut off larger ones without a word."""
    if np.iinfo(layer.data.dtype).max < np.iinfo(np.int32).max:
        layer.data = layer.data.astype(np.int32)


def note_written(layer: Any, project: Project, field: str) -> None:
    """Note what a field holds now that a layer shows the same, to tell later which has changed.

    Not while the disk refuses what the field holds: the project may be opened without it.
    """
    if project.problem:
        return
    layer.metadata[WRITTEN_KEY] = frozenset({_checksum(project.labels(field))})


def is_behind(layer: Any, project: Project, field: str) -> bool:
    """Tell whether a field has changed since a layer was known to show the same."""
    known = layer.metadata.get(WRITTEN_KEY)
    return known is not None and _checksum(project.labels(field)) not in known


def is_ahead(layer: Any) -> bool:
    """Tell whether a layer has changed since its field was known to hold the same."""
    known = layer.metadata.get(WRITTEN_KEY)
    return known is not None and _checksum(label_plane(layer)) not in known


def _checksum(labels: npt.NDArray[np.integer[Any]]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels, np.int32).data)


def _box_of(atom: Any, axes: tuple[int, int]) -> Box:
    """Return where an atom of napari's history lies: a masked one, or indices with values."""
    key = getattr(atom, "slice_key", None)
    if key is not None:
        rows, columns = (key[axis] for axis in axes)
        return Box(rows.start, columns.start, rows.stop, columns.stop)
    rows, columns = (np.asarray(atom[0][axis]) for axis in axes)
    if not rows.size:
        return Box(0, 0, 0, 0)
    low, high = (rows.min(), columns.min()), (rows.max() + 1, columns.max() + 1)
    return Box(*map(int, (*low, *high)))
