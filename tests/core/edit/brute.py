"""Slow and plain ways to the same answers, and what holds for every edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_selfreg.core.edit import Edit, apply

Labels = npt.NDArray[np.int32]
Pixel = tuple[int, int]

LABELS = arrays(
    np.int32,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7),
    elements=st.integers(0, 3),
    fill=st.nothing(),
)
MASKS = arrays(
    bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7), fill=st.nothing()
)
BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))
AROUND = (*BESIDE, (-1, -1), (-1, 1), (1, -1), (1, 1))


def picture(text: str) -> Labels:
    """Return labels from lines of digits; a dot is background."""
    rows = [[int(sign) for sign in row.replace(".", "0")] for row in text.split()]
    return np.array(rows, dtype=np.int32)


def edited(labels: Labels, tool: Callable[[], Edit]) -> Labels:
    """Return the labels after a tool, having checked all that holds for every edit."""
    kept = labels.copy()
    edit = tool()
    np.testing.assert_array_equal(labels, kept)
    assert edit.before.shape == edit.after.shape == edit.box.shape
    np.testing.assert_array_equal(edit.before, labels[edit.box.slices])
    after = labels.copy()
    apply(after, edit)
    changed = np.argwhere(after != labels)
    assert bool(edit) == bool(len(changed))
    if edit:
        assert edit.after.dtype == labels.dtype
        (y0, x0), (y1, x1) = changed.min(axis=0), changed.max(axis=0) + 1
        assert (edit.box.y0, edit.box.x0, edit.box.y1, edit.box.x1) == (y0, x0, y1, x1)
    touched = {int(ids[y, x]) for ids in (labels, after) for y, x in changed} - {0}
    assert edit.ids == tuple(sorted(touched))
    rows, columns, values = edit.pixels()
    painted = labels.copy()
    painted[rows, columns] = values
    np.testing.assert_array_equal(painted, after)
    assert len(rows) == len(changed)
    back = after.copy()
    apply(back, edit.reversed())
    np.testing.assert_array_equal(back, labels)
    return after


def flood(
    passable: npt.NDArray[np.bool_],
    seeds: Iterable[Pixel],
    steps: tuple[Pixel, ...] = BESIDE,
) -> set[Pixel]:
    """Return the passable pixels that are connected with passable seeds."""
    height, width = passable.shape
    waiting = [
        (int(y), int(x)) for y, x in seeds if 0 <= y < height and 0 <= x < width and passable[y, x]
    ]
    found = set(waiting)
    while waiting:
        y, x = waiting.pop()
        for dy, dx in steps:
            there = (y + dy, x + dx)
            inside = 0 <= there[0] < height and 0 <= there[1] < width
            if inside and there not in found and passable[there]:
                found.add(there)
                waiting.append(there)
    return found


def parts_of(mask: npt.NDArray[np.bool_]) -> list[set[Pixel]]:
    """Return the 4-connected parts of a mask in reading order."""
    parts: list[set[Pixel]] = []
    for y, x in np.argwhere(mask):
        if not any((y, x) in part for part in parts):
            parts.append(flood(mask, [(y, x)]))
    return parts


def pixels(mask: npt.NDArray[Any]) -> set[Pixel]:
    """Return the places of nonzero values."""
    return {(int(y), int(x)) for y, x in np.argwhere(mask)}


def without_holes(own: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return a mask and all that cannot reach the border without crossing it."""
    edge = np.ones(own.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    outside = flood(~own, np.argwhere(edge), AROUND)
    filled = np.ones(own.shape, dtype=bool)
    for place in outside:
        filled[place] = False
    return filled
