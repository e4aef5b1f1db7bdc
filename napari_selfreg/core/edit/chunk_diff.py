"""Which blocks of a label image changed since the last look, whoever changed them.

Some changes come without a word about where (undo, redo, a script): only comparing finds them.
"""

from __future__ import annotations

from collections.abc import Iterator

from napari_selfreg.core.edit.change import Edit, Labels, difference, whole
from napari_selfreg.core.types import Box


class ChunkTracker:
    """Remember a label image, and find what became different.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        State that counts as known; it is copied.
    chunk : int
        Side of the blocks in pixels, at least 1.

    Raises
    ------
    ValueError
        If `chunk` is less than 1.
    """

    def __init__(self, labels: Labels, chunk: int = 256) -> None:
        if chunk < 1:
            raise ValueError("a block needs at least one pixel")
        self._known = labels.copy()
        self._chunk = chunk

    def update(self, labels: Labels, within: Box | None = None) -> tuple[Edit, ...]:
        """Return what changed since the last call, and take it as known.

        Parameters
        ----------
        labels : ndarray of int, shape (Y, X)
            The present state.
        within : Box, optional
            Look only here: nothing else can have changed. By default everywhere.

        Returns
        -------
        tuple of Edit
            At most one per block, from the known state to the present one, in reading order.

        Raises
        ------
        ValueError
            If `labels` has another shape: begin a new tracker.
        """
        if labels.shape != self._known.shape:
            raise ValueError(f"labels of {labels.shape} instead of {self._known.shape}")
        return tuple(filter(None, (self._look(labels, box) for box in self._blocks(within))))

    def _look(self, labels: Labels, box: Box) -> Edit:
        """Return the change of one block, and remember it."""
        known, present = self._known[box.slices], labels[box.slices]
        edit = difference(box, known, present)
        if edit:
            known[...] = present
        return edit

    def _blocks(self, within: Box | None) -> Iterator[Box]:
        """Yield the blocks that hold a part of a box, cut to the image."""
        image, step = whole(self._known), self._chunk
        wanted = image if within is None else image.intersect(within)
        if wanted.empty:
            return
        for y in range(wanted.y0 // step * step, wanted.y1, step):
            for x in range(wanted.x0 // step * step, wanted.x1, step):
                yield Box(y, x, y + step, x + step).intersect(image)
