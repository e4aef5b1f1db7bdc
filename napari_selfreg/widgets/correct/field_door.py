"""Brings the images of a project onto the viewer: through the Open panel's list, or its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.fields import State
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_opener import FieldOpener
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.image_layers import CHOSEN, set_pixel_size
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.shared import shared_for


class FieldDoor(QObject):
    """Opens and shows fields.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    owner : QWidget
        The panel; its life ends the jobs.

    Attributes
    ----------
    shown : Signal(object)
        Another image is on show: the path of its file, or None.
    told : Signal(str)
        What happens, or why an image cannot be opened.
    """

    shown = Signal(object)
    told = Signal(str)

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._owner = owner
        self._shared = shared_for(viewer)
        self._own: FieldList | None = None
        self._stage: FieldStage | None = None
        self._shared.fieldChanged.connect(self._on_shown)

    @property
    def fields(self) -> FieldList:
        """The list of the Open panel; without one, a list of our own."""
        if self._shared.fields is not None:
            return self._shared.fields
        if self._own is None:
            self._own = FieldList()
            self._stage = FieldStage(self._viewer)
            opener = FieldOpener(self._own, self._stage, self._owner)
            opener.shown.connect(self._on_shown)
            opener.told.connect(self.told)
        return self._own

    def show(self, path: Path) -> None:
        """Show one of the listed images."""
        wanted = self.fields.find(path) or self.fields.add([path])[0]
        if wanted is self.fields.current:
            self._on_shown(wanted)
        self.fields.set_current(wanted)

    def list(self, path: Path, pixel_size: PixelSize, state: State) -> Field:
        """Put an image on the list, with what the project knows of it."""
        field = self.fields.add([path])[0]
        self.fields.update(field, pixel_size=pixel_size, state=state)
        return field

    def set_state(self, path: Path, state: State) -> None:
        """Show how far a person is with a field."""
        field = self.fields.find(path)
        if field is not None:
            self.fields.update(field, state=state)

    def _on_shown(self, field: Field | None) -> None:
        if not alive(self):
            return
        if field is not None and self._stage is not None and self._stage.field is field:
            image = self._stage.image
            if field.pixel_size is not None and pixel_size_of(image) != field.pixel_size:
                set_pixel_size(image, field.pixel_size, CHOSEN)
        self.shown.emit(None if field is None else field.path)
