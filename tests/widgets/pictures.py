"""Layers for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


def colour(*shape: int, **kwargs: Any) -> Image:
    """A colour layer; napari alone takes small colour arrays for slices."""
    return Image(noise(*shape, 3), rgb=True, **kwargs)


def shown(layer: Image) -> tuple[ViewerModel, Image]:
    viewer = ViewerModel()
    viewer.add_layer(layer)
    return viewer, layer


def opened(name: str, shape: tuple[int, int] = (8, 9)) -> tuple[Any, ...]:
    """A picture as a reader hands it over."""
    return noise(*shape, 3), {"name": name, "rgb": True}, "image"


def world_of(layer: Any, *point: float) -> np.ndarray:
    return np.asarray(layer.data_to_world(point))
