"""The teacher's map, pooled once per size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.nets.distance import (
    is_channels_last,
    pieces,
    sample_pieces,
)
from napari_selfreg.nets.precision import wide_type


def adaptive_mean(feature: Tensor, size: tuple[int, ...]) -> Tensor:
    """Average-pool ``(N, C, *spatial)`` to ``size``, per axis, never enlarging one."""
    target = tuple(min(have, want) for have, want in zip(feature.shape[2:], size, strict=True))
    if target == tuple(feature.shape[2:]):
        return feature
    if _divides(target, tuple(feature.shape[2:])):
        # The same averages, in a kernel that is several times faster.
        strides = [have // want for have, want in zip(feature.shape[2:], target, strict=True)]
        fixed = functional.avg_pool2d if len(target) == 2 else functional.avg_pool3d
        return fixed(feature, strides)
    pool = functional.adaptive_avg_pool2d if len(target) == 2 else functional.adaptive_avg_pool3d
    return pool(feature, target)  # type: ignore[arg-type]


class PooledTeacher:
    """Float32, gradient-free averages of one feature map at the sizes asked for.

    Sizes that divide each other and the map are pooled from one another: the mean of equal blocks'
    means is their mean, so only the first pooling reads the whole map.

    Parameters
    ----------
    feature
        Teacher's map ``(N, C, *spatial)``, any floating type.
    """

    def __init__(self, feature: Tensor) -> None:
        self._feature = feature.detach()
        self._pooled: dict[tuple[int, ...], Tensor] = {}

    def at(self, size: tuple[int, ...]) -> Tensor:
        """Return the map pooled, per axis, to at most ``size``; float32."""
        full = tuple(self._feature.shape[2:])
        target = tuple(min(have, want) for have, want in zip(full, size, strict=True))
        if target not in self._pooled:
            self._pooled[target] = self._pool(target)
        return self._pooled[target]

    def _pool(self, target: tuple[int, ...]) -> Tensor:
        full = tuple(self._feature.shape[2:])
        # Only equal blocks: means of bins that overlap would depend on which size came first.
        equal = [size for size in self._pooled if _divides(size, full)]
        finer = [size for size in equal if _divides(target, size)]
        if finer:
            nearest = min(finer, key=lambda size: torch.Size(size).numel())
            return adaptive_mean(self._pooled[nearest], target)
        if is_channels_last(self._feature) and _divides(target, full):
            return _pool_bands(self._feature, target)
        pooled = [
            adaptive_mean(self._feature[piece].to(wide_type(self._feature.dtype)), target)
            for piece in sample_pieces(self._feature)
        ]
        return torch.cat(pooled)


def _pool_bands(feature: Tensor, target: tuple[int, ...]) -> Tensor:
    """Average-pool a channels-last map band by band, as its lines lie in memory."""
    bands = feature.shape[0] * target[0]
    lines = feature.movedim(1, -1).reshape(bands, -1, *feature.shape[3:], feature.shape[1])
    pooled = lines.new_empty(
        (bands, 1, *target[1:], feature.shape[1]), dtype=wide_type(feature.dtype)
    )
    for piece in pieces(feature, bands):
        band = lines[piece].to(pooled.dtype).movedim(-1, 1)
        pooled[piece] = adaptive_mean(band, (1, *target[1:])).movedim(1, -1)
    return pooled.view(feature.shape[0], *target, feature.shape[1]).movedim(-1, 1)


def _divides(target: tuple[int, ...], size: tuple[int, ...]) -> bool:
    return all(have % want == 0 for have, want in zip(size, target, strict=True))
