"""How a volume is cut for a network that cannot be computed in small parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from napari_selfreg.core.blocks import Block, Spans, ceil_to, plan_blocks
from napari_selfreg.engine.locality import halo_of, sees_whole_tile
from napari_selfreg.engine.planning import OVERLAP
from napari_selfreg.nets.tapspec import TapSpec

ROI = 96
"""Side of a window in voxels, where neither the request nor the model's card says more."""


@dataclass(frozen=True)
class VolumeTiling:
    """How a volume is cut; all sides are along z, y and x.

    Parameters
    ----------
    limits : tuple of int
        Shape of the padded volume.
    stride : tuple of int
        The network's total stride.
    smallest, window : tuple of int
        Smallest and largest sides of a window.
    halo : tuple of int
        Context around a core.
    blends : bool
        Whether overlapping windows are averaged.
    fixed : bool
        Whether the network accepts one size only.
    """

    limits: tuple[int, ...]
    stride: tuple[int, ...]
    smallest: tuple[int, ...]
    window: tuple[int, ...]
    halo: tuple[int, ...]
    blends: bool
    fixed: bool

    @classmethod
    def of(
        cls,
        network: nn.Module,
        spec: TapSpec,
        shape: Sequence[int],
        roi: Sequence[int] | None = None,
    ) -> VolumeTiling:
        """Return the tiling of a volume of `shape` in voxels of the model.

        Parameters
        ----------
        network : Module
            Looked through for what sees its whole window.
        spec : TapSpec
            Sizes it accepts.
        shape : sequence of int
            Voxels along z, y and x.
        roi : sequence of int, optional
            Wanted sides of a window; `ROI` by default.

        Returns
        -------
        VolumeTiling
        """
        stride = _triple(spec.size_multiple)
        least = tuple(
            ceil_to(max(n, 1), s) for n, s in zip(_triple(spec.min_size), stride, strict=True)
        )
        fixed = spec.fixed_size is not None
        if spec.fixed_size is not None:
            least = tuple(spec.fixed_size)
        limits = tuple(
            max(small, ceil_to(side, s))
            for side, small, s in zip(shape, least, stride, strict=True)
        )
        blends = sees_whole_tile(network, spec)
        halo = (0,) * len(limits) if blends else (halo_of(spec),) * len(limits)
        tiling = cls(limits, stride, least, least, halo, blends, fixed)
        return tiling.sized(_triple(ROI if roi is None else roi))

    def sized(self, window: Sequence[int]) -> VolumeTiling:
        """Return the tiling with windows of at most these sides, but with a core."""
        if self.fixed:
            return self
        axes = zip(window, self.stride, self.smallest, self.halo, self.limits, strict=True)
        chosen = tuple(
            min(limit, max(side // s * s, small, 0 if self.blends else 2 * halo + s))
            for side, s, small, halo, limit in axes
        )
        return replace(self, window=chosen)

    def halved(self) -> VolumeTiling | None:
        """Return the tiling with windows half as long on their longest side that can be halved."""
        for axis in sorted(range(len(self.window)), key=lambda i: -self.window[i]):
            side = self.window[axis] // 2
            smaller = self.sized([*self.window[:axis], side, *self.window[axis + 1 :]])
            if math.prod(smaller.window) < math.prod(self.window):
                return smaller
        return None

    def blocks(self, region: Spans) -> list[Block]:
        """Return windows that cover a region of the model's grid."""
        if not self.blends:
            return plan_blocks(
                self.limits, region, tile=self.window, halo=self.halo,
                stride=self.stride, smallest=self.smallest,
            )  # fmt: skip
        shared = [int(OVERLAP / 2 * side) for side in self.window]
        return plan_blocks(
            self.limits, region, tile=self.window, halo=shared,
            stride=(1,) * len(shared), smallest=self.window,
        )  # fmt: skip

    @property
    def sample(self) -> tuple[int, ...]:
        """A small size of input the network accepts."""
        if self.fixed:
            return self.smallest
        return tuple(
            max(small, ceil_to(32, s)) for small, s in zip(self.smallest, self.stride, strict=True)
        )


def _triple(value: Any) -> tuple[int, ...]:
    """Return one number for each axis."""
    return (int(value),) * 3 if isinstance(value, int) else tuple(int(v) for v in value)
