"""Side by side: napari's grid with the tissue first, and everything as it was afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_SPACING = 0.02


class SideBySide:
    """Switches napari's grid on and off.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: dict[str, Any] | None = None
        self._hidden: list[object] = []
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
                self._hidden.append(layer.unique_id)
        for layer in maps:
            layer.visible = True
            layer.opacity = 1.0
        grid.stride, grid.shape, grid.spacing = 1, (-1, -1), _SPACING
        grid.enabled = True
        self._zoom_to(1 / max(grid.actual_shape(self._viewer.layers)))

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
        hidden, self._hidden = self._hidden, []
        for layer in self._viewer.layers:
            if layer.unique_id in hidden:
                layer.visible = True

    def _zoom_to(self, share: float) -> None:
        """Keep the same tissue in view although every picture gets but a share of the window."""
        self._viewer.scene.camera.zoom *= share / self._share
        self._share = share
