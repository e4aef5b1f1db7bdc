"""A part of a large picture that is read only where it is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box


class BoxView:
    """The rows of a box of a picture, read when they are asked for.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        Anything that slices into numpy.
    box : Box
        The part, in pixels of `image`.

    Attributes
    ----------
    shape : tuple of int
        Of the part, with its colours.
    """

    def __init__(self, image: Any, box: Box) -> None:
        self.shape = (*box.shape, 3)
        self._image = image
        self._box = box

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        top = self._box.y0
        pixels = self._image[top + start : top + stop, self._box.x0 : self._box.x1]
        return np.asarray(pixels)
