"""The channels of a block as one picture in colours: their principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.half import single_pieces
from napari_selfreg.core.moments import Doubles, Maps, as_rows, moments

COLOURS = 3
CUT = 1.0
"""Percent of the places at either end whose colours saturate."""

_SAMPLES = 2**16


@dataclass(frozen=True, eq=False)
class Basis:
    """How channels become red, green and blue.

    Parameters
    ----------
    mean : ndarray of float64, shape (C,)
        Of each channel.
    axes : ndarray of float64, shape (3, C)
        Principal components, strongest first, orthonormal; rows of zeros where there are fewer.
        The largest weight of each is positive.
    low, high : ndarray of float64, shape (3,)
        Values along each axis that become 0 and 255.
    """

    mean: Doubles
    axes: Doubles
    low: Doubles
    high: Doubles


def fit_basis(maps: Sequence[Maps]) -> Basis:
    """Return one basis for the maps of one block or of several that are compared.

    Parameters
    ----------
    maps : sequence of ndarray, each of shape (C, *spatial)
        All with equally many channels. Each place counts once.

    Returns
    -------
    Basis

    Raises
    ------
    BadInputError
        If there are none, or their numbers of channels differ.
    """
    if len({len(one) for one in maps}) != 1:
        raise BadInputError("One basis needs blocks of equally many channels.")
    parts = [moments(one) for one in maps]
    pixels = sum(part.pixels for part in parts)
    mean = np.sum([part.sums for part in parts], axis=0) / pixels
    gram = np.sum([part.gram for part in parts], axis=0)
    axes = _leading(gram / pixels - np.outer(mean, mean))
    values = axes @ (np.concatenate([_sample(one) for one in maps], axis=1) - mean[:, None])
    low, high = np.percentile(values, (CUT, 100 - CUT), axis=1)
    return Basis(mean, axes, low, high)


def project(maps: Maps, basis: Basis) -> npt.NDArray[np.uint8]:
    """Return maps (C, *spatial) as colours (*spatial, 3).

    Raises
    ------
    BadInputError
        If the basis is of another number of channels.
    """
    if len(maps) != len(basis.mean):
        raise BadInputError(f"The basis is of {len(basis.mean)} channels, not {len(maps)}.")
    rows = as_rows(maps)
    span = basis.high - basis.low
    factors = np.where(span > 0, 255 / np.where(span > 0, span, 1), 0)
    axes = (basis.axes * factors[:, None]).astype(np.float32)
    # Half of a step is added here, since the conversion to whole numbers cuts.
    offset = (0.5 - (basis.axes @ basis.mean + basis.low) * factors).astype(np.float32)
    colours = np.empty((rows.shape[1], COLOURS), np.uint8)
    for part, piece in single_pieces(rows):
        values = axes @ piece
        values += offset[:, None]
        colours[part] = np.clip(values, 0, 255, out=values).T
    return colours.reshape(*maps.shape[1:], COLOURS)


def _leading(covariance: Doubles) -> Doubles:
    """Return the eigenvectors of the largest eigenvalues as rows (3, C), of fixed sign."""
    _, vectors = np.linalg.eigh(covariance)
    axes = np.zeros((COLOURS, len(covariance)))
    found = vectors.T[::-1][:COLOURS]
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1)
    axes[: len(found)] = found * np.where(largest < 0, -1, 1)
    return axes


def _sample(maps: Maps) -> Doubles:
    """Return rows (C, pixels) at evenly spread places, enough for percentiles."""
    rows = as_rows(maps)
    every = rows[:, :: max(1, rows.shape[1] // _SAMPLES)]
    return every.astype(np.float64)
