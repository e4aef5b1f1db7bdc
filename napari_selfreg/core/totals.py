"""What a person reports of a field: how many objects, how much of the area, how dense.

Objects are counted where their centre lies, so that views side by side add up to the field and
none is counted twice. The share of the area counts labelled pixels, cut ones included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.runs import find_runs
from napari_selfreg.core.types import Box, PixelSize

_UM2_PER_MM2 = 1e6
_BAND = 1 << 21  # pixels looked at together, which bounds the memory


@dataclass(frozen=True, slots=True)
class ObjectPlaces:
    """Where every object of a label image lies.

    Parameters
    ----------
    index : ndarray of int, shape (n,)
        Object ids, ascending, without gaps in the rows.
    pixels : ndarray of int64, shape (n,)
        Pixels per object.
    centre : ndarray of float64, shape (n, 2)
        Row and column of the centre of mass; pixel centres lie on whole numbers.
    low, high : ndarray of int64, shape (n, 2)
        First row and column, and row and column behind the last.
    """

    index: npt.NDArray[np.integer[Any]]
    pixels: npt.NDArray[np.int64]
    centre: npt.NDArray[np.float64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the objects of a region.

    Parameters
    ----------
    objects : int
        Objects whose centre lies in the region.
    region_um2 : float
        Area of the region in µm².
    covered_um2 : float
        Area of it that belongs to objects, in µm².
    areas_um2 : ndarray of float64, shape (objects,)
        Area of each counted object, all of it.
    """

    objects: int
    region_um2: float
    covered_um2: float
    areas_um2: npt.NDArray[np.float64]

    @property
    def area_percent(self) -> float:
        """Share of the region that belongs to objects, NaN for an empty region."""
        return 100 * self.covered_um2 / self.region_um2 if self.region_um2 else float("nan")

    @property
    def median_area_um2(self) -> float:
        """Median area of the objects, NaN without any."""
        return float(np.median(self.areas_um2)) if self.objects else float("nan")

    @property
    def density_per_mm2(self) -> float:
        """Objects per square millimetre, NaN for an empty region."""
        if not self.region_um2:
            return float("nan")
        return self.objects / (self.region_um2 / _UM2_PER_MM2)


def find_places(labels: npt.NDArray[np.integer[Any]]) -> ObjectPlaces:
    """Find all objects of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.

    Returns
    -------
    ObjectPlaces
    """
    step = max(1, _BAND // max(1, labels.shape[1]))
    bands = [_places_in(labels[top : top + step], top) for top in range(0, len(labels), step)]
    label, pixels, sums, low, high = (
        np.concatenate(parts) for parts in zip(_places_in(labels[:0], 0), *bands, strict=True)
    )
    # No table of all numbers up to the highest: somebody may have named an object 99999999.
    index, position = np.unique(label, return_inverse=True)
    counted = _summed(pixels, position, index.size)
    total = [_summed(each, position, index.size) for each in sums.T]
    lowest = np.full((index.size, 2), np.iinfo(np.int64).max)
    np.minimum.at(lowest, position, low)
    highest = np.zeros((index.size, 2), np.int64)
    np.maximum.at(highest, position, high)
    centre = np.stack(total, axis=1) / counted[:, np.newaxis]
    return ObjectPlaces(index, counted.astype(np.int64), centre, lowest, highest)


def _places_in(labels: npt.NDArray[np.integer[Any]], top: int) -> tuple[npt.NDArray[Any], ...]:
    """Return ids, pixels, sums of places and boxes of what lies in rows from `top` on."""
    runs = find_runs(labels)
    row, length = runs.row + top, runs.length
    middle = (runs.start + runs.stop - 1) / 2
    # Asking for the first run, too, makes `unique` sort in a way that is fast where ids ascend.
    label, _, position = np.unique(runs.label, return_index=True, return_inverse=True)
    pixels = _summed(length, position, label.size)
    sums = [_summed(place * length, position, label.size) for place in (row, middle)]
    low = np.full((label.size, 2), np.iinfo(np.int64).max)
    high = np.zeros((label.size, 2), np.int64)
    for axis, first, behind in ((0, row, row + 1), (1, runs.start, runs.stop)):
        np.minimum.at(low[:, axis], position, first)
        np.maximum.at(high[:, axis], position, behind)
    return label.astype(np.int64), pixels, np.stack(sums, axis=1), low, high


def _summed(
    values: npt.NDArray[Any], position: npt.NDArray[np.intp], size: int
) -> npt.NDArray[np.float64]:
    return np.bincount(position, values, size).astype(np.float64, copy=False)


def totals_in(
    labels: npt.NDArray[np.integer[Any]],
    places: ObjectPlaces,
    pixel_size: PixelSize,
    box: Box | None = None,
    region_pixels: int | None = None,
) -> Totals:
    """Sum up the objects of a label image or of a part of it.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    places : ObjectPlaces
        Of `labels`.
    pixel_size : PixelSize
        Of `labels`.
    box : Box, optional
        The part; all of it by default.
    region_pixels : int, optional
        Pixels of the part that were examined; all of them by default.

    Returns
    -------
    Totals
    """
    part = (box or Box(0, 0, *labels.shape)).intersect(Box(0, 0, *labels.shape))
    low, high = (part.y0, part.x0), (part.y1, part.x1)
    # A centre on the border between two parts belongs to the lower right one.
    counted = np.all((places.centre >= np.subtract(low, 0.5)), axis=1)
    counted &= np.all(places.centre < np.subtract(high, 0.5), axis=1)
    um2 = pixel_size.area_um2
    examined = part.shape[0] * part.shape[1] if region_pixels is None else region_pixels
    return Totals(
        int(counted.sum()),
        examined * um2,
        int(np.count_nonzero(labels[part.slices])) * um2,
        np.asarray(places.pixels[counted] * um2, dtype=np.float64),
    )


def add_totals(parts: Iterable[Totals]) -> Totals:
    """Sum up several fields; the median is over the objects of all of them."""
    fields = list(parts)
    areas = [field.areas_um2 for field in fields]
    return Totals(
        sum(field.objects for field in fields),
        sum(field.region_um2 for field in fields),
        sum(field.covered_um2 for field in fields),
        np.concatenate(areas) if areas else np.zeros(0),
    )
