"""Where probabilities go: onto the image's grid, as soon as they are certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.tiles import Tile
from napari_selfreg.core.types import Box
from napari_selfreg.engine.blend import BlendedSum
from napari_selfreg.engine.forward import Floats
from napari_selfreg.engine.grids import Grids

PREVIEW_SIDE = 512
"""Previews are thinned out to at most this many pixels per side."""

_BAND = 1024


class Sink(Protocol):
    """Takes tiles, writes probabilities."""

    def wanted(self, tile: Tile) -> Box:
        """Return the part of the window that must be predicted, in model pixels."""
        ...

    def take(self, tile: Tile, values: Floats | None, box: Box) -> tuple[Box, Floats | None]:
        """Take what was predicted of a tile (None: glass).

        Returns the image pixels of its core and their probabilities, as far as known.
        """
        ...

    def finish(self) -> Iterator[float]:
        """Write what could not be written tile by tile; tells the share that is done."""
        ...


class Target:
    """The arrays of the result.

    Parameters
    ----------
    out : array-like, shape (C, y, x)
        Probabilities of `region`; only ever assigned to.
    uncertainty : ndarray of float32, shape (y, x), optional
        Where the uncertainty goes.
    region : Box
        The part of the image, in image pixels.
    n_classes : int
        The first channels are classes.
    """

    def __init__(self, out: Any, uncertainty: Floats | None, region: Box, n_classes: int) -> None:
        self.region = region
        self._out, self._uncertainty, self._n_classes = out, uncertainty, n_classes

    def write(self, box: Box, values: Floats | None) -> None:
        """Write probabilities (C, y, x) of image pixels; None means 0 everywhere."""
        rows, columns = box.shift(-self.region.y0, -self.region.x0).slices
        if values is None:
            self._out[:, rows, columns] = 0
            return
        self._out[:, rows, columns] = values
        if self._uncertainty is not None:
            self._uncertainty[rows, columns] = entropy(values[: self._n_classes])


class DirectSink:
    """For tiles that equal the crop of the whole: every tile is written when it is done.

    Parameters
    ----------
    grids : Grids
        Image and model.
    target : Target
        The result.
    """

    def __init__(self, grids: Grids, target: Target) -> None:
        self._grids, self._target = grids, target

    def wanted(self, tile: Tile) -> Box:
        """Return the core and the margin that resampling needs."""
        core, margin = tile.core, self._grids.margin
        wide = Box(core.y0 - margin, core.x0 - margin, core.y1 + margin, core.x1 + margin)
        return wide.intersect(Box(0, 0, *self._grids.model))

    def take(self, tile: Tile, values: Floats | None, box: Box) -> tuple[Box, Floats | None]:
        """Write the core."""
        place = self._grids.to_image(tile.core).intersect(self._target.region)
        if place.empty:
            return place, None
        part = None if values is None else self._grids.back(values, box, place)
        self._target.write(place, part)
        return place, part

    def finish(self) -> Iterator[float]:
        """Do nothing: all is written."""
        return iter(())


class BlendedSink:
    """For networks that see their whole window: overlapping windows are averaged.

    Parameters
    ----------
    grids : Grids
        Image and model.
    target : Target
        The result.
    channels : int
        Probabilities per pixel.
    """

    def __init__(self, grids: Grids, target: Target, channels: int) -> None:
        self._grids, self._target, self._channels = grids, target, channels
        box, margin = grids.to_model(target.region), grids.margin
        wide = Box(box.y0 - margin, box.x0 - margin, box.y1 + margin, box.x1 + margin)
        self._sum = BlendedSum(channels, wide.intersect(Box(0, 0, *grids.model)))

    def wanted(self, tile: Tile) -> Box:
        """Return the whole window."""
        return tile.window

    def take(self, tile: Tile, values: Floats | None, box: Box) -> tuple[Box, Floats | None]:
        """Add the window; what is returned is not blended yet."""
        place = self._grids.to_image(tile.core).intersect(self._target.region)
        if values is None:
            values = np.zeros((self._channels, *box.shape), np.float32)
        self._sum.add(values, box)
        return place, None if place.empty else self._near(values, box, place)

    def finish(self) -> Iterator[float]:
        """Write the means, band by band."""
        region = self._target.region
        for y0 in range(region.y0, region.y1, _BAND):
            place = Box(y0, region.x0, min(region.y1, y0 + _BAND), region.x1)
            needed = self._grids.needed(place)
            self._target.write(place, self._grids.back(self._sum.mean(needed), needed, place))
            yield (place.y1 - region.y0) / region.shape[0]

    def _near(self, values: Floats, box: Box, place: Box) -> Floats:
        """Return the nearest prediction of each image pixel: good enough for a preview."""
        rows = np.arange(place.y0, place.y1) * self._grids.model[0] // self._grids.image[0]
        columns = np.arange(place.x0, place.x1) * self._grids.model[1] // self._grids.image[1]
        rows = np.clip(rows - box.y0, 0, box.shape[0] - 1)
        columns = np.clip(columns - box.x0, 0, box.shape[1] - 1)
        return values[:, rows[:, None], columns[None]]


def entropy(classes: Floats) -> Floats:
    """Return how undecided probabilities are: 0 = certain, 1 = all outcomes equally likely.

    Parameters
    ----------
    classes : ndarray of float, shape (K, y, x)
        Probabilities of the foreground classes; background is the rest.

    Returns
    -------
    ndarray of float32, shape (y, x)
        Entropy over background and classes, divided by its largest value.
    """
    everything = np.concatenate([1 - classes.sum(axis=0, keepdims=True), classes])
    everything = np.clip(everything, 1e-7, 1)
    bits: Floats = -(everything * np.log(everything)).sum(axis=0)
    share: Floats = np.clip(bits / np.float32(np.log(len(everything))), 0, 1)
    return share


def preview(classes: Floats | None, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the foreground's probability times 255, thinned out to `PREVIEW_SIDE`."""
    step = max(1, -(-max(shape) // PREVIEW_SIDE))
    if classes is None:
        return np.zeros((-(-shape[0] // step), -(-shape[1] // step)), np.uint8)
    foreground = classes[:, ::step, ::step].sum(axis=0)
    shown: npt.NDArray[np.uint8] = np.clip(foreground * 255 + 0.5, 0, 255).astype(np.uint8)
    return shown
