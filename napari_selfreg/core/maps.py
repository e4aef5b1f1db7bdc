"""Pictures of a block's channels: how active it is, where it is alike, where it disagrees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.half import Floats, single_pieces
from napari_selfreg.core.moments import Maps, as_rows


def energy(maps: Maps) -> Floats:
    """Return how active maps (C, *spatial) are at each place: the root mean square of channels."""
    rows = as_rows(maps)
    found = np.empty(rows.shape[1], np.float32)
    for part, piece in single_pieces(rows):
        found[part] = np.einsum("cn,cn->n", piece, piece)
    found /= len(rows)
    return np.sqrt(found).reshape(maps.shape[1:])


def cosine_to(maps: Maps, wanted: npt.ArrayLike) -> Floats:
    """Return how alike the channels at each place are to given ones.

    Parameters
    ----------
    maps : ndarray, shape (C, *spatial)
        Activations.
    wanted : array-like, shape (C,)
        Values of the channels at a place, or their mean over several.

    Returns
    -------
    ndarray of float32, shape (*spatial)
        Cosine, from -1 to 1; 0 where all channels are zero, or all wanted ones are.
    """
    rows, target = as_rows(maps), np.asarray(wanted, np.float32)
    length = float(np.linalg.norm(target))
    target = target / length if length > 0 else target
    found = np.empty(rows.shape[1], np.float32)
    for part, piece in single_pieces(rows):
        norms = np.sqrt(np.einsum("cn,cn->n", piece, piece))
        found[part] = (target @ piece) / np.maximum(norms, 1e-12)
    return np.clip(found, -1, 1).reshape(maps.shape[1:])


def scr_residual(maps: Maps, last: Floats) -> Floats:
    """Return where a block disagrees with the last decoder block.

    SCR pulls every channel of every block onto the last block's channels, drawn at random: in
    expectation onto their mean. The residual is what is left of that.

    Parameters
    ----------
    maps : ndarray, shape (C, *spatial)
        Activations.
    last : ndarray of float32, shape (*spatial)
        Mean channel of ``D1``, averaged onto the grid of `maps`.

    Returns
    -------
    ndarray of float32, shape (*spatial)
        Mean over channels of the squared difference; its mean over space is the SCR distance.
    """
    rows, target = as_rows(maps), last.reshape(-1)
    found = np.empty(rows.shape[1], np.float32)
    for part, piece in single_pieces(rows):
        piece -= target[part]
        found[part] = np.einsum("cn,cn->n", piece, piece)
    found /= len(rows)
    return found.reshape(maps.shape[1:])


def weighted_sum(maps: Maps, weights: Floats) -> Floats:
    """Return the sum of channels (C, *spatial) times weights (C,), float32 (*spatial)."""
    rows = as_rows(maps)
    found = np.empty(rows.shape[1], np.float32)
    for part, piece in single_pieces(rows):
        found[part] = weights.astype(np.float32) @ piece
    return found.reshape(maps.shape[1:])


def overlap(attention: Floats, mask: Floats) -> float:
    """Return the share of attention (*spatial) that lies in a mask of weights from 0 to 1.

    Wang et al., "Score-CAM", CVPR workshops 2020 (energy-based pointing game); 0 without any
    attention.
    """
    total = float(attention.sum(dtype=np.float64))
    return float((attention * mask).sum(dtype=np.float64)) / total if total > 0 else 0.0
