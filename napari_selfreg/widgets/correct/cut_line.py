"""The line that a person draws to cut objects, as long as the mouse is down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Shapes

from napari_selfreg.widgets.guards import selection_kept
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_plane import label_point

NAME = "cut"
_WIDTH = 2.0
"""In pixels of the screen."""


class CutLine:
    """Draws a line in a layer of our own.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is drawn.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None

    def draw(self, labels: Any, path: Sequence[tuple[float, float]]) -> None:
        """Show a path through pixels of a Labels layer."""
        points = np.array([label_point(labels, *place) for place in path])
        if self._layer is None:
            self._layer = Shapes(
                ndim=points.shape[1],
                name=NAME,
                units=labels.units,
                metadata={OWN_KEY: "cut"},
            )
            with selection_kept(self._viewer):
                self._viewer.add_layer(self._layer)
        self._layer.data = []
        self._layer.add(
            [points],
            shape_type="path",
            edge_color="yellow",
            face_color="transparent",
            edge_width=_WIDTH / self._viewer.scene.camera.zoom,
        )

    def remove(self) -> None:
        """Take the line away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            with selection_kept(self._viewer):
                self._viewer.layers.remove(layer)
