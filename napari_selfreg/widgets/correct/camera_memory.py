"""Where a person was looking on each field: there she goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.project import Camera
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.correct.object_tools import look_at
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.result_plane import plane_axes
from napari_selfreg.widgets.timers import single_shot

_REST_MS = 800
"""The view is kept once it has rested this long."""


class CameraMemory(QObject):
    """Keeps centre and zoom of the view in the project, and brings them back.

    Parameters
    ----------
    viewer : napari.Viewer
    desk : ProjectDesk
    parent : QObject
        Parent.
    """

    def __init__(self, viewer: Any, desk: ProjectDesk, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._desk = desk
        self._rest = single_shot(self, _REST_MS, self.keep)
        # Whoever shows a field looks at all of it first.
        self._soon = single_shot(self, 0, self.restore)
        desk.linkChanged.connect(self._on_link)
        viewer.scene.camera.events.connect(self._on_camera)

    def keep(self) -> None:
        """Write down what is looked at."""
        link = self._desk.link
        if link is None or link.project.read_only or self._viewer.dims.ndisplay != 2:
            return
        camera = Camera(center=self._centre(link), zoom=float(self._viewer.scene.camera.zoom))
        if camera == link.project.facts(link.field).camera:
            return
        try:
            link.project.set_camera(link.field, camera)
        except SelfRegError as error:
            self._desk.told.emit(str(error))

    def restore(self) -> None:
        """Look where the person has looked last."""
        link = self._desk.link
        camera = None if link is None else link.project.facts(link.field).camera
        if link is None or camera is None:
            return
        record = link.project.field(link.field)
        y, x = (np.array(camera.center) - record.offset) / record.downsample - 0.5
        self._viewer.scene.camera.zoom = camera.zoom
        look_at(self._viewer, link.layer, float(y), float(x))

    def _centre(self, link: JournalLink) -> tuple[float, float]:
        """Return the middle of the view in pixels of the image at full resolution."""
        point = np.array(self._viewer.dims.point, dtype=np.float64)
        shown = list(self._viewer.dims.displayed)
        point[shown] = self._viewer.scene.camera.center[-len(shown) :]
        place = np.asarray(link.layer.world_to_data(point[-link.layer.ndim :]))
        record = link.project.field(link.field)
        y, x = (place[list(plane_axes(link.layer))] + 0.5) * record.downsample + record.offset
        return float(y), float(x)

    def _on_link(self) -> None:
        self._rest.stop()
        if self._desk.link is not None:
            self._soon.start()

    def _on_camera(self, event: Any = None) -> None:
        if alive(self) and self._desk.link is not None and not self._soon.isActive():
            self._rest.start()
