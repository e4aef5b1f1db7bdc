"""Semantic consistency regularization (SCR): every block learns from the last decoder block.

Zhu, Chen, Qiu et al., "SelfReg-UNet: Self-Regularized UNet for Medical Image Segmentation",
MICCAI 2024, pp. 601-611, doi 10.1007/978-3-031-72111-3_56; details as in the released code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.distance import Channels, mean_square_difference
from napari_selfreg.nets.normalize import unit_maps
from napari_selfreg.nets.pooling import PooledTeacher, adaptive_mean
from napari_selfreg.nets.precision import without_autocast
from napari_selfreg.nets.tapspec import TapSpec

Pairing = Literal["random", "first", "mean"]


def scr_terms(
    taps: Mapping[str, Tensor],
    spec: TapSpec,
    *,
    generator: torch.Generator,
    pairing: Pairing = "random",
    normalize: bool = False,
) -> dict[str, Tensor]:
    """Return one SCR term per student block.

    For a student map of Cs channels and the teacher (``D1``, detached, average-pooled to the
    student's size; an axis on which the student is the larger is pooled in the student), the
    term is the mean squared error between ``k = min(Cs, Ct)`` channels of each.

    All pixels count: a feature map has no labels, so pixels whose target is "ignore" take part
    like any other.

    Parameters
    ----------
    taps
        Feature maps ``(N, C, *spatial)`` by block name, from an open tap context.
    spec
        Names students and teacher.
    generator
        Draws the channels; torch's global generator is not touched.
    pairing
        ``"random"`` (published): k channels of each side without replacement, drawn anew at each
        call, the same for all samples of the batch. ``"first"``: the first k channels.
        ``"mean"``: every student channel against the mean teacher channel; same expected
        gradient as ``"random"`` without its noise, lower by a term constant in the student.
    normalize
        Divide every map by its root mean square over space (an option of ours).

    Returns
    -------
    dict
        ``{"scr/E2": term, …}``, float32 scalars.

    Raises
    ------
    BadInputError
        For an unknown ``pairing``.
    """
    check_pairing(pairing)
    with without_autocast(taps[spec.teacher_block].device):
        teacher = PooledTeacher(taps[spec.teacher_block])
        return {
            f"scr/{block}": _term(taps[block], teacher, generator, pairing, normalize)
            for block in spec.student_blocks
        }


def check_pairing(pairing: object) -> None:
    """Raise `BadInputError` if there is no such pairing."""
    if pairing not in get_args(Pairing):
        raise BadInputError(f"SCR pairing is random, first or mean, not {pairing!r}.")


def _term(
    student: Tensor,
    teacher: PooledTeacher,
    generator: torch.Generator,
    pairing: Pairing,
    normalize: bool,
) -> Tensor:
    """Return the mean squared error of one student to the teacher."""
    target = teacher.at(tuple(student.shape[2:]))
    if student.shape[2:] != target.shape[2:]:
        student = adaptive_mean(student.to(target.dtype), tuple(target.shape[2:]))
    if normalize:
        student, target = unit_maps(student.to(target.dtype)), unit_maps(target)
    if pairing == "mean":
        return mean_square_difference(student, target=target.mean(1, keepdim=True))
    k = min(student.shape[1], target.shape[1])
    if pairing == "first":
        return mean_square_difference(
            student, Channels(torch.arange(k), None, torch.arange(k)), target
        )
    of_student = _draw(student.shape[1], k, generator)
    of_teacher = _draw(target.shape[1], k, generator)
    if k == student.shape[1]:
        # All student channels take part: permuting only the teacher gives the same pairs.
        channels = Channels(target=of_teacher[torch.argsort(of_student)])
    else:
        channels = Channels(plus=of_student, target=of_teacher)
    return mean_square_difference(student, channels, target)


def _draw(channels: int, k: int, generator: torch.Generator) -> Tensor:
    """Return k of range(channels), in random order, without replacement."""
    order = torch.randperm(channels, generator=generator, device=generator.device)
    return order[:k].cpu()
