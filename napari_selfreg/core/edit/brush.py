"""The smart brush: extends the object it starts in, or begins a new one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from napari_selfreg.core.edit.change import (
    NOTHING,
    Edit,
    Labels,
    Mask,
    Point,
    difference,
    free_id,
    id_at,
    whole,
)
from napari_selfreg.core.edit.paths import pixels_of_path, sweep
from napari_selfreg.core.separation import connected
from napari_selfreg.core.types import Box

_LEAST_RADIUS = math.sqrt(0.5)
"""The smallest disc that holds the centre of a pixel wherever it lies."""


class SmartStroke:
    """One stroke of the smart brush, from press to release.

    It paints background only. What lies behind another object stays, until the pointer itself gets
    there. A stroke that subtracts takes from one object: the one it starts in, or else the first
    it meets.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background. Looked at again at each move, never changed: apply each edit
        before asking for the next.
    start : (float, float)
        Where the stroke begins, in pixels of the array.
    radius : float
        Of the brush in pixels; where it is smaller than a pixel, the nearest pixels are painted.
    subtract : bool
        Take away instead of adding.
    new_id : int, optional
        Id of a new object; by default the one behind the largest. Pass one if ids of deleted
        objects must not come back.

    Attributes
    ----------
    target : int
        The object that the stroke changes; 0 if one that subtracts has not met any.
    is_new : bool
        Whether `target` began with this stroke.

    Raises
    ------
    BadInputError
        If the labels cannot hold another id.
    """

    def __init__(
        self,
        labels: Labels,
        start: Point,
        radius: float,
        subtract: bool = False,
        *,
        new_id: int | None = None,
    ) -> None:
        self._labels = labels
        self._last = start
        self._radius = max(radius, _LEAST_RADIUS)
        self._subtract = subtract
        self.target, self.is_new = id_at(labels, start), False
        if not self.target and not subtract:
            self.target, self.is_new = free_id(labels, new_id), True

    def extend(self, points: Sequence[Point] = ()) -> Edit:
        """Return what moving on to further points changes.

        Parameters
        ----------
        points : sequence of (float, float)
            Where the pointer went since the last call; none for the first dab, at the press.

        Returns
        -------
        Edit
            Of this move only.
        """
        path = [self._last, *points]
        self._last = path[-1]
        box, swept = sweep(path, self._radius, whole(self._labels))
        if box.empty:
            return NOTHING
        before = self._labels[box.slices]
        if self._subtract:
            changed, value = self._less(before, swept, box, path[0]), 0
        else:
            changed, value = self._more(before, swept, box, path), self.target
        return difference(box, before, np.where(changed, value, before))

    def _more(self, before: Labels, swept: Mask, box: Box, path: Sequence[Point]) -> Mask:
        """Mark the background that is reached without crossing another object."""
        own = before == self.target
        free = swept & (before == 0)
        parts = connected(free | own)
        reached = np.zeros(int(parts.max()) + 1, dtype=bool)
        reached[parts[own]] = True
        reached[parts[pixels_of_path(path, box)]] = True
        return np.asarray(free & reached[parts])

    def _less(self, before: Labels, swept: Mask, box: Box, start: Point) -> Mask:
        """Mark swept pixels of the object that is subtracted from."""
        if not self.target:
            self.target = _nearest_id(np.where(swept, before, 0), start, box)
        return np.asarray(swept & (before == self.target) & (before != 0))


def _nearest_id(ids: Labels, point: Point, box: Box) -> int:
    """Return the id nearest to a point, the first in reading order among equals; 0 if none."""
    rows, columns = np.nonzero(ids)
    if not rows.size:
        return 0
    distance = (rows + box.y0 - point[0]) ** 2 + (columns + box.x0 - point[1]) ** 2
    nearest = int(np.argmin(distance))
    return int(ids[rows[nearest], columns[nearest]])
