"""Channels and scale of a network's taps, found by one forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.modes import evaluating
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class TapShape:
    """What a training-only head must know of its tap.

    Parameters
    ----------
    channels
        Width C of the map ``(N, C, *spatial)``.
    halvings
        Per spatial axis, how often the input's side was halved on the way to it: ``(0, 1, 1)``
        is full resolution in Z and half in Y and X. Where strides are no powers of two, or sizes
        no multiples of them, the nearest.
    """

    channels: int
    halvings: tuple[int, ...]

    @property
    def scale(self) -> int:
        """How many input voxels one voxel spans along the axis that was halved most."""
        return 1 << max(self.halvings)


def tap_shapes(network: nn.Module, spec: TapSpec, sample: Sequence[int]) -> dict[str, TapShape]:
    """Run the network once, in evaluation mode and without gradients, and look at its taps.

    Nothing of the network changes: neither statistics nor modes nor random generators.

    Parameters
    ----------
    network
        The network the taps belong to.
    spec
        Its taps.
    sample
        Shape ``(N, C, *spatial)`` of a training patch; one sample of zeros is enough, so N does
        not matter.

    Returns
    -------
    dict
        One :class:`TapShape` by block, in the order of the forward pass.

    Raises
    ------
    BadInputError
        If the network does not take patches of that shape.
    """
    sides = tuple(int(side) for side in sample[2:])
    _check_sides(spec, sides)
    weight = next(network.parameters())
    image = torch.zeros((1, int(sample[1]), *sides), device=weight.device, dtype=weight.dtype)
    with evaluating(network), torch.no_grad(), spec.open(network) as taps:
        try:
            network(image)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise BadInputError(
                f"This network does not take patches of shape {tuple(image.shape)}; correct "
                f"their channels or their size: {error}"
            ) from error
        return {block: _shape(tuple(taps[block].shape[1:]), sides) for block in spec.blocks}


def _check_sides(spec: TapSpec, sides: tuple[int, ...]) -> None:
    if len(sides) != spec.spatial_dims:
        raise BadInputError(
            f"A patch of this network has {spec.spatial_dims} spatial axes, not {len(sides)}."
        )
    size = "×".join(map(str, sides))
    if spec.fixed_size is not None and sides != spec.fixed_size:
        only = "×".join(map(str, spec.fixed_size))
        raise BadInputError(f"This network takes patches of {only} voxels only, not {size}.")
    if min(sides) < spec.min_size:
        raise BadInputError(
            f"This network needs patches of {spec.min_size} voxels or more along every axis; "
            f"{size} is too small."
        )


def _shape(tap: tuple[int, ...], sides: tuple[int, ...]) -> TapShape:
    pairs = zip(sides, tap[1:], strict=True)
    return TapShape(tap[0], tuple(max(0, round(math.log2(full / side))) for full, side in pairs))
