"""The channel-similarity matrices of a block, in a chosen order; computed in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.channels import channel_similarity, cluster_order, halves, ifd_order
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.inside.looking import Looked

Order = Literal["ifd", "cluster", "network"]


@dataclass(frozen=True, slots=True)
class MatrixSettings:
    """How a matrix is made.

    Parameters
    ----------
    block : str
    centred : bool
        Correlation instead of cosine.
    order : {"ifd", "cluster", "network"}
        As IFD sorts them, alike ones together, or as the network has them.
    halves : bool
        Two matrices, of the first and the second half of that order.
    """

    block: str
    centred: bool = False
    order: Order = "ifd"
    halves: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """One square of a picture.

    Parameters
    ----------
    title : str
    values : ndarray of float, shape (k, k)
    channels : ndarray of int, shape (k,)
        Which channel each row and column is.
    """

    title: str
    values: npt.NDArray[np.floating]
    channels: npt.NDArray[np.intp]


def make_matrices(
    looked: Looked, settings: MatrixSettings
) -> Generator[Event, None, tuple[Matrix, ...]]:
    """Return one or, with halves, two squares per model that has the block.

    Returns
    -------
    tuple of Matrix
    """
    made: list[Matrix] = []
    for name, inside in zip(looked.request.names, looked.insides, strict=True):
        yield Progress(0, 0)
        if settings.block not in inside.blocks:
            continue
        maps = inside.blocks[settings.block].maps
        similarity = channel_similarity(maps, centred=settings.centred)
        order = _order(maps, similarity, settings.order)
        if settings.halves and len(order) > 1:
            half = len(order) // 2
            first, second = halves(similarity, order)
            made.append(Matrix(f"{name} · first half", first, order[:half]))
            made.append(Matrix(f"{name} · second half", second, order[half : 2 * half]))
        else:
            made.append(Matrix(name, similarity[np.ix_(order, order)], order))
    return tuple(made)


def _order(
    maps: npt.NDArray[np.floating], similarity: npt.NDArray[np.floating], order: Order
) -> npt.NDArray[np.intp]:
    if order == "ifd":
        return np.asarray(ifd_order(maps), np.intp)
    if order == "cluster" and len(maps) > 2:
        return np.asarray(cluster_order(similarity), np.intp)
    return np.arange(len(maps))
