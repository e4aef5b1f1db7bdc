"""Parts of pictures whose sides a network of four poolings accepts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from napari_selfreg.core.types import Box


@st.composite
def crops(draw: Any, rows: int, columns: int) -> tuple[tuple[int, int], Box]:
    """Draw a shape of at most so many strides of 16 pixels, and a box inside it."""
    height, width = draw(st.integers(1, rows)) * 16, draw(st.integers(1, columns)) * 16
    y0, x0 = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    y1, x1 = draw(st.integers(y0 + 1, height)), draw(st.integers(x0 + 1, width))
    return (height, width), Box(y0, x0, y1, x1)
