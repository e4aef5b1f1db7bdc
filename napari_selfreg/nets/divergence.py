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
    with without_autocast(student.device):
        wide = wide_type(torch.promote_types(teacher.dtype, student.dtype))
        wanted = functional.log_softmax(teacher.to(wide) / temperature, dim=1)
        given = functional.log_softmax(student.to(wide) / temperature, dim=1)
        total = functional.kl_div(given, wanted, reduction="sum", log_target=True)
        return total / (student.numel() // student.shape[1])
