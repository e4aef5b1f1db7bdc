"""The teacher's map, pooled once per size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.nets.distance import sample_pieces, wide_type


def adaptive_mean(feature: Tensor, size: tuple[int, ...]) -> Tensor:
    """Average-pool ``(N, C, *spatial)`` to ``size``, per axis, never enlarging one."""
    target = tuple(min(have, want) for have, want in zip(feature.shape[2:], size, strict=True))
    if target == tuple(feature.shape[2:]):
        return feature
    strides = [have // want for have, want in zip(feature.shape[2:], target, strict=True)]
    if all(
        stride * want == have
        for stride, want, have in zip(strides, target, feature.shape[2:], strict=True)
    ):
        fixed = functional.avg_pool2d if len(target) == 2 else functional.avg_pool3d
        return fixed(feature, strides)
    pool = functional.adaptive_avg_pool2d if len(target) == 2 else functional.adaptive_avg_pool3d
    return pool(feature, target)  # type: ignore[arg-type]


class PooledTeacher:
    """Float32, gradient-free averages of one feature map at the sizes asked for.

    Sizes that divide each other are pooled from one another: the mean of equal blocks' means is
    their mean, so only the first pooling reads the whole map.

    Parameters
    ----------
    feature
        Teacher's map ``(N, C, *spatial)``, any floating type.
    """

    def __init__(self, feature: Tensor) -> None:
        self._feature = feature.detach()
        self._pooled: dict[tuple[int, ...], Tensor] = {}

    @property
    def channels(self) -> int:
        """Channels of the teacher's map."""
        return self._feature.shape[1]

    def at(self, size: tuple[int, ...]) -> Tensor:
        """Return the map pooled, per axis, to at most ``size``; float32."""
        full = tuple(self._feature.shape[2:])
        target = tuple(min(have, want) for have, want in zip(full, size, strict=True))
        if target not in self._pooled:
            self._pooled[target] = self._pool(target)
        return self._pooled[target]

    def _pool(self, target: tuple[int, ...]) -> Tensor:
        finer = [size for size in self._pooled if _divides(target, size)]
        if finer:
            nearest = min(finer, key=lambda size: torch.Size(size).numel())
            return adaptive_mean(self._pooled[nearest], target)
        feature = self._feature
        pooled = [
            adaptive_mean(feature[piece].to(wide_type(feature.dtype)), target)
            for piece in sample_pieces(feature)
        ]
        return pooled[0] if len(pooled) == 1 else torch.cat(pooled)


def _divides(target: tuple[int, ...], size: tuple[int, ...]) -> bool:
    return all(have % want == 0 for have, want in zip(size, target, strict=True))
