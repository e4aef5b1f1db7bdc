"""Dual Self-Distillation (DSD), and deep supervision, the special case of it without distillation.

Banerjee et al., "DSD: dual self-distillation of U-shaped networks for 3-D medical image
segmentation", ISBI 2024 and IEEE TBME 2025, arXiv 2306.03271, method section and figure of the
architecture; weights, temperature and taps as in the released code.

The paper numbers blocks from the other end. Its D1 is our ``D2`` (half resolution: the last
decoder block, our ``D1``, feeds the main output and has no head of its own), its D2 and D3 are
our ``D3`` and ``D4``, its D4 (1/16) is our bottleneck ``B``; its E1…E4 are ours. In SwinUNETR,
which has one level more, its D4 is our ``D5``, and our ``E5`` and ``B`` have no head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.divergence import SoftTeacher
from napari_selfreg.nets.dsd_heads import UpHead
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import RegularizerTerms
from napari_selfreg.nets.tap_shapes import TapShape

Mode = Literal["safe", "official"]

# The coarsest scales that the paper's taps have.
_COARSEST_ENCODER = 8
_COARSEST_DECODER = 16


class DualSelfDistillation(nn.Module):
    """Deep supervision, and both halves of the network as their own teachers; in training only.

    With z the logits of a tap's head, ``p(z) = softmax(z / T)``, L = cross-entropy + Dice::

        total = sum over decoder side of L(z)
              + α T² (sum over decoder side, finest left out, of KL(p(z_finest) || p(z))
                      + sum over encoder, coarsest left out, of KL(p(z_coarsest) || p(z)))
              + α L(z_coarsest of the encoder)            # mode "safe" only

    The decoder side is ``D2…Dn`` and ``B`` down to 1/16, the encoder ``E1…En`` down to 1/8, as in
    the paper. KL is summed over classes, background too, and averaged over voxels. All voxels
    count in it; voxels whose target is 255 only leave the supervision out. The loss of the main
    output is the caller's.

    Parameters
    ----------
    shapes
        Channels and scale by block (:func:`~napari_selfreg.nets.tap_shapes.tap_shapes`).
    n_classes
        Foreground classes K; heads have ``K + 1`` channels.
    alpha, temperature
        α and T; 1 and 3 in the paper's later version.
    mode
        ``"official"``: as released. Nothing is detached, and the encoder is not supervised:
        where its heads are its own (``share=False``, or no decoder block of the same channels
        and scale) they can satisfy their KL by agreeing on anything. ``"safe"``: teachers are
        detached, and the encoder's teacher learns from the target.
    detach
        Whether no gradient flows into teachers; None for what the mode says.
    kl_resolution
        1: KL at full resolution, as released; 2, 4 or 8: at logits averaged over cubes of that
        side, which needs a fraction of the memory.
    share
        One head for all taps with the same channels and scale (released for nnU-Net and
        SwinUNETR), else one each (released for UNETR and VNet).
    encoder, decoder
        Blocks to use in place of the paper's, in any order.

    Raises
    ------
    BadInputError
        If an option or a block cannot be used.
    """

    def __init__(
        self,
        shapes: Mapping[str, TapShape],
        n_classes: int,
        *,
        alpha: float = 1.0,
        temperature: float = 3.0,
        mode: Mode = "safe",
        detach: bool | None = None,
        kl_resolution: int = 1,
        share: bool = True,
        encoder: Sequence[str] | None = None,
        decoder: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        _check(n_classes, alpha, temperature, mode, kl_resolution)
        self.alpha, self.temperature, self.mode = alpha, temperature, mode
        self.detach = mode == "safe" if detach is None else detach
        self.kl_resolution = kl_resolution
        self.decoder = _decoder_side(shapes, decoder)
        self.encoder = _encoder_side(shapes, encoder) if alpha > 0 else ()
        self.loss = SegmentationLoss(n_classes, contour=False, include_background=True)
        self.heads = nn.ModuleDict()
        self._head_of: dict[str, str] = {}
        # The decoder's come first, so that they start the same with and without distillation.
        for block in self.decoder + self.encoder:
            self._add_head(block, shapes, n_classes + 1, share)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The taps to open: encoder from full resolution down, then the decoder side up."""
        return self.encoder + self.decoder[::-1]

    def head(self, block: str) -> UpHead:
        """Return the head of a block, which others may share."""
        head = self.heads[self._head_of[block]]
        assert isinstance(head, UpHead)
        return head

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
            Terms are ``deep_supervision`` and one per block (``deep_supervision/D2``), the KL
            before the factor α T² as ``dsd/decoder``, ``dsd/encoder`` and one per student
            (``dsd/D3``), and ``dsd/teacher``, the loss of the encoder's teacher.
        """
        size = tuple(target.shape[1:])
        full = {block: self.head(block)(taps[block], size) for block in self.decoder}
        supervised = {block: self._supervise(logits, target) for block, logits in full.items()}
        total = torch.stack(list(supervised.values())).sum()
        terms = {f"deep_supervision/{block}": term for block, term in supervised.items()}
        terms["deep_supervision"] = total
        if self.alpha > 0:
            kl = self._distil(taps, full, size)
            total = total + self.alpha * self.temperature**2 * (
                kl["dsd/decoder"] + kl["dsd/encoder"]
            )
            terms |= kl
            if self.mode == "safe" and self.encoder:
                teacher = self.encoder[-1]
                logits = self.head(teacher)(taps[teacher], size)
                terms["dsd/teacher"] = self._supervise(logits, target)
                total = total + self.alpha * terms["dsd/teacher"]
        return RegularizerTerms(total, {name: term.detach() for name, term in terms.items()})

    def _supervise(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.stack(list(self.loss(logits, target).values())).sum()

    def _distil(
        self, taps: Mapping[str, Tensor], full: Mapping[str, Tensor], size: tuple[int, ...]
    ) -> dict[str, Tensor]:
        """Return the KL of every student, and their sums, without α and T²."""

        def logits(block: str) -> Tensor:
            if self.kl_resolution == 1 and block in full:
                return full[block]
            reduced: Tensor = self.head(block)(taps[block], size, self.kl_resolution)
            return reduced

        terms = {}
        for side, blocks in (("decoder", self.decoder), ("encoder", self.encoder[::-1])):
            found = {}
            if len(blocks) > 1:
                wanted = logits(blocks[0])
                wanted = wanted.detach() if self.detach else wanted
                teacher = SoftTeacher(wanted, self.temperature)
                found = {f"dsd/{block}": teacher.divergence(logits(block)) for block in blocks[1:]}
            zero = torch.zeros((), device=full[self.decoder[0]].device)
            terms[f"dsd/{side}"] = torch.stack([zero, *found.values()]).sum()
            terms |= found
        return terms

    def _add_head(
        self, block: str, shapes: Mapping[str, TapShape], channels: int, share: bool
    ) -> None:
        shape = shapes[block]
        alike = [other for other in self.heads if shapes[other] == shape] if share else []
        self._head_of[block] = alike[0] if alike else block
        if not alike:
            self.heads[block] = UpHead(shape.channels, channels, shape.halvings)


class DeepSupervision(DualSelfDistillation):
    """Cross-entropy + Dice of every block of the decoder side: DSD with α = 0.

    Parameters
    ----------
    shapes, n_classes, share, decoder
        As in :class:`DualSelfDistillation`.
    """

    def __init__(
        self,
        shapes: Mapping[str, TapShape],
        n_classes: int,
        *,
        share: bool = True,
        decoder: Sequence[str] | None = None,
    ) -> None:
        super().__init__(shapes, n_classes, alpha=0.0, share=share, decoder=decoder)


def _decoder_side(shapes: Mapping[str, TapShape], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return ``D2…Dn, B``, finest first."""
    there = [b for b in reversed(list(shapes)) if b == "B" or (b.startswith("D") and b != "D1")]
    chosen = _chosen(there, wanted, shapes, _COARSEST_DECODER)
    if not chosen:
        raise BadInputError("This network has no decoder block beside the last one to supervise.")
    return chosen


