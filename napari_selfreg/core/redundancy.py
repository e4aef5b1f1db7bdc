"""How much of a block's channels is said twice: numbers per block."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockNumbers:
    """What is measured of one block.

    Parameters
    ----------
    block : str
        Its name.
    channels : int
        Channels, dead ones included.
    similarity, similarity_centred : float
        Mean similarity between different channels: cosine, and correlation.
    effective_rank : float
        Between 1 and `channels`; see `effective_rank`.
    dead : int
        Channels that are zero everywhere.
    scr_distance : float
        Mean squared difference to the mean channel of the last decoder block.
    ifd : float
        Mean squared difference between the paired halves of the channels, as IFD is published.
    attention_overlap : float, optional
        Share of the attention that lies inside the mask, from 0 to 1.
    """

    block: str
    channels: int
    similarity: float
    similarity_centred: float
    effective_rank: float
    dead: int
    scr_distance: float
    ifd: float
    attention_overlap: float | None = None
