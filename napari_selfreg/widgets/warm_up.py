"""Have napari load what its first Labels layer needs, in a thread that has the time for it."""

from __future__ import annotations

from functools import cache

import numpy as np


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
