"""DSD in its plainest form, from logits at full resolution: what the module must equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

IGNORE = 255


def supervision(logits: Tensor, target: Tensor) -> Tensor:
    """Return cross-entropy + Dice, background included, of what is not ignored."""
    known = (target != IGNORE)[:, None]
    safe = torch.where(target == IGNORE, 0, target).long()
    truth = functional.one_hot(safe, logits.shape[1]).movedim(-1, 1) * known
    log = logits.log_softmax(1)
    entropy = -(truth * log).sum() / known.sum().clamp(min=1)
    space = (0, *range(2, logits.ndim))
    chance = log.exp() * known
    overlap = 2 * (chance * truth).sum(space) + 1e-5
    dice = 1 - overlap / (chance.sum(space) + truth.sum(space) + 1e-5)
    return entropy + dice.mean()


def kl(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """Return the divergence of student from teacher, mean over samples and voxels."""
    p, q = (teacher / temperature).softmax(1), (student / temperature).softmax(1)
    return (p * (p.log() - q.log())).sum(1).mean()


def dsd(
    logits: Mapping[str, Tensor],
    target: Tensor,
    *,
    decoder: Sequence[str],
    encoder: Sequence[str],
    alpha: float,
    temperature: float,
    supervise_teacher: bool,
    pool: int = 1,
) -> Tensor:
    """Return the sum as section 3.2 of the method's description has it; finest block first."""
    coarse = {
        block: functional.adaptive_avg_pool3d(z, [max(1, side // pool) for side in z.shape[2:]])
        if z.ndim == 5
        else functional.adaptive_avg_pool2d(z, [max(1, side // pool) for side in z.shape[2:]])
        for block, z in logits.items()
    }
    total = sum((supervision(logits[block], target) for block in decoder), torch.zeros(()))
    for teacher, students in ((decoder[0], decoder[1:]), (encoder[-1], encoder[:-1])):
        for block in students:
            pulled = kl(coarse[teacher], coarse[block], temperature)
            total = total + alpha * temperature**2 * pulled
    if supervise_teacher:
        total = total + alpha * supervision(logits[encoder[-1]], target)
    return total