def _encoder_side(shapes: Mapping[str, TapShape], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return ``E1…En``, finest first."""
    there = [block for block in shapes if block.startswith("E")]
    return _chosen(there, wanted, shapes, _COARSEST_ENCODER)


def _chosen(
    there: Sequence[str],
    wanted: Sequence[str] | None,
    shapes: Mapping[str, TapShape],
    coarsest: int,
) -> tuple[str, ...]:
    if wanted is None:
        return tuple(block for block in there if shapes[block].scale <= coarsest)
    unknown = [block for block in wanted if block not in there]
    if unknown:
        raise BadInputError(f"DSD cannot use {unknown[0]!r} there; choose from {', '.join(there)}.")
    return tuple(block for block in there if block in wanted)


def _check(n_classes: int, alpha: float, temperature: float, mode: str, resolution: int) -> None:
    if n_classes < 1:
        raise BadInputError(
            "DSD compares probabilities of two classes or more, background counted; one channel "
            "alone always agrees with itself."
        )
    if not 0 <= alpha < math.inf:
        raise BadInputError(f"DSD's alpha must be 0 or more, not {alpha}.")
    if not 0 < temperature < math.inf:
        raise BadInputError(f"DSD's temperature must be more than 0, not {temperature}.")
    if mode not in get_args(Mode):
        raise BadInputError(f"DSD's mode is safe or official, not {mode!r}.")
    if resolution not in (1, 2, 4, 8):
        raise BadInputError(f"DSD's kl_resolution is 1, 2, 4 or 8, not {resolution}.")
