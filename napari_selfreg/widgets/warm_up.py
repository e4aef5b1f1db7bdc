"""Have napari load what its first Labels layer needs, in a thread that has the time for it."""

from __future__ import annotations

from functools import cache

import numpy as np


def make_units() -> None:
    """Have napari read its units, which every layer needs, in the thread of the window.

    pint reads them when it is first asked for one, and whoever asks from another thread meanwhile
    finds most of them missing: then a picture could not be opened.
    """
    from napari.utils.transforms import Affine

    Affine()  # has units


@cache
def warm_labels() -> None:
    """Make a small Labels layer with features and outlines, and forget it.

    The first one loads pandas, numba's compiled parts and more, which takes half a second: in the
    window's thread it would stop the window just when the result appears. Layers without a viewer
    belong to no thread.
    """
    from napari.layers import Labels

    layer = Labels(np.ones((4, 4), dtype=np.int32), features={"index": np.array([1])})
    layer.contour = 1
