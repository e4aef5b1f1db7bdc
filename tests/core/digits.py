"""Labels written as digits, for the tests of this room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def picture(text: str) -> npt.NDArray[np.int32]:
    """Return the labels of rows of digits."""
    return np.array([[int(c) for c in row] for row in text.split()], dtype=np.int32)
