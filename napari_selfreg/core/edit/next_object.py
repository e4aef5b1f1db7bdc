"""Go from object to object as one reads: line by line, from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.edit.change import Labels
from napari_selfreg.core.runs import find_runs


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is.

    Parameters
    ----------
    id : int
        Of the object.
    y, x : float
        Its centre of mass, in pixels of the label array.
    """

    id: int
    y: float
    x: float


def next_object(
    labels: Labels,
    accepted: Iterable[int],
    after: Place | None = None,
    *,
    backwards: bool = False,
) -> Place | None:
    """Return the next object, or the one before, that was not accepted yet.

    Lines are as high as a usual object (the median of the roots of areas), so that one row of
    tissue is gone through before the next.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    accepted : iterable of int
        Objects to pass over.
    after : Place, optional
        Where one is; the object there may be gone. By default before the first object.
    backwards : bool
        Go to the one before.

    Returns
    -------
    Place or None
        Behind the last comes the first. The object one is at comes last of all. None if all are
        accepted.
    """
    ids, y, x, line = _centres(labels)
    done = np.isin(ids, list(accepted))
    if done.all():
        return None
    places = [Place(*place) for place in zip(ids.tolist(), y.tolist(), x.tolist(), strict=True)]
    here = next((place for place in places if after and place.id == after.id), after)

    def key(place: Place) -> tuple[float, float, int]:
        return place.y // line, place.x, place.id

    waiting = [place for place, skip in zip(places, done, strict=True) if not skip]
    waiting.sort(key=key, reverse=backwards)
    if here is None:
        return waiting[0]
    others = [place for place in waiting if place.id != here.id]
    further = (p for p in others if (key(p) < key(here) if backwards else key(p) > key(here)))
    return next(further, (others or waiting)[0])


def _centres(
    labels: Labels,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Return ids, the centre of each along both axes, and the height of a line."""
    runs = find_runs(labels)
    ids, of = np.unique(runs.label, return_inverse=True)
    length = runs.length
    area = np.bincount(of, length, minlength=ids.size)
    y = np.bincount(of, length * runs.row, minlength=ids.size) / area
    x = np.bincount(of, length * (runs.start + runs.stop - 1) / 2, minlength=ids.size) / area
    return ids, y, x, float(np.median(np.sqrt(area))) if ids.size else 1.0
