from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.io.sections import may_be_section


@pytest.mark.parametrize(
    ("shape", "dtype", "arguments", "expected"),
    [
        ((8, 9, 3), np.uint8, {"photometric": "rgb"}, True),
        ((8, 9, 3), np.uint16, {"photometric": "rgb"}, True),
        ((3, 8, 9), np.uint8, {"metadata": {"axes": "CYX"}}, True),
        ((8, 9), np.uint8, {}, False),
        ((8, 9), np.int32, {}, False),
        ((5, 8, 9), np.uint8, {}, False),
        ((5, 8, 9, 3), np.uint8, {"photometric": "rgb"}, False),
        ((4, 8, 9), np.uint16, {"metadata": {"axes": "CYX"}, "photometric": "minisblack"}, False),
    ],
)
def test_tiffs(
    tmp_path: Path, shape: tuple[int, ...], dtype: Any, arguments: dict[str, Any], expected: bool
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros(shape, dtype), **arguments)
    assert may_be_section(path) is expected


def test_the_largest_picture_of_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((8, 8), np.uint8), photometric="minisblack")
        writer.write(np.zeros((80, 80, 3), np.uint8), photometric="rgb")
    assert may_be_section(path)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("RGB", True), ("RGBA", True), ("P", True), ("L", False), ("I;16", False), ("1", False)],
)
def test_pictures(tmp_path: Path, mode: str, expected: bool) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (9, 8)).save(path)
    assert may_be_section(path) is expected


@pytest.mark.parametrize("content", [b"", b"II*\0 and nothing more", b"\x89PNG\r\n\x1a\n", b"text"])
def test_what_is_damaged_is_left_to_the_reader_that_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert may_be_section(path)


def test_slides_are_sections(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(128) + b"DICM")
    assert may_be_section(path)
