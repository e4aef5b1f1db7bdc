from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box
from napari_selfreg.core.views import BoxView

PICTURE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("rows", [slice(None), slice(2, 5), slice(4, 99), slice(6, 6)])
def test_rows_are_those_of_the_part(rows: slice) -> None:
    box = Box(3, 7, 15, 22)
    view = BoxView(PICTURE, box)
    assert view.shape == (12, 15, 3)
    np.testing.assert_array_equal(view[rows], PICTURE[box.slices][rows])


def test_only_what_is_asked_for_is_read() -> None:
    read: list[Any] = []

    class Slow:
        def __getitem__(self, index: Any) -> Any:
            read.append(index)
            return PICTURE[index]

    view = BoxView(Slow(), Box(3, 7, 15, 22))
    assert read == []
    view[2:4]
    assert read == [(slice(5, 7), slice(7, 22))]
