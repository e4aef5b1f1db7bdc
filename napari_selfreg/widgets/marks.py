"""Objects of a chosen range, filled in the image by a layer of our own."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils import Colormap
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.guards import alive, collection_spared, selection_kept
from napari_selfreg.widgets.latest import Latest
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_plane import label_plane, label_point, plane_axes

NAME = "objects in the chosen range"
MAX_PIXELS = 4_000_000
"""Larger results are marked on a coarser grid: drawing every pixel would stop the window."""

_COLOUR = (0.1, 1.0, 0.8)
_OPACITY = 0.45
_SPATIAL = ("rotate", "shear", "affine", "units", "axis_labels")


class Marks(QObject):
    """Fills chosen objects of a result, until they are cleared.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    owner : QWidget
        Widget whose life the small jobs share.
    name : str
        Of the layer.
    """

    def __init__(self, viewer: Any, owner: QWidget, name: str = NAME) -> None:
        super().__init__(owner)
        self._name = name
        self._viewer = viewer
        self._result: Any = None
        self._step = 1
        self.layer: Any = None
        self._latest = Latest(owner)
        self._latest.done.connect(self._show)

    @property
    def busy(self) -> bool:
        """Whether what was chosen last is not shown yet."""
        return self._latest.running

    def mark(self, result: Any, index: npt.NDArray[np.integer[Any]]) -> None:
        """Fill the objects `index` of a result layer; none takes the marks away."""
        if not index.size:
            self.clear()
            return
        if result is not self._result:
            self.clear()
            self._result = result
        labels = label_plane(result)
        self._step = max(1, math.ceil(math.sqrt(labels.size / MAX_PIXELS)))
        self._latest.submit(filled, labels[:: self._step, :: self._step], index)

    def clear(self) -> None:
        """Take the marks away."""
        self._latest.clear()
        layer, self.layer, self._result = self.layer, None, None
        if layer is not None and layer in self._viewer.layers:
            with selection_kept(self._viewer), collection_spared():
                self._viewer.layers.remove(layer)

    def _show(self, mask: npt.NDArray[np.uint8]) -> None:
        if not alive(self) or self._result is None or self._result not in self._viewer.layers:
            return
        axes = plane_axes(self._result)
        shape = [1] * self._result.ndim
        shape[axes[0]], shape[axes[1]] = mask.shape
        data = mask.reshape(shape)
        if self.layer is not None and self.layer in self._viewer.layers:
            self.layer.data = data
            return
        with selection_kept(self._viewer):
            self.layer = self._viewer.add_image(data, **self._arguments(axes))

    def _arguments(self, axes: tuple[int, int]) -> dict[str, Any]:
        result, step = self._result, self._step
        scale = np.array(result.scale, dtype=np.float64)
        scale[list(axes)] *= step
        # The first coarse pixel covers `step` fine ones: its centre lies in their middle.
        moved = label_point(result, (step - 1) / 2, (step - 1) / 2) - label_point(result, 0, 0)
        inverse = np.linalg.inv(np.asarray(result.affine.affine_matrix)[:-1, :-1])
        return {
            "name": self._name,
            "rgb": False,
            "colormap": Colormap([(*_COLOUR, 0.0), (*_COLOUR, 1.0)], name="selfreg marks"),
            "contrast_limits": (0, 1),
            "opacity": _OPACITY,
            "metadata": {OWN_KEY: "marks"},
            "scale": scale,
            "translate": np.asarray(result.translate) + inverse @ moved,
            **{name: getattr(result, name) for name in _SPATIAL},
        }


def filled(
    labels: npt.NDArray[np.integer[Any]], index: npt.NDArray[np.integer[Any]]
) -> Generator[Event, None, npt.NDArray[np.uint8]]:
    """Return 1 where `labels` is one of `index`, else 0."""
    yield Progress(0, 0)
    chosen = np.zeros(max(int(labels.max(initial=0)), int(index.max(initial=0))) + 1, np.uint8)
    chosen[index] = 1
    return chosen[labels]
