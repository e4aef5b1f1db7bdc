"""The published formulas in their plainest form: what the fast ones must equal."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def pooled(teacher: Tensor, size: tuple[int, ...]) -> Tensor:
    """Average-pool a detached float32 copy to ``size``."""
    pool = functional.adaptive_avg_pool2d if len(size) == 2 else functional.adaptive_avg_pool3d
    return pool(teacher.detach().float(), size)


def scr(student: Tensor, teacher: Tensor, of_student: Tensor, of_teacher: Tensor) -> Tensor:
    """Return SCR for given channel pairs; the teacher is the larger map."""
    target = pooled(teacher, tuple(student.shape[2:]))
    return functional.mse_loss(student.float()[:, of_student], target[:, of_teacher])


def expected_scr(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the expectation of SCR over uniformly random pairs of channels."""
    target = pooled(teacher, tuple(student.shape[2:]))
    mean = target.mean(1, keepdim=True)
    return (student.float() - mean).square().mean() + (target - mean).square().mean()


def ifd(feature: Tensor) -> Tensor:
    """Return IFD of one map."""
    flat = feature.float().flatten(2)
    keys = functional.normalize(flat, dim=2).mean((0, 2))
    order = torch.argsort(keys, descending=True, stable=True)
    half = feature.shape[1] // 2
    ordered = flat[:, order]
    return functional.mse_loss(ordered[:, :half], ordered[:, half : 2 * half])


def similarity(feature: Tensor) -> float:
    """Return the mean off-diagonal cosine similarity between the channels of one map."""
    rows = functional.normalize(feature.detach().float().flatten(2), dim=2)
    matrix = rows @ rows.transpose(1, 2)
    channels = feature.shape[1]
    off = matrix.sum((1, 2)) - matrix.diagonal(dim1=1, dim2=2).sum(1)
    return float((off / (channels * (channels - 1))).mean())
