from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io import memory
from napari_selfreg.io.images import open_image
from napari_selfreg.io.sources import ImageSource, one_level
from tests.io.image_files import tissue, write_pyramid


def test_a_picture_in_memory() -> None:
    source = one_level("a.png", "a", tissue(), PixelSize(0.5, 0.5))
    assert source.shape == (40, 60)
    assert not source.lazy
    assert np.array_equal(source.read(), tissue())
    assert np.array_equal(source.read(Box(5, 6, 10, 999)), tissue()[5:10, 6:])


def test_no_pixels() -> None:
    with pytest.raises(BadInputError, match="has no pixels: choose"):
        one_level("a.png", "a", np.zeros((0, 5, 3), np.uint8))


@pytest.mark.parametrize(("um", "usable"), [(0.5, True), (352.9, False)])
def test_an_absurd_pixel_size_is_kept_for_the_message_only(um: float, usable: bool) -> None:
    source = one_level("a.tif", "a", tissue(), PixelSize(um, um))
    assert source.stated == PixelSize(um, um)
    assert (source.pixel_size is not None) == usable
    choice = source.choose_pixel_size(None, 1.24)
    assert choice.source == ("file" if usable else "model")
    assert usable or str(choice.warning).startswith("a.tif states 352.9")


def test_boxes_of_a_lazy_level(tmp_path: Path) -> None:
    levels = write_pyramid(tmp_path / "a.tif", tissue(100, 130))
    with open_image(tmp_path / "a.tif") as source:
        assert source.lazy
        assert np.array_equal(source.read(Box(-3, 90, 20, 500)), levels[0][:20, 90:])
        assert np.array_equal(source.read(level=2), levels[2])


def test_reading_too_much_of_a_slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pyramid(tmp_path / "a.tif", tissue(100, 130))
    with open_image(tmp_path / "a.tif") as source:
        monkeypatch.setattr(memory, "free_memory", lambda: 2000)
        assert source.read(Box(0, 0, 10, 10)).shape == (10, 10, 3)
        with pytest.raises(BadInputError, match=r"^a\.tif needs"):
            source.read()


def test_leaving_the_context_closes() -> None:
    closed = []
    source = ImageSource("a", "a", (tissue(),), on_close=lambda: closed.append(True))
    with source:
        assert not closed
    assert closed == [True]
