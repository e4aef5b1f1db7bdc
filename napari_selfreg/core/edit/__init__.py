"""Tools that correct a label image: pure functions that say what would change.

Every tool looks at labels of shape (Y, X) and returns an `Edit`; nothing changes until somebody
applies it. Points are (y, x) in pixels of the array, with whole numbers on the centres of pixels.
"""

from __future__ import annotations

from napari_selfreg.core.edit.brush import SmartStroke
from napari_selfreg.core.edit.change import NOTHING, Edit, apply, next_id
from napari_selfreg.core.edit.chunk_diff import ChunkTracker
from napari_selfreg.core.edit.next_object import Place, next_object
from napari_selfreg.core.edit.objects import delete, fill_inside, merge, smooth_outline
from napari_selfreg.core.edit.split import split
from napari_selfreg.core.edit.wand import grow_probable, grow_similar

__all__ = [
    "NOTHING",
    "ChunkTracker",
    "Edit",
    "Place",
    "SmartStroke",
    "apply",
    "delete",
    "fill_inside",
    "grow_probable",
    "grow_similar",
    "merge",
    "next_id",
    "next_object",
    "smooth_outline",
    "split",
]
