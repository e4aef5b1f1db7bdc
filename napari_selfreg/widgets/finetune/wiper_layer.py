"""Before | after on the canvas: one layer that shows one model left, the other right of a line."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils import CyclicLabelColormap

from napari_selfreg.widgets.guards import bare, selection_kept
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.result_layer import outline_width

NAME = "Before | after"

COLOURS = ("#e69f00", "#00e5ff", "#ffffff")
"""Before, after, the line: told apart by colour-blind eyes too."""

_LINE = 3
_BACKGROUND = "#00000000"


def composed(
    before: npt.NDArray[np.int32], after: npt.NDArray[np.int32], column: int, line: int = 1
) -> npt.NDArray[np.int32]:
    """Return labels of which the colour tells the side.

    Parameters
    ----------
    before, after : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    column : int
        Where the second begins.
    line : int
        Width of the line, in pixels; 0 for none.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        ``3 k + 1`` for object ``k + 1`` before, ``3 k + 2`` after, 3 on the line.
    """
    both = np.zeros(before.shape, np.int32)
    left, right = before[:, :column], after[:, column:]
    both[:, :column] = np.where(left > 0, 3 * left - 2, 0)
    both[:, column:] = np.where(right > 0, 3 * right - 1, 0)
    if line and 0 < column < before.shape[1]:
        both[:, max(0, column - line // 2) : column + (line + 1) // 2] = _LINE
    return both


class WiperLayer:
    """The layer; made when there is something to show, gone with `remove`.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._both: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]] | None = None
        self._at = 0.5
        # A layer that a person deletes meanwhile need not be kept for this.
        self._hidden: WeakSet[Any] = WeakSet()

    @property
    def layer(self) -> Any:
        """The layer on the canvas, None if it was removed."""
        return (
            self._layer if self._layer is not None and self._layer in self._viewer.layers else None
        )

    @property
    def lost(self) -> bool:
        """Whether somebody else has taken the layer off the canvas."""
        return self._layer is not None and self.layer is None

    def show(
        self,
        before: npt.NDArray[np.int32],
        after: npt.NDArray[np.int32],
        place: dict[str, Any],
    ) -> None:
        """Show two label images of one shape.

        Parameters
        ----------
        before, after : ndarray of int32, shape (Y, X)
        place : dict
            ``scale``, ``translate`` and ``units`` of the layer.
        """
        self.remove()
        self._both = before, after
        made = Labels(
            self._composed(),
            name=NAME,
            opacity=1.0,
            metadata={OWN_KEY: "wiper"},
            colormap=CyclicLabelColormap([_BACKGROUND, *COLOURS], background_value=0),
            **place,
        )
        made.contour = outline_width(before.shape)
        made.editable = False
        self._hide_others()
        with selection_kept(self._viewer):
            self._viewer.add_layer(made)
        self._layer = made

    def move(self, at: float) -> None:
        """Put the line at a part of the width, from 0 (all after) to 1 (all before)."""
        self._at = min(1.0, max(0.0, at))
        layer = self.layer
        if layer is not None and self._both is not None:
            layer.data = self._composed()
            layer.editable = False  # napari makes it editable with every new data

    def remove(self) -> None:
        """Take the layer off the canvas."""
        layer, self._layer, self._both = self.layer, None, None
        if layer is not None:
            with selection_kept(self._viewer):
                self._viewer.layers.remove(layer)
        hidden, self._hidden = self._hidden, WeakSet()
        for other in hidden:  # also one that waits off the viewer with its field
            other.visible = True

    def _hide_others(self) -> None:
        """Hide other outlines: three on top of each other cannot be told apart."""
        for other in self._viewer.layers:
            if isinstance(bare(other), Labels) and other.visible:
                other.visible = False
                self._hidden.add(bare(other))

    def ids_at(self, position: npt.ArrayLike) -> tuple[int, int] | None:
        """Return which objects lie at a place of the world, before and after; None outside."""
        layer = self.layer
        if layer is None or self._both is None:
            return None
        at = np.round(layer.world_to_data(np.asarray(position, np.float64))[-2:]).astype(int)
        shape = self._both[0].shape
        if (at < 0).any() or (at >= shape).any():
            return None
        return int(self._both[0][tuple(at)]), int(self._both[1][tuple(at)])

    def _composed(self) -> npt.NDArray[np.int32]:
        assert self._both is not None  # only asked for while there is something
        before, after = self._both
        width = before.shape[1]
        return composed(before, after, round(self._at * width), max(1, width // 300))
