"""Grad-CAM through the taps: which places of each block speak for a class.

Selvaraju et al., "Grad-CAM", ICCV 2017: the weight of a channel is the mean over space of the
gradient of the class's score, the picture is what is positive of the weighted sum of channels. The
score is the sum of the class's logits over a mask (as for the attention maps of Figure 1b of
SelfReg-UNet, which uses the reviewed mask).

Late blocks light up inside the mask for two reasons that this picture cannot tell apart: because
they have learned the class, and because the score is summed over the mask itself and early blocks
also feed skip connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.modes import evaluating
from napari_selfreg.nets.outputs import main_logits
from napari_selfreg.nets.precision import wide_type
from napari_selfreg.nets.tapspec import TapSpec

Where = Callable[[Tensor], Tensor]
"""From logits (N, K, *spatial) to the weight of each place (N, *spatial)."""


@dataclass(frozen=True, eq=False)
class Pull:
    """Maps, and how strongly the score of a class depends on each channel.

    Parameters
    ----------
    maps
        ``(N, C, *spatial)`` by block name, without gradient.
    sums
        Sum over space of the score's gradient, ``(N, C)`` by block name. Sums over parts of an
        image add up: the score of the whole is the sum of the scores of its parts.
    weights
        Where the class's logits were summed, ``(N, *spatial)``.
    """

    maps: dict[str, Tensor]
    sums: dict[str, Tensor]
    weights: Tensor


def grad_cam(
    network: nn.Module,
    tapspec: TapSpec,
    images: Tensor,
    mask: Tensor,
    class_index: int,
    blocks: Sequence[str] | None = None,
) -> dict[str, Tensor]:
    """Return Grad-CAM of every block, by one pass forward and one back.

    The network runs in evaluation mode; its mode is restored, no hook and no gradient stays.

    Parameters
    ----------
    network
        Gives logits ``(N, K, *spatial)``, or several, the first of full size.
    tapspec
        Names its blocks.
    images
        ``(N, C, *spatial)``, normalised as the network expects.
    mask
        Where the class's logits are summed: ``(N, *spatial)`` or ``(*spatial)``, bool or weights.
    class_index
        Channel of the logits.
    blocks
        Which blocks; all by default.

    Returns
    -------
    dict
        ``(N, *spatial)`` of each block's own size by block name, at least 0, not scaled.

    Raises
    ------
    BadModelError
        If a block does not exist.
    BadInputError
        If there is no such class, or the mask has another size than the logits.
    """
    pulled = pull(network, tapspec, images, lambda _: mask, class_index, blocks)
    return {
        block: weighted(maps, pulled.sums[block] / maps[0, 0].numel())
        for block, maps in pulled.maps.items()
    }


def pull(
    network: nn.Module,
    tapspec: TapSpec,
    images: Tensor,
    where: Where,
    class_index: int,
    blocks: Sequence[str] | None = None,
) -> Pull:
    """Return the maps of every block and the gradient of a class's score, summed over space.

    Parameters
    ----------
    network, tapspec, images, class_index, blocks
        See `grad_cam`.
    where
        Gives the mask from the logits, such as where they are largest.

    Returns
    -------
    Pull
    """
    with torch.enable_grad(), evaluating(network), tapspec.open(network, blocks) as taps:
        # Parameters may be frozen: the images then carry the graph.
        logits = main_logits(network(images.detach().requires_grad_()), images)
        named = {block: taps[block] for block in tapspec.blocks if block in taps}
        score, weights = _score(logits, where, class_index)
        gradients = torch.autograd.grad(score, list(named.values()), allow_unused=True)
    maps = {block: tensor.detach() for block, tensor in named.items()}
    sums = {
        block: _summed(maps[block], gradient)
        for block, gradient in zip(named, gradients, strict=True)
    }
    return Pull(maps, sums, weights)


def weighted(maps: Tensor, weights: Tensor) -> Tensor:
    """Return the positive part of the sum of channels ``(N, C, *spatial)`` weighted ``(N, C)``."""
    wide = maps.to(weights.dtype)
    return torch.einsum("nc...,nc->n...", wide, weights).relu()


def _score(logits: Tensor, where: Where, class_index: int) -> tuple[Tensor, Tensor]:
    if not 0 <= class_index < logits.shape[1]:
        raise BadInputError(f"The network has no output {class_index}: it has {logits.shape[1]}.")
    weights = where(logits.detach())
    if weights.shape not in (logits.shape[2:], (len(logits), *logits.shape[2:])):
        raise BadInputError(
            f"The mask is {tuple(weights.shape)} where the network's output is "
            f"{tuple(logits.shape[2:])}."
        )
    of_class = logits[:, class_index].to(wide_type(logits.dtype))
    weights = weights.to(of_class).expand_as(of_class)
    return (of_class * weights).sum(), weights


def _summed(maps: Tensor, gradient: Tensor | None) -> Tensor:
    """Return the sum over space (N, C) of a gradient; 0 for a block the logits do not need."""
    if gradient is None:
        return maps.new_zeros(maps.shape[:2], dtype=wide_type(maps.dtype))
    return gradient.to(wide_type(gradient.dtype)).flatten(2).sum(2)
