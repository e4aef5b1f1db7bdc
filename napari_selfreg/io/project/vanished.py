"""What was said about an object goes with its last pixel, and comes back when that does.

An id may be given to another object once its own is gone. Without this the new object would have
the class of the old one, and would be accepted before anybody has looked at it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box
from napari_selfreg.io.project.records import Labels, ObjectState

Places = npt.NDArray[np.intp]

_SAMPLE = 64
"""So many pixels are enough to know an object by."""

_FEW = 8
_NEAR = 32


@dataclass(frozen=True, slots=True, eq=False)
class _Gone:
    """An object as it was before its last pixels went."""

    state: ObjectState
    places: Places
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """The pixels that an edit changes.

    Parameters
    ----------
    places : ndarray of int, shape (n,)
        In the labels, counted row by row.
    before : ndarray of int32, shape (n,)
        Ids there before the edit.
    box : Box
        Around all of them.
    """

    places: Places
    before: Labels
    box: Box

    @classmethod
    def by(cls, labels: Labels, blocks: Iterable[tuple[Box, Labels]]) -> Changed:
        """Return what blocks would change in labels, shape (Y, X)."""
        places, before, boxes = [np.zeros(0, np.intp)], [np.zeros(0, np.int32)], []
        for box, after in blocks:
            rows, columns = np.nonzero(labels[box.slices] != after)
            before.append(labels[box.slices][rows, columns])
            places.append((rows + box.y0) * labels.shape[1] + columns + box.x0)
            boxes.append((box.y0, box.x0, box.y1, box.x1))
        ends = list(zip(*boxes, strict=True)) or [(0,)] * 4
        around = Box(min(ends[0]), min(ends[1]), max(ends[2]), max(ends[3]))
        return cls(np.concatenate(places), np.concatenate(before), around)


class Vanished:
    """The objects of a field whose last pixel went while the project was open."""

    def __init__(self) -> None:
        self._gone: dict[int, list[_Gone]] = {}
        self._absent: set[int] = set()

    def __bool__(self) -> bool:
        """Whether any object is remembered."""
        return bool(self._gone)

    def copy(self) -> Vanished:
        """Return one that goes on by itself."""
        other = Vanished()
        other._gone = {one: list(gone) for one, gone in self._gone.items()}
        other._absent = set(self._absent)
        return other

    def follow(
        self, labels: Labels, changed: Changed, objects: Mapping[int, ObjectState]
    ) -> dict[int, ObjectState]:
        """Return the facts that follow from an edit: unknown for what is gone, or as before.

        Parameters
        ----------
        labels : ndarray of int32, shape (Y, X)
            After the edit.
        changed : Changed
            What it has changed.
        objects : mapping of int to ObjectState
            Facts before the edit.

        Returns
        -------
        dict of int to ObjectState
        """
        nothing = ObjectState()
        was = {one: objects.get(one, nothing) for one in _distinct(changed.before) if one}
        told = [one for one, said in was.items() if said != nothing or one in self._gone]
        left = _present(labels, told, changed.box)
        lost = [one for one in told if one not in left]
        back = self._back(labels, changed)
        for one, places, count in _grouped(changed, lost):
            few = np.linspace(0, places.size - 1, min(_SAMPLE, places.size)).astype(np.intp)
            self._gone.setdefault(one, []).append(_Gone(was[one], places[few], count))
            self._absent.add(one)
        return {one: nothing for one in lost if was[one] != nothing} | back

    def _back(self, labels: Labels, changed: Changed) -> dict[int, ObjectState]:
        """Return the facts about objects whose last pixels are theirs again."""
        if not self._absent:
            return {}
        flat = labels.ravel()
        found: dict[int, ObjectState] = {}
        for one in self._absent.intersection(_distinct(flat[changed.places])):
            self._absent.discard(one)
            fitting = [gone for gone in self._gone[one] if (flat[gone.places] == one).all()]
            if fitting:  # an id may have been gone twice: the larger part says more
                gone = max(reversed(fitting), key=lambda each: each.count)
                self._gone[one].remove(gone)
                found[one] = gone.state
        return found


def _present(labels: Labels, ids: Collection[int], box: Box) -> set[int]:
    """Return which of the ids have a pixel; the rest of an object is most often near."""
    if len(ids) > _FEW:
        return set(_distinct(labels.ravel())).intersection(ids)
    y, x = max(0, box.y0 - _NEAR), max(0, box.x0 - _NEAR)
    near = labels[y : box.y1 + _NEAR, x : box.x1 + _NEAR]
    return {one for one in ids if (near == one).any() or (labels == one).any()}


def _grouped(changed: Changed, ids: Collection[int]) -> list[tuple[int, Places, int]]:
    """Return for each of some objects where its changed runs begin, and their pixels in all."""
    heads = np.flatnonzero(_heads(changed.before))
    lengths = np.diff(np.append(heads, changed.before.size))
    mine = np.isin(changed.before[heads], list(ids))
    heads, lengths = heads[mine], lengths[mine]
    order = np.argsort(changed.before[heads], kind="stable")
    found, starts = np.unique(changed.before[heads][order], return_index=True)
    parts = np.split(order, starts[1:])
    return [
        (one, changed.places[heads[part]], int(lengths[part].sum()))
        for one, part in zip(found.tolist(), parts, strict=False)
    ]


def _distinct(ids: Labels) -> list[int]:
    """Return every id once, ascending; those that follow themselves need no sorting."""
    return list(np.unique(ids[_heads(ids)]).tolist())


def _heads(ids: Labels) -> npt.NDArray[np.bool_]:
    """Return where ids differ from the one before."""
    return np.append(np.ones(min(1, ids.size), np.bool_), ids[1:] != ids[:-1])
