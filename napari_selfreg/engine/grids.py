"""The two grids of a prediction: the image's own, and the one the model works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.resample import (
    ArrayLike,
    model_shape,
    resample_region,
    resample_window,
    source_box,
)
from napari_selfreg.core.types import Box, PixelSize

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Grids:
    """Sizes of an image on both grids.

    Parameters
    ----------
    image, model : tuple of int
        Height and width in pixels of the image, and of the same image as the model sees it.
    """

    image: tuple[int, int]
    model: tuple[int, int]

    @classmethod
    def between(cls, shape: tuple[int, int], pixel_size: PixelSize, target: PixelSize) -> Grids:
        """Return the grids of an image of `shape` for a model that works at `target`."""
        return cls(shape, model_shape(shape, pixel_size, target))

    @property
    def same(self) -> bool:
        """Whether nothing needs to be resampled."""
        return self.image == self.model

    @property
    def margin(self) -> int:
        """Model pixels beyond a core that its image pixels are interpolated from."""
        if self.same:
            return 0
        ratios = (m / i for m, i in zip(self.model, self.image, strict=True))
        return int(np.ceil(max(1.0, *ratios))) + 1

    def to_model(self, box: Box) -> Box:
        """Return the smallest box of model pixels that covers a box of image pixels."""
        y0, y1 = _covering(box.y0, box.y1, self.image[0], self.model[0])
        x0, x1 = _covering(box.x0, box.x1, self.image[1], self.model[1])
        return Box(y0, x0, y1, x1)

    def to_image(self, box: Box) -> Box:
        """Return the image pixels whose centres lie in a box of model pixels."""
        y0, y1 = (_first_inside(edge, self.image[0], self.model[0]) for edge in (box.y0, box.y1))
        x0, x1 = (_first_inside(edge, self.image[1], self.model[1]) for edge in (box.x0, box.x1))
        return Box(y0, x0, y1, x1)

    def read(self, image: ArrayLike, window: Box) -> npt.NDArray[Any]:
        """Return pixels (y, x, 3) of a window of the model's grid, reflected beyond the image."""
        inside = window.intersect(Box(0, 0, *self.model))
        pixels = resample_region(image, self.model, inside)
        below, right = window.y1 - inside.y1, window.x1 - inside.x1
        if below or right:
            pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect")
        return np.require(pixels, requirements=["C", "W"])

    def needed(self, box: Box) -> Box:
        """Return the model pixels that the probabilities of image pixels are made of."""
        return box if self.same else source_box(self.model, self.image, box)

    def back(self, values: Floats, values_box: Box, box: Box) -> Floats:
        """Return probabilities on the image's grid.

        Parameters
        ----------
        values : ndarray of float32, shape (C, y, x)
            Probabilities on the model's grid inside `values_box`.
        values_box : Box
            In model pixels; reaches `margin` beyond the image pixels that are wanted.
        box : Box
            The image pixels that are wanted.

        Returns
        -------
        ndarray of float32, shape (C, y, x)
        """
        if self.same:
            rows, columns = box.shift(-values_box.y0, -values_box.x0).slices
            return values[:, rows, columns]
        parts = [resample_window(v, values_box, self.model, self.image, box) for v in values]
        return np.stack(parts)


def _covering(start: int, stop: int, n_from: int, n_to: int) -> tuple[int, int]:
    first = start * n_to // n_from
    return first, min(n_to, max(-(-stop * n_to // n_from), first + 1))


def _first_inside(edge: int, n_image: int, n_model: int) -> int:
    """Return the first image pixel whose centre lies at or beyond a model pixel's edge."""
    # (i + 0.5) * n_model / n_image >= edge, in whole numbers
    return max(0, -(-(2 * edge * n_image - n_model) // (2 * n_model)))
