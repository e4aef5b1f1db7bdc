"""A layer of our own that shows where classes are found while a volume is segmented."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.volume.events import VolumeTileDone
from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.preview import NAME, nearest, preview_look, take_away
from napari_selfreg.widgets.volume.layers import VolumeView, place_on

MAX_SIDE = 160
"""The preview has at most this many voxels along each side."""


class VolumePreview:
    """Parts of a prediction over their volume, until its classes are known.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    layer : napari.layers.Image
        The volume.
    view : VolumeView
        What is segmented of it.
    """

    def __init__(self, viewer: Any, layer: Any, view: VolumeView) -> None:
        self._viewer = viewer
        self._image = layer
        self._view = view
        self._steps = tuple(max(1, -(-side // MAX_SIDE)) for side in view.shape)
        sides = zip(view.shape, self._steps, strict=True)
        shape = tuple(max(1, round(side / step)) for side, step in sides)
        self._data = view.as_layer(np.zeros(shape, dtype=np.uint8))
        self._canvas = self._data.transpose(view.order)  # the same numbers, along z, y and x
        self._layer: Any = None

    @property
    def layer(self) -> Any:
        """The layer on show, or None."""
        return self._layer

    def show(self, events: Iterable[Event]) -> None:
        """Draw the parts among events; nothing happens once a person has removed the layer."""
        parts = [event for event in events if isinstance(event, VolumeTileDone)]
        for part in parts:
            paste_part(self._canvas, part.place, part.preview, self._steps)
        if not parts or (self._layer is None and parts[-1].done >= 1):
            return  # the classes themselves follow at once
        if self._layer is None:
            self._add()
        elif self._layer in self._viewer.layers:
            self._layer.refresh(thumbnail=False, highlight=False, extent=False)

    def remove(self) -> None:
        """Take the layer away, if it is there."""
        take_away(self._viewer, self._layer)

    def _add(self) -> None:
        middles = tuple((step - 1) / 2 for step in self._steps)
        with selection_kept(self._viewer):
            self._layer = self._viewer.add_image(
                self._data,
                name=NAME,
                rgb=False,
                blending="translucent_no_depth",  # else a rendered volume would hide it
                metadata={OWN_KEY: "preview"},
                **preview_look(),
                **place_on(self._image, self._view.order, self._steps, middles),
            )


def paste_part(
    canvas: npt.NDArray[np.uint8],
    place: Iterable[tuple[int, int]],
    preview: npt.NDArray[np.uint8],
    steps: Iterable[int],
) -> None:
    """Draw one part into a canvas.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (Z, Y, X)
        One voxel per `steps` voxels of the volume; changed in place.
    place : three (int, int)
        First and one after the last voxel of the part along each axis.
    preview : ndarray of uint8, shape (z, y, x)
        Covers the part evenly.
    steps : three int
        At least 1.
    """
    axes = zip(place, preview.shape, steps, canvas.shape, strict=True)
    found = [nearest(a, b, length, 0, step, limit) for (a, b), length, step, limit in axes]
    there, here = (np.ix_(*each) for each in zip(*found, strict=True))
    canvas[there] = preview[here]
