from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.preview import (
    FIELD_HEIGHT,
    PreviewField,
    draw_preview,
    outlines,
    scale_bar_um,
    write_preview,
)


def field(height: int = 60, width: int = 80, *, empty: bool = False) -> PreviewField:
    rgb = np.full((height, width, 3), 200, np.uint8)
    objects = np.zeros((height, width), np.int32)
    if not empty:
        objects[10:30, 20:50] = 7
    return PreviewField(rgb, objects, PixelSize(1.0, 1.0), "Field µ", "1 object")


def test_fields_stand_in_a_row_with_their_own_shape() -> None:
    one, two = draw_preview([field()], "x"), draw_preview([field(), field(60, 30)], "x")
    assert one.height == two.height
    assert one.height > FIELD_HEIGHT
    assert two.width - one.width == FIELD_HEIGHT // 2 + (one.width - FIELD_HEIGHT * 80 // 60) // 2


def test_an_object_leaves_a_line_and_none_leaves_none() -> None:
    with_object = np.asarray(draw_preview([field()], "x"), int)
    without = np.asarray(draw_preview([field(empty=True)], "x"), int)
    changed = np.abs(with_object - without).sum(axis=2) > 60
    rows, columns = np.nonzero(changed)
    scale = FIELD_HEIGHT / 60
    assert rows.max() - rows.min() == pytest.approx(20 * scale, abs=10)
    assert columns.max() - columns.min() == pytest.approx(30 * scale, abs=10)
    inside = changed[rows.min() + 30 : rows.max() - 30, columns.min() + 30 : columns.max() - 30]
    assert not inside.any()


def test_outlines_run_along_the_edge_of_the_pixels() -> None:
    objects = np.zeros((40, 40), np.int32)
    objects[5:25, 10:30] = 3
    (line,) = outlines(objects)
    assert np.array_equal(line[0], line[-1])
    np.testing.assert_allclose(line.min(axis=0), [5, 10], atol=0.3)
    np.testing.assert_allclose(line.max(axis=0), [25, 30], atol=0.3)


def test_holes_and_gaps_in_the_numbering_are_kept() -> None:
    objects = np.zeros((50, 50), np.int32)
    objects[5:45, 5:45] = 9
    objects[20:30, 20:30] = 0
    assert len(list(outlines(objects))) == 2


@given(st.floats(0.5, 1e6))
def test_scale_bars_are_round_and_fit(width_um: float) -> None:
    length = scale_bar_um(width_um)
    assert width_um / 10 * 0.99 <= length <= width_um / 4
    mantissa = length / 10 ** np.floor(np.log10(length) + 1e-9)
    assert min(abs(mantissa - step) for step in (1, 2, 5)) < 1e-6


def test_the_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    write_preview(path, [field()], "heading")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
    (tmp_path / "taken").mkdir()
    with pytest.raises(WriteError):
        write_preview(tmp_path / "taken", [field()], "heading")


def test_missing_fonts_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_selfreg.io import preview

    monkeypatch.setattr(preview, "find_spec", lambda _: None)
    preview.text_font.cache_clear()
    try:
        assert draw_preview([field()], "x").width > 0
    finally:
        preview.text_font.cache_clear()
