"""New objects around what a person has reviewed, which stays as it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Resegmented:
    """Labels of which a part was found anew.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Equal to the old ones where these are kept.
    new_ids : dict of int to int
        Id among the new objects -> id in `labels`, for objects that are new here.
    """

    labels: Labels
    new_ids: dict[int, int]


def resegment_around(
    old: Labels, new: Labels, reviewed: Mask, accepted: Collection[int] = ()
) -> Resegmented:
    """Replace labels except in reviewed pixels and accepted objects.

    An object that goes on beyond the reviewed part keeps its id there, as far as a new object
    that lies on it reaches. Of a new object that lies mostly in the kept part nothing else is
    added: its rim would be a sliver.

    Parameters
    ----------
    old, new : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    reviewed : ndarray of bool, shape (Y, X)
        Pixels that stay, whether object or background.
    accepted : collection of int
        Ids of old objects that stay as they are, wherever they lie; they do not grow either.

    Returns
    -------
    Resegmented
    """
    kept = reviewed | (np.isin(old, sorted(accepted)) & (old > 0))
    held = np.where(kept, old, 0)
    outside = np.where(kept, 0, new)
    names = np.zeros(int(new.max(initial=0)) + 1, np.int32)
    areas = np.bincount(new.ravel(), minlength=len(names))
    beyond = np.bincount(outside.ravel(), minlength=len(names))
    for one, identity in _continued(held, outside, new, accepted).items():
        names[one] = identity
    fresh = (beyond > 0) & (2 * beyond >= areas) & (names == 0)
    fresh[0] = False
    # ids of accepted objects that are gone stay theirs: a new one was accepted by nobody
    first = max(int(old.max(initial=0)), max(accepted, default=0)) + 1
    new_ids = {int(one): first + at for at, one in enumerate(np.flatnonzero(fresh))}
    names[list(new_ids)] = list(new_ids.values())
    labels = np.where(kept, old, names[outside]).astype(np.int32)
    return Resegmented(labels, new_ids)


def _continued(
    held: Labels, outside: Labels, new: Labels, accepted: Collection[int]
) -> dict[int, int]:
    """Return which kept object a new one continues, if any."""
    meeting = _borders(outside, held)
    pairs, common = _pairs(new, held)
    found = {}
    for at in np.argsort(common, kind="stable"):  # the largest common part comes last
        one, identity = pairs[at]
        if identity not in accepted and (one, identity) in meeting:
            found[one] = identity
    return found


def _borders(outside: Labels, held: Labels) -> set[tuple[int, int]]:
    """Return which objects outside touch which kept ones along an edge of pixels."""
    found: set[tuple[int, int]] = set()
    for a, b in ((outside, held), (outside.T, held.T)):
        for one, other in ((a[1:], b[:-1]), (a[:-1], b[1:])):
            found.update(_pairs(one, other)[0])
    return found


def _pairs(one: Labels, other: Labels) -> tuple[list[tuple[int, int]], npt.NDArray[np.intp]]:
    """Return which objects of both lie on the same pixels, in order, and on how many."""
    both = (one > 0) & (other > 0)
    # one number for each pair: unlike rows, numbers are sorted while the window goes on
    keys = one[both].astype(np.int64) << 32 | other[both]
    pairs, counts = np.unique(keys, return_counts=True)
    return [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in pairs], counts
