"""Whole pictures and volumes through a network in training: accepted sizes, overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from napari_selfreg.core.tiles import ceil_to
from napari_selfreg.nets.outputs import main_logits
from napari_selfreg.nets.tapspec import TapSpec


def accepted_shape(shape: Sequence[int], tapspec: TapSpec, multiple: int = 1) -> tuple[int, ...]:
    """Return the smallest sides from those of `shape` on that a network can be run on.

    Parameters
    ----------
    shape : sequence of int
        Of a picture or volume.
    tapspec : TapSpec
        Says what the network accepts; one of a fixed size sees windows of a larger shape.
    multiple : int, default 1
        Also divides the sides, unless the network has a fixed size.

    Returns
    -------
    tuple of int
    """
    if tapspec.fixed_size is not None:
        return tuple(map(max, shape, tapspec.fixed_size))
    step = math.lcm(multiple, tapspec.size_multiple)
    return tuple(ceil_to(max(side, tapspec.min_size), step) for side in shape)


def window_logits(
    network: nn.Module,
    image: Tensor,
    window: Sequence[int],
    *,
    overlap: float,
    weights: Literal["constant", "gaussian"],
) -> Tensor:
    """Return logits averaged over overlapping windows.

    Parameters
    ----------
    network : nn.Module
    image : Tensor, shape (1, C, *spatial)
        No side is shorter than that of the window.
    window : sequence of int
        A size the network accepts.
    overlap : float
        Part of a window that neighbours share along each axis.
    weights : {"constant", "gaussian"}
        Of the pixels of a window.

    Returns
    -------
    Tensor, shape (1, K, *spatial)

    Raises
    ------
    BadModelError
        If the network returns no logits.
    """
    from monai.inferers import sliding_window_inference

    def logits(part: Tensor) -> Tensor:
        return main_logits(network(part), part)

    found = sliding_window_inference(image, window, 1, logits, overlap=overlap, mode=weights)
    assert isinstance(found, Tensor)
    return found
