"""Segmentation losses that leave ignored pixels out: cross-entropy, Dice, contour."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn import functional

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.nets.precision import without_autocast


@dataclass(frozen=True, slots=True)
class SegmentationLoss:
    """Cross-entropy + Dice on the classes, and the same two on the object contour.

    MONAI's DiceCELoss has no ignore index; its DiceLoss and torch's cross-entropy both do, so
    the pair is put together here.

    Parameters
    ----------
    n_classes : int
        Number of foreground classes K.
    contour : bool
        Whether the network has one more output channel, the logit of the inner contour.
    weight_ce, weight_dice, weight_contour : float
        Weights of the terms.
    include_background : bool
        Whether background is one of the channels that Dice is the mean of.
    """

    n_classes: int
    contour: bool
    weight_ce: float = 1.0
    weight_dice: float = 1.0
    weight_contour: float = 1.0
    include_background: bool = False

    def __call__(
        self, logits: Tensor, classes: Tensor, contour: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted terms.

        Parameters
        ----------
        logits : Tensor, shape (N, K + 1 [+ 1], spatial)
            Softmax channels, then the contour channel if there is one.
        classes : Tensor of integers, shape (N, spatial)
            Class ids, 255 = ignore.
        contour : Tensor of integers, shape (N, spatial), optional
            1 on contours, 0 elsewhere, 255 = ignore.

        Returns
        -------
        dict of str to scalar Tensor of float32
            ``ce``, ``dice`` and, with a contour channel, ``contour``.
        """
        with without_autocast(logits.device):
            logits = logits.float()
            semantic = logits[:, : self.n_classes + 1]
            target = classes.long()
            terms = {
                "ce": self.weight_ce * _cross_entropy(semantic, target),
                "dice": self.weight_dice * _dice(semantic, target, self.include_background),
            }
            if self.contour and contour is not None:
                # Two channels (0, z) have the softmax (1 - sigmoid(z), sigmoid(z)).
                edge = logits[:, self.n_classes + 1 :]
                pair = torch.cat([torch.zeros_like(edge), edge], dim=1)
                band = contour.long()
                both = _cross_entropy(pair, band) + _dice(pair, band)
                terms["contour"] = self.weight_contour * both
        return terms


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy over pixels that count; 0 (with a gradient of 0) if there is none."""
    total = functional.cross_entropy(logits, target, ignore_index=IGNORE, reduction="sum")
    return total / (target != IGNORE).sum().clamp(min=1)


def _dice(logits: Tensor, target: Tensor, include_background: bool = False) -> Tensor:
    """Soft Dice loss of the (foreground) channels over the whole batch."""
    loss = DiceLoss(
        include_background=include_background,
        to_onehot_y=True,
        softmax=True,
        batch=True,
        ignore_index=IGNORE,
    )
    # With no pixel to learn from MONAI's smoothed ratio is 1, the loss 0.
    result: Tensor = loss(logits, target[:, None])
    return result
