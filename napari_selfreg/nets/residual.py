"""Where in a picture the blocks of a network do not follow its last decoder block."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.nets.feature_maps import scr_residual
from napari_selfreg.nets.pooling import PooledTeacher
from napari_selfreg.nets.tapspec import TapSpec


def residual_maps(taps: Mapping[str, Tensor], spec: TapSpec) -> dict[str, Tensor]:
    """Return what SCR penalises, pixel by pixel instead of as one number.

    The mean over samples and pixels of the student's size equals the term of
    `napari_selfreg.nets.scr.scr_terms` with ``pairing="mean"``: the squared distance of every
    student channel to the mean channel of the pooled last decoder block.

    Parameters
    ----------
    taps : mapping of str to Tensor
        Feature maps ``(N, C, Y, X)`` by block name, from an open tap context.
    spec : TapSpec
        Names students and teacher.

    Returns
    -------
    dict of str to Tensor
        One map ``(N, Y, X)`` of float32 per student block, enlarged to the teacher's size.
    """
    teacher = PooledTeacher(taps[spec.teacher_block])
    full = tuple(taps[spec.teacher_block].shape[2:])
    maps = {}
    for block in spec.student_blocks:
        distance = scr_residual(taps[block], teacher)[:, None]
        large = functional.interpolate(distance, full, mode="nearest")
        maps[block] = large[:, 0].to(torch.float32)
    return maps
