"""Volumes on disk: NIfTI and TIFF stacks, and folders of them."""

from __future__ import annotations

from napari_selfreg.io.volume.grid import (
    Grid,
    Volume,
    is_oblique,
    layer_affine,
    layer_scale,
    layer_translate,
    require_same_grid,
    same_grid,
)
from napari_selfreg.io.volume.names import volume_stem
from napari_selfreg.io.volume.reading import (
    is_volume_path,
    read_volume,
    read_volume_labels,
    write_volume_labels,
)

__all__ = [
    "Grid",
    "Volume",
    "is_oblique",
    "is_volume_path",
    "layer_affine",
    "layer_scale",
    "layer_translate",
    "read_volume",
    "read_volume_labels",
    "require_same_grid",
    "same_grid",
    "volume_stem",
    "write_volume_labels",
]
