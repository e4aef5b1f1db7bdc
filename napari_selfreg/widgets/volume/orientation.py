"""Turns the camera for volumes: their rows run to the front, which belongs at the top."""

from __future__ import annotations

from typing import Any

from napari_selfreg.io.volume.grid import Grid
from napari_selfreg.widgets.volume.layers import VOLUME_KEY

_UP = ("up", "right")


class Orientation:
    """Keeps the camera upright for what is shown; a person's own choice comes back afterwards.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: Any = None

    def suit(self, image: Any) -> None:
        """Turn the camera for a volume that states its place, and back for everything else."""
        camera = self._viewer.scene.camera
        grid = None if image is None else image.metadata.get(VOLUME_KEY)
        if isinstance(grid, Grid) and grid.affine is not None:
            if self._before is None:
                self._before = camera.orientation2d
                camera.orientation2d = _UP
        elif self._before is not None:
            camera.orientation2d, self._before = self._before, None
