"""Side by side: napari's grid with the tissue first, and everything as it was afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from napari_selfreg.widgets.guards import bare

_SPACING = 0.02
_NAME_HEIGHT = 18.0
"""Pixels above each picture for its name."""


class SideBySide:
    """Switches napari's grid on and off.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: dict[str, Any] | None = None
        # A layer that a person deletes meanwhile need not be kept for this.
        self._hidden: WeakSet[Any] = WeakSet()
        self._share = 1.0

    @property
    def on(self) -> bool:
        """Whether the grid is ours now."""
        return self._before is not None

    def show(self, image: Any, maps: Sequence[Any]) -> None:
        """Show the image and the maps each in a place of its own.

        Parameters
        ----------
        image : napari.layers.Image
        maps : sequence of napari layers
            All others are hidden meanwhile.
        """
        grid = self._viewer.canvas.grid
        if self._before is None:
            self._before = {
                name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")
            }
        kept = {image.unique_id, *(layer.unique_id for layer in maps)}
        for layer in self._viewer.layers:
            if layer.visible and layer.unique_id not in kept:
                layer.visible = False
                self._hidden.add(bare(layer))
        for layer in maps:
            layer.visible = True
            layer.opacity = 1.0
        picture = _size_of(image)
        canvas = np.asarray(self._viewer.canvas.size, np.float64)
        shape = grid_shape(len(maps) + 1, canvas, picture)
        grid.stride, grid.shape, grid.spacing = 1, shape, _SPACING
        grid.enabled = True
        self._zoom_to(self._share_of(canvas, picture))

    def place_width(self) -> float:
        """Return how wide the place of one picture is, in pixels of the screen."""
        return float(self._viewer.canvas.viewbox_size(self._viewer.layers)[1])

    def leave(self) -> None:
        """Put the grid and hidden layers back; nothing happens if it is not on."""
        before, self._before = self._before, None
        if before is None:
            return
        grid = self._viewer.canvas.grid
        self._zoom_to(1.0)
        grid.enabled = before.pop("enabled")
        for name, value in before.items():
            setattr(grid, name, value)
        hidden, self._hidden = self._hidden, WeakSet()
        for layer in hidden:  # also one that waits off the viewer with its field
            layer.visible = True

    def _share_of(self, canvas: npt.NDArray[Any], picture: npt.NDArray[Any]) -> float:
        """Return how much smaller the tissue in view has to be to fit into a place."""
        seen = np.minimum(canvas, picture * self._viewer.scene.camera.zoom / self._share)
        place = _below_name(np.asarray(self._viewer.canvas.viewbox_size(self._viewer.layers)))
        return float(min(1.0, *(place / np.maximum(seen, 1))))

    def _zoom_to(self, share: float) -> None:
        """Keep the same tissue in view although every picture gets but a part of the window."""
        self._viewer.scene.camera.zoom *= share / self._share
        self._share = share


def grid_shape(count: int, canvas: npt.NDArray[Any], picture: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the rows and columns in which so many pictures of one size are largest.

    Parameters
    ----------
    count : int
        Pictures.
    canvas, picture : ndarray, shape (2,)
        Height and width of the window and of a picture, in any units of their own.

    Examples
    --------
    >>> grid_shape(19, np.array([750, 575]), np.array([1, 1]))
    (5, 4)
    """
    shapes = [(-(-count // columns), columns) for columns in range(1, count + 1)]
    return max(shapes, key=lambda shape: min(_below_name(canvas / shape) / picture))


def _below_name(place: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what a picture can fill of a place, shape (height, width)."""
    return np.maximum(place - (_NAME_HEIGHT, 0), 1)


def _size_of(image: Any) -> npt.NDArray[Any]:
    """Return height and width of an image in the world; of a volume those of a slice."""
    # From the first to the last centre of a pixel, and half a pixel on either side.
    extent = np.ptp(np.asarray(image.extent.world)[:, -2:], axis=0)
    size: npt.NDArray[Any] = extent + np.abs(np.asarray(image.extent.step)[-2:])
    return size
