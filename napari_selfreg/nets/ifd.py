"""Internal feature distillation (IFD): the two halves of a block's channels are pulled together.

Zhu, Chen, Qiu et al., "SelfReg-UNet: Self-Regularized UNet for Medical Image Segmentation",
MICCAI 2024, pp. 601-611, doi 10.1007/978-3-031-72111-3_56; details as in the released code.

As published, IFD *raises* the similarity of channels: it is zero exactly when paired channels are
equal. :mod:`napari_selfreg.nets.decorrelation` is our own regularizer that lowers it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from napari_selfreg.nets.distance import (
    Channels,
    mean_square_difference,
    sample_pieces,
)
from napari_selfreg.nets.normalize import unit_maps
from napari_selfreg.nets.precision import wide_type, without_autocast
from napari_selfreg.nets.tapspec import TapSpec


def ifd_terms(
    taps: Mapping[str, Tensor],
    spec: TapSpec,
    *,
    sort: bool = True,
    detach_top: bool = False,
    normalize: bool = False,
) -> dict[str, Tensor]:
    """Return one IFD term per student block.

    Channels are sorted by :func:`spread_keys`, descending; with ``h = C // 2`` the term is the
    mean squared error between ranks ``[0, h)`` and ``[h, 2h)``. With odd C the channel of lowest
    key is left out; with ``C < 2`` the term is 0. Both halves receive gradients, equal and
    opposite.

    All pixels count: a feature map has no labels, so pixels whose target is "ignore" take part
    like any other.

    Parameters
    ----------
    taps
        Feature maps ``(N, C, *spatial)`` by block name, from an open tap context.
    spec
        Names the blocks.
    sort
        Sort by key (released code) or leave the channels in order (as the paper draws it).
    detach_top
        Let only the lower half learn ("from shallow to deep", as the paper words it).
    normalize
        Divide every map by its root mean square over space (an option of ours).

    Returns
    -------
    dict
        ``{"ifd/E2": term, …}``, float32 scalars.
    """
    with without_autocast(taps[spec.teacher_block].device):
        return {
            f"ifd/{block}": _term(taps[block], sort, detach_top, normalize)
            for block in spec.student_blocks
        }


def spread_keys(feature: Tensor) -> Tensor:
    """Return the sort key of each channel: mean over N and space of ``f / ||f||``.

    Parameters
    ----------
    feature
        ``(N, C, *spatial)``. The norm is per sample and channel over space.

    Returns
    -------
    Tensor
        ``(C,)`` float32, without gradient. For maps after a ReLU it measures how evenly a
        channel spreads over space (``1 / sqrt(pixels)`` for a constant map, 0 for a dead one).
    """
    feature = feature.detach()
    space = tuple(range(2, feature.ndim))
    sums, squares = [], []
    for piece in sample_pieces(feature):
        part = feature[piece].to(wide_type(feature.dtype))
        sums.append(part.sum(space))
        squares.append(part.square().sum(space))
    norms = torch.cat(squares).sqrt().clamp_min(1e-12)
    return (torch.cat(sums) / norms).mean(0) / feature[0, 0].numel()


def _term(feature: Tensor, sort: bool, detach_top: bool, normalize: bool) -> Tensor:
    """Return the mean squared error between the halves of one map's channels."""
    half = feature.shape[1] // 2
    if half == 0:
        return feature.sum(dtype=wide_type(feature.dtype)) * 0.0
    maps = unit_maps(feature.to(wide_type(feature.dtype))) if normalize else feature
    if sort:
        order = torch.argsort(spread_keys(feature), descending=True, stable=True)
    else:
        order = torch.arange(feature.shape[1], device=feature.device)
    top, bottom = order[:half], order[half : 2 * half]
    return mean_square_difference(maps, Channels(top, bottom, learn_plus=not detach_top))
