"""Decorrelation: a regularizer of our own that makes channels less alike.

It is not part of any of the papers. SelfReg-UNet's IFD is meant to reduce the redundancy of
channels; as published it raises their similarity (its optimum is that paired channels are equal).
This term does what was meant: its optimum is that no two channels of a block look alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from napari_selfreg.nets.similarity import channel_similarity, off_diagonal_mean
from napari_selfreg.nets.tapspec import TapSpec


def decorrelation_terms(
    taps: Mapping[str, Tensor], spec: TapSpec, *, centred: bool = False
) -> dict[str, Tensor]:
    """Return one decorrelation term per student block (our own, not of the papers).

    The term is the mean over samples and pairs of different channels of their squared cosine
    similarity over space, between 0 and 1. It does not depend on the maps' scale, so it cannot
    be lowered by shrinking them. Blocks of one channel give 0.

    All pixels count, as in SCR and IFD.

    Parameters
    ----------
    taps
        Feature maps ``(N, C, *spatial)`` by block name, from an open tap context.
    spec
        Names the blocks.
    centred
        Use correlations in place of cosines.

    Returns
    -------
    dict
        ``{"decorrelation/E2": term, …}``, float32 scalars.
    """
    return {
        f"decorrelation/{block}": off_diagonal_mean(
            channel_similarity(taps[block], centred=centred).square()
        )
        for block in spec.student_blocks
    }
