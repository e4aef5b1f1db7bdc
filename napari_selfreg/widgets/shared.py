"""What the panels of one viewer share; they never talk to each other directly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import remembered
from napari_selfreg.io.card import Card

if TYPE_CHECKING:
    from napari_selfreg.io.project import Project
    from napari_selfreg.widgets.field_list import FieldList

_shared: WeakKeyDictionary[Any, Shared] = WeakKeyDictionary()


@dataclass(slots=True)
class PathOffer:
    """A file or folder that came through napari's own menu, for an Open panel to take.

    Parameters
    ----------
    path : Path
        What a person wants to open.
    taken : bool
        Whether a panel opens it now.
    """

    path: Path
    taken: bool = False


class Shared(QObject):
    """The meeting place of the panels of one viewer.

    Attributes
    ----------
    fields : FieldList or None
        The opened fields; None while no Open panel has been made.
    card : Card or None
        Card of the model chosen for the next run.
    project : Project or None
        The open project of corrections; whoever opened it closes it.
    fieldsChanged : Signal()
        Fields were opened or removed, or one has another state.
    fieldChanged : Signal(object)
        Another field is shown: the `Field`, or None.
    runAllRequested : Signal()
        A person asks to segment all fields.
    cancelAllRequested : Signal()
        A person asks to stop that.
    resultChanged : Signal(object)
        A Labels layer with a result was added or relabelled.
    pixelSizeChanged : Signal(object)
        A person has said how large the pixels of an image layer are: its scale is another one.
    cardChanged : Signal()
        Another model is chosen.
    modelDropped : Signal(object)
        A person has dropped a model file on the window: its `Path`.
    modelWanted : Signal(object)
        A model of the list is to be chosen for the next run: its `Path`.
    pathOffered : Signal(object)
        A person has chosen a file or folder in napari's own menu: a `PathOffer`.
    projectOffered : Signal(object)
        A person has chosen or dropped the folder of a project: a `PathOffer`.
    openPanelMade : Signal()
        A new Open panel takes over: list, keys and drops are its own from now on.
    projectChanged : Signal()
        A project was opened, or closed.
    projectEdited : Signal(object)
        Labels, objects or regions of fields were changed in the project itself, not through their
        layers: a tuple of ids of fields, whose layers are to be read again.
    projectFieldWanted : Signal(object)
        A person wants to see a field of the project: its id.
    """

    fieldsChanged = Signal()
    fieldChanged = Signal(object)
    runAllRequested = Signal()
    cancelAllRequested = Signal()
    resultChanged = Signal(object)
    pixelSizeChanged = Signal(object)
    cardChanged = Signal()
    modelDropped = Signal(object)
    modelWanted = Signal(object)
    pathOffered = Signal(object)
    projectOffered = Signal(object)
    openPanelMade = Signal()
    projectChanged = Signal()
    projectEdited = Signal(object)
    projectFieldWanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.fields: FieldList | None = None
        self.card: Card | None = None
        self.project: Project | None = None

    def set_project(self, project: Project | None) -> None:
        """Tell all panels which project is open."""
        if project is not self.project:
            self.project = project
            self.projectChanged.emit()

    def set_card(self, card: Card | None) -> None:
        """Tell all panels which model is chosen."""
        if card != self.card:
            self.card = card
            self.cardChanged.emit()

    def remember_pixel_size(self, path: str | os.PathLike[str], pixel_size: PixelSize) -> None:
        """Keep a person's choice for the pictures of a folder, between sessions too."""
        remembered.remember_pixel_size(path, pixel_size)

    def remembered_pixel_size(self, path: str | os.PathLike[str]) -> PixelSize | None:
        """Return the choice for the folder of a picture, or None."""
        return remembered.remembered_pixel_size(path)


def shared_for(viewer: Any) -> Shared:
    """Return what the panels of a viewer share: one object as long as the viewer lives.

    Parameters
    ----------
    viewer : napari.Viewer
        Or the proxy of it that napari hands to plugins.
    """
    # The proxy is made afresh for every plugin, so it cannot be what we know a viewer by.
    while hasattr(viewer, "__wrapped__"):
        viewer = viewer.__wrapped__
    found = _shared.get(viewer)
    if found is None:
        found = _shared[viewer] = Shared()
    return found
