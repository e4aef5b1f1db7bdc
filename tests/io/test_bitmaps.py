from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.images import open_image
from napari_selfreg.io.label_files import read_labels

INDEX = (np.arange(35).reshape(5, 7) % 3 == 0).astype(np.uint8)


def grey_palette_bmp(path: Path, index: np.ndarray, greys: list[int]) -> Path:
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([value for grey in greys for value in (grey,) * 3])
    picture.save(path)
    return path


def four_bit_bmp(path: Path, index: np.ndarray, greys: list[int]) -> Path:
    """A BMP of 4 bits with the header of OS/2, which no library here writes."""
    height, width = index.shape
    row_bytes = (width * 4 + 31) // 32 * 4
    rows = b""
    for row in index[::-1]:
        nibbles = "".join(f"{value:x}" for value in row).ljust(row_bytes * 2, "0")
        rows += bytes.fromhex(nibbles)
    palette = b"".join(bytes([grey] * 3) for grey in (greys + [0] * 16)[:16])
    start = 14 + 12 + len(palette)
    header = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    header += struct.pack("<IHHHH", 12, width, height, 1, 4)
    path.write_bytes(header + palette + rows)
    return path


def test_a_mask_of_two_colours_and_eight_bits_is_no_one_bit_picture(tmp_path: Path) -> None:
    path = grey_palette_bmp(tmp_path / "a.bmp", INDEX, [0, 255])
    assert np.array_equal(read_labels(path), INDEX)
    with open_image(path) as source:
        assert np.array_equal(source.read()[..., 0], INDEX * 255)


def test_four_bits_with_a_palette_of_greys(tmp_path: Path) -> None:
    index = (np.arange(35).reshape(5, 7) % 16).astype(np.uint8)
    path = four_bit_bmp(tmp_path / "a.bmp", index, list(range(16)))
    assert np.array_equal(read_labels(path), index)


def test_one_bit_and_plain_grey_are_read_as_before(tmp_path: Path) -> None:
    Image.fromarray(INDEX * 255).convert("1").save(tmp_path / "one.bmp")
    Image.fromarray(INDEX * 9).save(tmp_path / "grey.bmp")
    assert np.array_equal(read_labels(tmp_path / "one.bmp"), INDEX)
    assert np.array_equal(read_labels(tmp_path / "grey.bmp"), INDEX * 9)


def test_a_damaged_one_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.uint8)
    path = grey_palette_bmp(tmp_path / "a.bmp", noise, [0, 255])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInputError, match=r"a\.bmp is damaged"):
        read_labels(path)
