"""Algebra on trained weights: the same function with fewer multiplications.

Everything is computed in float64, so that folding adds less error than one float32 convolution.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MergedUpsampling:
    """A 2x2 transposed convolution and the 3x3 convolution after it, as one.

    Parameters
    ----------
    weight : Tensor of float64, shape (C_in, C_out, 4, 4)
        Of a transposed convolution with stride 2 and padding 1.
    bias : Tensor of float64, shape (C_out, 3, 3)
        What the upsampling's bias adds through each tap of the 3x3 kernel. Their sum is the
        bias inside the picture; at its border the taps that hang over see zeros, not the bias.
    """

    weight: Tensor
    bias: Tensor


def fold_batchnorm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that includes the normalisation after it.

    Parameters
    ----------
    conv : Conv2d
        With or without bias.
    norm : BatchNorm2d
        In evaluation mode, with running statistics.

    Returns
    -------
    tuple of Tensor
        Weight (C_out, C_in, y, x) and bias (C_out,), float64.

    Raises
    ------
    ValueError
        If the normalisation keeps no running statistics.
    """
    weight, bias = (norm.weight, norm.bias) if norm.affine else (None, None)
    return fold_statistics(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, weight, bias, norm.eps
    )


def fold_statistics(
    kernels: Tensor,
    offsets: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Return kernels and offsets that include a normalisation, for any number of dimensions.

    Parameters
    ----------
    kernels : Tensor, shape (C_out, C_in, *spatial)
        Of the convolution.
    offsets : Tensor, shape (C_out,), optional
        Its bias.
    mean, variance : Tensor, shape (C_out,)
        Running statistics of the normalisation.
    weight, bias : Tensor, shape (C_out,), optional
        Its scale and shift.
    eps : float
        Added to the variance.

    Returns
    -------
    tuple of Tensor
        Kernels and offsets, float64.

    Raises
    ------
    ValueError
        If there are no running statistics.
    """
    if mean is None or variance is None:
        raise ValueError("batch normalisation without running statistics cannot be folded")
    scale = torch.rsqrt(variance.detach().double() + eps)
    shift = torch.zeros_like(scale)
    if weight is not None:
        scale = scale * weight.detach().double()
    if bias is not None:
        shift = bias.detach().double()
    before = torch.zeros_like(scale) if offsets is None else offsets.detach().double()
    folded = kernels.detach().double() * scale.reshape(-1, *(1,) * (kernels.ndim - 1))
    return folded, (before - mean.detach().double()) * scale + shift


def merge_upsampling(upsampling: nn.ConvTranspose2d, weight: Tensor) -> MergedUpsampling:
    """Merge an upsampling with the convolution that follows without a nonlinearity between.

    Saves more than half of the multiplications of the largest layer of a U-Net, and the copy
    that concatenation makes.

    Parameters
    ----------
    upsampling : ConvTranspose2d
        Kernel 2, stride 2, no padding.
    weight : Tensor, shape (C_out, C_middle, 3, 3)
        The part of the following convolution (padding 1) that sees the upsampled channels.

    Returns
    -------
    MergedUpsampling
    """
    small, large = upsampling.weight.detach().double(), weight.detach().double()
    merged = small.new_zeros(small.shape[0], large.shape[0], 4, 4)
    # out[y] += large[k] up[y + k - 1] and up[2 i + a] = small[a] low[i]: tap a + 2 - k of stride 2.
    for a, b, k, m in itertools.product(range(2), range(2), range(3), range(3)):
        merged[:, :, a + 2 - k, b + 2 - m] += small[:, :, a, b] @ large[:, :, k, m].T
    bias = small.new_zeros(small.shape[1])
    if upsampling.bias is not None:
        bias = upsampling.bias.detach().double()
    return MergedUpsampling(merged, torch.einsum("ockm,c->okm", large, bias))


def fold_pairs(network: nn.Module) -> int:
    """Fold batch normalisations that directly follow a 2-D convolution, in place.

    Only neighbours inside an ``nn.Sequential`` count (also the first of a nested one, as in
    MONAI's blocks): there alone is certain what follows what. Modules used in more than one
    place stay as they are.

    Parameters
    ----------
    network : Module
        In evaluation mode; a copy of one's own.

    Returns
    -------
    int
        Number of normalisations that were folded.
    """
    uses = Counter(id(module) for _, module in network.named_modules(remove_duplicate=False))
    count = 0
    for conv, owner, name, norm in list(_neighbours(network)):
        if uses[id(conv)] > 1 or uses[id(norm)] > 1 or norm.running_mean is None:
            continue
        weight, bias = fold_batchnorm(conv, norm)
        conv.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
        conv.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
        setattr(owner, name, nn.Identity())
        count += 1
    return count


def _neighbours(
    network: nn.Module,
) -> Iterator[tuple[nn.Conv2d, nn.Module, str, nn.BatchNorm2d]]:
    """Yield convolution, then parent, name and module of the normalisation that follows it."""
    for parent in network.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for (_, conv), (name, following) in pairwise(parent.named_children()):
            owner: nn.Module = parent
            while isinstance(following, nn.Sequential) and len(following):
                owner = following
                name, following = next(iter(following.named_children()))
            if type(conv) is nn.Conv2d and type(following) is nn.BatchNorm2d:
                yield conv, owner, name, following
