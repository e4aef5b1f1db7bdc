"""Keeps count and measurements of the field up to date while it is corrected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.project import ObjectState
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.latest import Latest
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.result_plane import feature_rows, is_aligned, with_classes
from napari_selfreg.widgets.results_job import Survey, survey
from napari_selfreg.widgets.results_snapshot import take_snapshot
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.totals_view import in_words

_AFTER_MS = 300
"""From an edit to measuring: less than a second is left for that."""


class Measured(QObject):
    """Measures the objects again after every edit, in a thread.

    Parameters
    ----------
    viewer : napari.Viewer
    desk : ProjectDesk
    owner : QWidget
        The panel.

    Attributes
    ----------
    changed : Signal(str)
        Totals of the field in words.
    """

    changed = Signal(str)

    def __init__(self, viewer: Any, desk: ProjectDesk, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._desk = desk
        self._latest = Latest(owner)
        self._latest.done.connect(self._on_done)
        self._timer = single_shot(self, _AFTER_MS, self._look)
        desk.linkChanged.connect(self._on_link)
        desk.edited.connect(self._on_edited)
        desk.shared.pixelSizeChanged.connect(self._on_link)

    @property
    def busy(self) -> bool:
        """Whether what is shown is about to change."""
        return self._timer.isActive() or self._latest.running

    def _on_link(self, image: Any = None) -> None:
        if self._desk.link is None:
            self._timer.stop()
            self.changed.emit("")
        else:
            self._timer.start()

    def _on_edited(self, edits: Any = None) -> None:
        self._timer.start()

    def _look(self) -> None:
        link = self._desk.link
        if link is None or link.layer not in self._viewer.layers:
            return
        try:
            snapshot = take_snapshot(self._viewer, link.layer)
        except SelfRegError:
            return
        self._latest.submit(survey, snapshot)

    def _on_done(self, found: Survey) -> None:
        link = self._desk.link
        info = None if link is None else result_info(link.layer)
        if not alive(self) or link is None or info is not found.snapshot.info:
            return
        layer = bare(link.layer)
        if found.fresh or not is_aligned(layer.features):
            layer.features = feature_rows(with_classes(found.table, _names(link.objects)))
        there = set(found.places.index.tolist())
        said = link.objects.items()
        accepted = sum(each.accepted and number in there for number, each in said)
        count, area, median, _ = in_words(found.totals)
        self.changed.emit(f"{count} objects, {accepted} accepted · area {area} · median {median}")


def _names(objects: Mapping[int, ObjectState]) -> dict[int, str]:
    """Return the classes that a person has given: they stand, whatever was found."""
    return {number: said.class_name for number, said in objects.items() if said.class_name}
