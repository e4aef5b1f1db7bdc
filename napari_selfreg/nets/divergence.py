"""Kullback-Leibler divergence per voxel: the distillation loss of DSD and MISSU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.nets.precision import wide_type, without_autocast


def voxel_kl(teacher: Tensor, student: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Return ``KL(softmax(teacher / T) || softmax(student / T))``, summed over channels.

    The mean is over samples and voxels, so the value does not grow with the size of the volume;
    torch's ``reduction="batchmean"`` is larger by the number of voxels of a sample, and the mean
    over channels too (as in the code released for MISSU) is smaller by the number of channels.

    Parameters
    ----------
    teacher, student
        ``(N, C, *spatial)`` of one shape, before the softmax over C; any floating type. Both
        receive gradients: detach the one that must not learn.
    temperature
        T; the result is not multiplied by its square.

    Returns
    -------
    Tensor
        Scalar, float32 (float64 for float64 input); 0 if both are equal or C is 1.
    """
    wide = torch.promote_types(teacher.dtype, student.dtype)
    return SoftTeacher(teacher.to(wide), temperature).divergence(student.to(wide))


class SoftTeacher:
    """``softmax(logits / T)`` of one teacher, computed and kept once for all its students.

    Parameters
    ----------
    logits
        ``(N, C, *spatial)``; detach them if the teacher must not learn.
    temperature
        T.
    """

    def __init__(self, logits: Tensor, temperature: float = 1.0) -> None:
        self.temperature = temperature
        self._logarithm = self._soften(logits)
        self._probability = self._logarithm.exp()

    def divergence(self, student: Tensor) -> Tensor:
        """Return :func:`voxel_kl` of a student's logits, of the teacher's shape."""
        with without_autocast(student.device):
            difference = self._logarithm - self._soften(student)
            total = (self._probability * difference).sum()
            return total / (student.numel() // student.shape[1])

    def _soften(self, logits: Tensor) -> Tensor:
        with without_autocast(logits.device):
            wide = logits.to(wide_type(logits.dtype))
            return functional.log_softmax(wide / self.temperature, dim=1)
