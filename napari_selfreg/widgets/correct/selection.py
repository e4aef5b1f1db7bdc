"""Which objects are chosen: filled in the picture by a layer of our own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.marks import Marks

NAME = "selected objects"


class Selection(QObject):
    """The chosen objects of the layer on show, in the order they were chosen.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are filled.
    desk : ProjectDesk
        Knows the layer.
    owner : QWidget
        The panel.

    Attributes
    ----------
    changed : Signal()
        Others are chosen.
    """

    changed = Signal()

    def __init__(self, viewer: Any, desk: ProjectDesk, owner: QWidget) -> None:
        super().__init__(owner)
        self._desk = desk
        self._ids: tuple[int, ...] = ()
        self.marks = Marks(viewer, owner, NAME)
        desk.linkChanged.connect(self.clear)
        desk.edited.connect(self._on_edited)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the chosen objects, the first chosen one first."""
        return self._ids

    def set(self, ids: Iterable[int]) -> None:
        """Choose objects instead of those before; background is none."""
        self._ids = tuple(dict.fromkeys(int(each) for each in ids if each))
        self._mark()
        self.changed.emit()

    def toggle(self, number: int) -> None:
        """Choose one object more, or one less if it was chosen."""
        rest = tuple(each for each in self._ids if each != number)
        self.set(rest if len(rest) < len(self._ids) else (*self._ids, number))

    def clear(self) -> None:
        """Choose none."""
        self.set(())

    def _mark(self) -> None:
        link = self._desk.link
        if link is None or not self._ids:
            self.marks.clear()
        else:
            self.marks.mark(link.layer, np.array(self._ids))

    def _on_edited(self, edits: Any) -> None:
        """Follow the outlines of chosen objects, and forget those that are gone."""
        link = self._desk.link
        if link is None or not self._ids or not edits:
            return
        touched = {number for edit in edits for number in edit.ids}
        if touched.isdisjoint(self._ids):
            return
        gone = {n for n in touched.intersection(self._ids) if not (link.labels == n).any()}
        self.set(each for each in self._ids if each not in gone)
