"""MISSU-style self-distillation: a fusion branch on every skip teaches the plain skip.

Wang N. et al., "MISSU: 3D medical image segmentation via self-distilling TransUNet",
arXiv 2206.00902 (2022). The abstract: "a local multi-scale fusion block is first proposed to
refine fine-grained details from the skipped connections in the encoder by the main CNN stem
through self-distillation, only computed during training and removed at inference".

MISSU-*style*, because the released code cannot run and cannot have made the paper's numbers: its
fusion blocks are 2-D, their outputs are thrown away, and its distillation loss is never added.
Followed here: the abstract for the structure (a branch on each skip, training only), the code for
the blocks as they were meant and for the loss (KL between softmaxes over channels, no
temperature, unit weights). Added by us: the branch has a head with a loss of its own, without
which a teacher would stay random; and KL is the mean over voxels (the released divisor is off by
depth / channels: 0.5, 2 and 8 at its three levels).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.divergence import voxel_kl
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import RegularizerTerms
from napari_selfreg.nets.tap_shapes import TapShape

_CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_MAXIMUM: dict[int, Callable[..., Tensor]] = {2: functional.max_pool2d, 3: functional.max_pool3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}
_POOLS = (2, 3, 5, 6)


class LocalMultiScaleFusion(nn.Module):
    """Dilated convolutions, then maxima of four sizes, in as many dimensions as the map has.

    Dense atrous convolution and residual multi-kernel pooling as the released file meant them
    (both are of Gu et al., "CE-Net", IEEE TMI 2019), with a 1x1 convolution back to C channels.

    Parameters
    ----------
    channels
        Width of the map, in and out.
    dims
        2 or 3.
    """

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        convolve = _CONVOLUTIONS[dims]
        self.dims = dims
        self.near, self.middle, self.far = (
            convolve(channels, channels, 3, padding=dilation, dilation=dilation)
            for dilation in (1, 3, 5)
        )
        self.mix = convolve(channels, channels, 1)
        self.squeeze = convolve(channels, 1, 1)
        self.fuse = convolve(channels + len(_POOLS), channels, 1)
        # The teacher starts near the skip itself, not at a random mixture of its channels.
        nn.init.dirac_(self.fuse.weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.fuse.bias)  # type: ignore[arg-type]

    def forward(self, skip: Tensor) -> Tensor:
        """Return a map of the skip's shape ``(N, C, *spatial)``."""
        wide = self._dilated(skip)
        refined: Tensor = self.fuse(torch.cat([wide, *self._maxima(wide)], 1))
        return refined

    def _dilated(self, skip: Tensor) -> Tensor:
        near = self.near(skip)
        reached = self.middle(near)
        wide: Tensor = skip + near.relu() + self.mix(self.middle(skip)).relu()
        wide = wide + self.mix(reached).relu() + self.mix(self.far(reached)).relu()
        return wide

    def _maxima(self, wide: Tensor) -> list[Tensor]:
        """Return one channel per kernel, at full size again."""
        sides = tuple(wide.shape[2:])
        found = []
        for kernel in _POOLS:
            pooled = _MAXIMUM[self.dims](wide, [min(kernel, side) for side in sides])
            small = self.squeeze(pooled)
            found.append(functional.interpolate(small, sides, mode=_LINEAR[self.dims]))
        return found


class MissuBranch(nn.Module):
    """A fusion branch on every skip, its own head, and what it teaches; in training only.

    Per skip x with x' = fusion(x), ``p`` the softmax over channels and L = cross-entropy + Dice::

        weight * KL(p(x') || p(x)) + supervision * L(head(x'))

    KL is averaged over voxels, and x' is detached in it: the branch learns from its head alone,
    the encoder from both.

    Parameters
    ----------
    shapes
        Channels and scale by block (:func:`~napari_selfreg.nets.tap_shapes.tap_shapes`).
    n_classes
        Foreground classes K; heads have ``K + 1`` channels.
    weight
        Of the distillation; 1 as in the released code.
    supervision
        Of the loss of the branch's heads.
    skips
        Encoder blocks to use; by default all that a decoder block takes up (``Ei`` with ``Di``).

    Raises
    ------
    BadInputError
        If a weight or block cannot be used.
    """

    def __init__(
        self,
        shapes: Mapping[str, TapShape],
        n_classes: int,
        *,
        weight: float = 1.0,
        supervision: float = 1.0,
        skips: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        for value in (weight, supervision):
            if not 0 <= value < math.inf:
                raise BadInputError(f"A weight of MISSU must be 0 or more, not {value}.")
        self.weight, self.supervision = weight, supervision
        self.blocks = _skips(shapes, skips)
        self.loss = SegmentationLoss(n_classes, contour=False, include_background=True)
        self.fusions, self.heads = nn.ModuleDict(), nn.ModuleDict()
        for block in self.blocks:
            channels, dims = shapes[block].channels, len(shapes[block].halvings)
            self.fusions[block] = LocalMultiScaleFusion(channels, dims)
            self.heads[block] = _CONVOLUTIONS[dims](channels, n_classes + 1, 1)

    def forward(
        self, taps: Mapping[str, Tensor], target: Tensor, *, step: int = 0
    ) -> RegularizerTerms:
        """Return the total to add to the loss of the main output, and terms for the log.

        Parameters
        ----------
        taps
            Feature maps ``(N, C, *spatial)`` by block name, of one forward pass.
        target
            ``(N, *spatial)`` at full resolution: class ids, 255 = ignore.
        step
            Not used: nothing is random.

        Returns
        -------
        RegularizerTerms
            Terms are ``missu/kl`` and ``missu/branch`` (the heads' loss), and each per block
            (``missu/kl/E1``).
        """
        kl, own = {}, {}
        for block in self.blocks:
            skip = taps[block]
            refined = self.fusions[block](skip)
            kl[f"missu/kl/{block}"] = voxel_kl(refined.detach(), skip)
            own[f"missu/branch/{block}"] = self._supervise(block, refined, target)
        pulled, learned = torch.stack([*kl.values()]).sum(), torch.stack([*own.values()]).sum()
        total = self.weight * pulled + self.supervision * learned
        terms = {"missu/kl": pulled, "missu/branch": learned} | kl | own
        return RegularizerTerms(total, {name: term.detach() for name, term in terms.items()})

    def _supervise(self, block: str, refined: Tensor, target: Tensor) -> Tensor:
        """Return the loss of one head, its logits interpolated to the target's size."""
        logits = self.heads[block](refined)
        size = tuple(target.shape[1:])
        if tuple(logits.shape[2:]) != size:
            logits = functional.interpolate(logits, size, mode=_LINEAR[len(size)])
        return torch.stack(list(self.loss(logits, target).values())).sum()


def _skips(shapes: Mapping[str, TapShape], wanted: Sequence[str] | None) -> tuple[str, ...]:
    there = [b for b in shapes if b.startswith("E") and f"D{b[1:]}" in shapes]
    chosen = there if wanted is None else [block for block in there if block in wanted]
    unknown = [block for block in wanted or () if block not in there]
    if unknown or not chosen:
        what = repr(unknown[0]) if unknown else "none"
        raise BadInputError(
            f"MISSU needs skips of this network, not {what}; they are {', '.join(there) or 'none'}."
        )
    return tuple(chosen)
