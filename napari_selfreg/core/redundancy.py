"""How much of a block's channels is said twice: numbers per block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_selfreg.core.channels import SMALLEST, Similarity, order_of, similarity_of
from napari_selfreg.core.moments import Maps, Moments, moments


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


def block_numbers(
    block: str, maps: Maps, scr_distance: float, attention_overlap: float | None = None
) -> BlockNumbers:
    """Return the numbers of one block.

    Parameters
    ----------
    block : str
        Its name.
    maps : ndarray, shape (C, *spatial)
        Activations.
    scr_distance : float
        See `BlockNumbers`; it needs another block, and so is computed elsewhere.
    attention_overlap : float, optional
        See `BlockNumbers`.

    Returns
    -------
    BlockNumbers
    """
    sums = moments(maps)
    return BlockNumbers(
        block=block,
        channels=len(maps),
        similarity=mean_similarity(similarity_of(sums)),
        similarity_centred=mean_similarity(similarity_of(sums, centred=True)),
        effective_rank=_effective_rank(sums),
        dead=int(_dead(sums).sum()),
        scr_distance=scr_distance,
        ifd=_ifd(sums),
        attention_overlap=attention_overlap,
    )


def mean_similarity(similarity: Similarity) -> float:
    """Return the mean of a matrix (C, C) over pairs of different channels; 0 for one channel."""
    channels = len(similarity)
    if channels < 2:
        return 0.0
    matrix = similarity.astype(np.float64)
    return float((matrix.sum() - np.trace(matrix)) / (channels * (channels - 1)))


def effective_rank(maps: Maps) -> float:
    """Return how many directions the channels fill, weighted by their strength.

    The exponential of the entropy of the singular values of the (C, pixels) matrix, divided by
    their sum (Roy and Vetterli, "The effective rank", EUSIPCO 2007): k for k orthogonal channels
    of equal norm, however often each is repeated; 0 if all is zero.

    Parameters
    ----------
    maps : ndarray, shape (C, *spatial)
        Activations.

    Returns
    -------
    float
    """
    return _effective_rank(moments(maps))


def dead_channels(maps: Maps) -> int:
    """Return how many channels of maps (C, *spatial) are zero everywhere."""
    return int(_dead(moments(maps)).sum())


def ifd_value(maps: Maps) -> float:
    """Return the IFD term of maps (C, *spatial) as published; 0 with fewer than two channels.

    The mean squared error between ranks ``[0, h)`` and ``[h, 2h)`` of the order of IFD,
    ``h = C // 2``: 0 exactly when paired channels are equal.
    """
    return _ifd(moments(maps))


def _dead(sums: Moments) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    dead: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = sums.squares <= SMALLEST
    return dead


def _effective_rank(sums: Moments) -> float:
    strengths = np.linalg.eigvalsh(sums.gram)
    largest = strengths[-1]
    if largest <= SMALLEST:
        return 0.0
    # Below this an eigenvalue is what rounding left of 0.
    singular = np.sqrt(strengths[strengths > largest * len(strengths) * 1e-14])
    shares = singular / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _ifd(sums: Moments) -> float:
    order = order_of(sums)
    half = len(order) // 2
    if half == 0:
        return 0.0
    top, bottom = order[:half], order[half : 2 * half]
    squares = sums.squares
    differences = squares[top] + squares[bottom] - 2 * sums.gram[top, bottom]
    return float(max(0.0, differences.mean() / sums.pixels))
