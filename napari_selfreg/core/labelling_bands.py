"""Objects of an image whose rows become known from the top down, each as early as possible.

The result is that of `label_objects` on the whole image, bit for bit. Background that reaches the
border of the image, or is larger than any hole that is filled, is settled: nothing changes it and
nothing acts through it. What lies between, an *island*, is therefore labelled as if it were alone,
as soon as it has ended above the rows that are still unknown; the others are carried on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.bands import BAND_PIXELS, object_bands
from napari_selfreg.core.objects import first_pixels, largest_hole, tidy_objects
from napari_selfreg.core.separation import REACH, connected, separate
from napari_selfreg.core.types import PixelSize, PostProcessing

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int32]

Planes = Callable[[slice], tuple[Floats, Floats | None]]
"""Gives the foreground's and the contour's (or None) probabilities of rows, each (rows, X)."""

_SHARE = 4


class BandLabeller:
    """Labels what is complete in the rows that are known; for one thread.

    Parameters
    ----------
    planes : callable
        See `Planes`; asked only for rows that are known.
    shape : tuple of int
        Height and width of the image.
    settings : PostProcessing
        Threshold, sizes in µm² and how readily objects are cut.
    pixel_size : PixelSize
        Of the planes.
    """

    def __init__(
        self,
        planes: Planes,
        shape: tuple[int, int],
        settings: PostProcessing,
        pixel_size: PixelSize,
    ) -> None:
        self._planes = planes
        self._settings, self._pixel_size = settings, pixel_size
        self._largest_hole = largest_hole(settings, pixel_size)
        self._labels = np.zeros(shape, dtype=np.int32)
        self._places: list[npt.NDArray[np.int64]] = []  # of first pixels, by provisional id
        self._count = 0
        # What is carried: rows from `_top` on, and the pixels of objects of open islands in them.
        self._top = 0
        self._mask = np.zeros((0, shape[1]), dtype=bool)

    def advance(self, known: int) -> Iterator[None]:
        """Label the islands that end in the rows known by now.

        Parameters
        ----------
        known : int
            The first rows, up to this one, hold their final probabilities.

        Yields
        ------
        None
            After every few megapixels. The work can be given up there, but then for good.
        """
        height = self._labels.shape[0]
        last = known >= height
        begin = self._top + len(self._mask)
        end = height if last else known - REACH
        # Few new rows under a large island are not worth looking at all of it again.
        if end - begin < 1 or (not last and (end - begin) * _SHARE < len(self._mask)):
            return
        new = self._planes(slice(begin, end))[0] >= self._settings.threshold
        mask = np.concatenate([self._mask, new])
        islands = connected(self._find_islands(mask))
        open_ = np.zeros(int(islands.max(initial=0)) + 1, dtype=bool)
        if not last:
            open_[islands[-1]] = True
            open_[0] = False
        carried = open_[islands]
        islands[carried] = 0
        for rows, piece in object_bands(islands):
            self._label(self._top + rows.start, mask[rows] & (piece > 0))
            yield
        first = int(carried.any(axis=1).argmax()) if carried.any() else len(mask)
        self._top += first
        self._mask = mask[first:] & carried[first:]

    def result(self) -> Labels:
        """Return the objects, numbered in reading order, when all rows are labelled.

        Returns
        -------
        ndarray of int32, shape (Y, X)
            0 = background, objects 1 … n.
        """
        places = np.concatenate([*self._places, np.zeros(0, dtype=np.int64)])
        table = np.zeros(places.size + 1, dtype=np.int32)
        table[1 + np.argsort(places)] = np.arange(1, places.size + 1)
        step = max(1, BAND_PIXELS // max(1, self._labels.shape[1]))
        for top in range(0, len(self._labels), step):
            rows = slice(top, top + step)
            self._labels[rows] = table[self._labels[rows]]
        return self._labels

    def _find_islands(self, mask: Bools) -> Bools:
        """Return the mask with every gap that may be, or become, a hole to be filled."""
        if self._largest_hole < 1:
            return mask
        gaps, n_gaps = ndimage.label(~mask, np.ones((3, 3), dtype=bool))
        hole = np.bincount(gaps.ravel(), minlength=n_gaps + 1) <= self._largest_hole
        # No hole lies in the first row of its island: above the rows that are carried, all
        # background is settled.
        for border in (gaps[0], gaps[:, 0], gaps[:, -1]):
            hole[border] = False
        hole[0] = True  # the mask
        return np.asarray(hole[gaps])

    def _label(self, top: int, wanted: Bools) -> None:
        """Label whole islands; `wanted` are their pixels of objects, from row `top` on."""
        bottom = top + len(wanted)
        above, below = max(0, top - REACH), min(len(self._labels), bottom + REACH)
        inside = slice(top - above, bottom - above)
        foreground, contour = self._planes(slice(above, below))
        part = np.zeros(foreground.shape, dtype=bool)
        part[inside] = wanted
        found = separate(
            np.asarray(foreground >= self._settings.threshold),
            foreground,
            contour,
            self._settings.separation,
            self._pixel_size,
            wanted=part,
        )
        found = tidy_objects(found[inside], self._settings, self._pixel_size)
        ids, places = first_pixels(found)
        table = np.zeros(int(found.max(initial=0)) + 1, dtype=np.int32)
        table[ids] = self._count + 1 + np.arange(ids.size)
        self._labels[top:bottom] += table[found]  # 0 wherever another island is
        self._places.append(places + top * found.shape[1])
        self._count += ids.size
