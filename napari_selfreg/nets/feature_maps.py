"""What each block of a network sees: plain functions of tensors, in 2-D and 3-D.

The same pictures of arrays, without torch, are in :mod:`napari_selfreg.core.maps`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.modes import evaluating
from napari_selfreg.nets.pooling import PooledTeacher, adaptive_mean
from napari_selfreg.nets.precision import wide_type
from napari_selfreg.nets.tapspec import TapSpec


def capture(
    network: nn.Module, tapspec: TapSpec, images: Tensor, blocks: Sequence[str] | None = None
) -> dict[str, Tensor]:
    """Run a network once and return what its blocks put out.

    The network runs in evaluation mode, without gradient; its mode is restored, and no hook stays.

    Parameters
    ----------
    network
        The network the taps belong to.
    tapspec
        Names its blocks.
    images
        ``(N, C, *spatial)``, normalised as the network expects.
    blocks
        Which blocks; all by default.

    Returns
    -------
    dict
        Maps ``(N, C, *spatial)`` by block name, in the order of the forward pass.

    Raises
    ------
    BadModelError
        If a block does not exist.
    """
    with torch.no_grad(), evaluating(network), tapspec.open(network, blocks) as taps:
        network(images)
        return {block: taps[block] for block in tapspec.blocks if block in taps}


def energy(maps: Tensor) -> Tensor:
    """Return how active maps ``(N, C, *spatial)`` are at each place.

    Returns
    -------
    Tensor
        ``(N, *spatial)``, the root mean square over channels, float32 (float64 of float64).
    """
    return maps.to(wide_type(maps.dtype)).square().mean(1).sqrt()


def scr_residual(maps: Tensor, last: Tensor | PooledTeacher) -> Tensor:
    """Return where a block disagrees with the last decoder block.

    SCR pulls every channel of every block onto channels of the last block drawn at random: in
    expectation onto their mean (``pairing="mean"`` of :mod:`napari_selfreg.nets.scr`, whose term
    is the mean of this picture).

    Parameters
    ----------
    maps
        ``(N, C, *spatial)`` of a block.
    last
        ``(N, D, *spatial)`` of ``D1``, or its `PooledTeacher` where several blocks share it;
        averaged to the size of `maps`, or `maps` to its size along an axis on which they are
        larger.

    Returns
    -------
    Tensor
        ``(N, *spatial)``, the mean squared difference over channels.
    """
    teacher = last if isinstance(last, PooledTeacher) else PooledTeacher(last)
    target = teacher.at(tuple(maps.shape[2:])).mean(1, keepdim=True)
    student = adaptive_mean(maps.to(target.dtype), tuple(target.shape[2:]))
    return (student - target).square().mean(1)


def cosine_to(maps: Tensor, index: Sequence[int]) -> Tensor:
    """Return how alike all places are to one.

    Parameters
    ----------
    maps
        ``(N, C, *spatial)``.
    index
        The place: one number per spatial axis.

    Returns
    -------
    Tensor
        ``(N, *spatial)``, cosines from -1 to 1; 0 where all channels are zero.

    Raises
    ------
    BadInputError
        If the place does not lie on the maps.
    """
    sides = maps.shape[2:]
    inside = all(0 <= i < side for i, side in zip(index, sides, strict=False))
    if len(index) != len(sides) or not inside:
        raise BadInputError(f"The place {tuple(index)} is not on maps of {tuple(sides)}.")
    rows = maps.to(wide_type(maps.dtype))
    wanted = rows
    for axis, i in enumerate(index, start=2):
        wanted = wanted.narrow(axis, i, 1)
    return functional.cosine_similarity(rows, wanted, dim=1)
