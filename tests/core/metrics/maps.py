"""Maps of objects for the tests of the metrics, and the definitions spelt out slowly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

Map = npt.NDArray[np.int32]

SHAPE = (12, 16)
small_maps = arrays(np.int32, SHAPE, elements=st.integers(0, 4), fill=st.just(0))


def drawn(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = SHAPE) -> Map:
    """Objects 1, 2, … as half-open boxes (y0, x0, y1, x1), later ones on top."""
    labels = np.zeros(shape, np.int32)
    for number, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        labels[y0:y1, x0:x1] = number
    return labels


def masks(labels: Map) -> list[npt.NDArray[np.bool_]]:
    return [labels == number for number in np.unique(labels) if number]


def most_shared(mask: npt.NDArray[np.bool_], others: Map) -> npt.NDArray[np.bool_] | None:
    """The object of `others` with most pixels in `mask`, the smaller id among equals."""
    ids, counts = np.unique(others[mask & (others > 0)], return_counts=True)
    return others == ids[np.argmax(counts)] if len(ids) else None
