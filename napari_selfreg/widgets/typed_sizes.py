"""Pixel sizes a person has typed for images that state none: kept per image and per folder."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.remembered import remember_pixel_size, remembered_pixel_size
from napari_selfreg.widgets.image_layers import source_info


class TypedSizes:
    """What was typed in one panel; the folder's choice is shared with the other panels."""

    def __init__(self) -> None:
        self._sizes: dict[Hashable, PixelSize] = {}

    def of(self, layer: Any) -> PixelSize | None:
        """Return what was typed here for an image layer."""
        return self._sizes.get(layer.unique_id)

    def keep(self, layer: Any, size: PixelSize) -> None:
        """Keep a size for an image layer and, where its file states none, for its folder."""
        self._sizes[layer.unique_id] = size
        info = source_info(layer)
        if info is not None and info.stated is None:
            remember_pixel_size(info.path, size)

    def forget(self, layer: Any) -> None:
        """Forget what was typed here: it has been chosen elsewhere."""
        self._sizes.pop(layer.unique_id, None)


def folder_size(layer: Any) -> PixelSize | None:
    """Return the size that was chosen for the folder of an image layer's file."""
    info = source_info(layer)
    return remembered_pixel_size(info.path) if info is not None else None
