"""Training-only heads: from a feature map of any scale to class logits at full resolution.

The "bottleneck module" of Dual Self-Distillation (Banerjee et al., "DSD: dual self-distillation",
arXiv 2306.03271, IEEE TBME 2025), as its released code has it: a 1x1 convolution to the classes,
then one transposed convolution of kernel and stride 2, applied as often as the map was halved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.nets.pooling import adaptive_mean

_CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_GROWTHS: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_GROW: dict[int, Callable[..., Tensor]] = {
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_POOL: dict[int, Callable[..., Tensor]] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}


class UpHead(nn.Module):
    """1x1 convolution to the classes, then doublings with tied weights; no norm, no activation.

    Axes may differ in scale: every doubling enlarges the axes that still need it, and doublings
    of the same axes share their weights. A head at full resolution has one transposed convolution
    of kernel 1, as released.

    Parameters
    ----------
    channels
        Width of the map.
    out_channels
        Logits per voxel.
    halvings
        Per spatial axis, how many doublings lead to full resolution.
    """

    def __init__(self, channels: int, out_channels: int, halvings: Sequence[int]) -> None:
        super().__init__()
        self.dims = len(halvings)
        self.halvings = tuple(halvings)
        self.to_classes = _CONVOLUTIONS[self.dims](channels, out_channels, 1)
        self.growths = nn.ModuleDict()
        for pattern in self._patterns():
            if _key(pattern) not in self.growths:
                self.growths[_key(pattern)] = _GROWTHS[self.dims](
                    out_channels, out_channels, pattern, pattern
                )

    def _patterns(self) -> list[tuple[int, ...]]:
        """Return the factors per axis of every doubling, coarsest first."""
        times = max(1, *self.halvings)
        return [tuple(1 + (step < n) for n in self.halvings) for step in range(times)]

    def forward(self, feature: Tensor, size: Sequence[int], pool: int = 1) -> Tensor:
        """Return logits ``(N, out_channels, *size)``, averaged over cubes of side ``pool``.

        Where the doublings do not end at ``size`` (sides that are no multiples of the scale),
        the logits are interpolated to it. Averaging costs no full-resolution map: averages of
        a transposed convolution are a transposed convolution with averaged weights, which is
        what is applied; the result is the same up to rounding.

        Parameters
        ----------
        feature
            ``(N, C, *spatial)``.
        size
            Sides of the input.
        pool
            A power of two; 1 for no averaging.

        Returns
        -------
        Tensor
        """
        sides = zip(feature.shape[2:], self.halvings, size, strict=True)
        if all(side * 2**n == full and full % pool == 0 for side, n, full in sides):
            return self._averaged(feature, pool)
        logits = self._averaged(feature, 1)
        if tuple(logits.shape[2:]) != tuple(size):
            logits = functional.interpolate(logits, tuple(size), mode=_LINEAR[self.dims])
        return adaptive_mean(logits, tuple(max(1, side // pool) for side in size))

    def _averaged(self, feature: Tensor, pool: int) -> Tensor:
        """Return the doubled logits averaged over cubes, exactly, without doubling first."""
        left, steps = [pool] * self.dims, []
        for pattern in reversed(self._patterns()):
            absorbed = tuple(min(factor, rest) for factor, rest in zip(pattern, left, strict=True))
            left = [rest // factor for rest, factor in zip(left, absorbed, strict=True)]
            steps.append((pattern, absorbed))
        if max(left) > 1:
            feature = _POOL[self.dims](feature, left)
        logits: Tensor = self.to_classes(feature)
        for pattern, absorbed in reversed(steps):
            logits = self._grow(logits, pattern, absorbed)
        return logits

    def _grow(self, logits: Tensor, pattern: tuple[int, ...], absorbed: tuple[int, ...]) -> Tensor:
        """Apply one doubling, averaged over the axes that are absorbed."""
        layer: Any = self.growths[_key(pattern)]
        weight: Tensor = layer.weight
        axes = [2 + axis for axis, factor in enumerate(absorbed) if factor > 1]
        if axes:
            weight = weight.mean(axes, keepdim=True)
        grown: Tensor = _GROW[self.dims](logits, weight, layer.bias, stride=tuple(weight.shape[2:]))
        return grown


def _key(pattern: tuple[int, ...]) -> str:
    return "x".join(map(str, pattern))
