from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_files import read_labels
from tests.io.test_label_files import BINARY, IDS, MASK, saved


def test_lossless_webp_is_grey_stored_as_colour(tmp_path: Path) -> None:
    assert read_labels(saved(tmp_path / "a.webp", IDS, lossless=True)).tolist() == IDS.tolist()


def test_one_bit_pictures(tmp_path: Path) -> None:
    picture = Image.fromarray(MASK).convert("1")
    for name in ("a.png", "a.bmp"):
        picture.save(tmp_path / name)
        assert read_labels(tmp_path / name).tolist() == BINARY
    tifffile.imwrite(tmp_path / "a.tif", MASK > 0)
    assert read_labels(tmp_path / "a.tif").tolist() == BINARY


def test_one_bit_tiff_where_0_is_white(tmp_path: Path) -> None:
    options = {"photometric": "miniswhite", "software": "scanner"}
    tifffile.imwrite(tmp_path / "a.tif", MASK == 0, **options)
    assert read_labels(tmp_path / "a.tif").tolist() == BINARY


def test_8_bit_tiff_where_0_is_white(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", 255 - MASK, photometric="miniswhite")
    assert read_labels(tmp_path / "a.tif").tolist() == BINARY


def test_ids_stay_what_they_are_however_they_are_shown(tmp_path: Path) -> None:
    for ids in (IDS.astype(np.uint8), (IDS > 0).astype(np.uint8)):
        tifffile.imwrite(tmp_path / "a.tif", ids, photometric="miniswhite")
        assert read_labels(tmp_path / "a.tif").tolist() == ids.tolist()


def test_black_objects_of_imagej_are_objects(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MASK, photometric="miniswhite", imagej=True)
    assert read_labels(tmp_path / "a.tif").tolist() == BINARY


def test_pages_of_several_kinds_are_refused_as_equal_ones_are(tmp_path: Path) -> None:
    for name, second in (("two.tif", IDS.astype(np.int32)), ("small.tif", IDS[:1, :1])):
        with tifffile.TiffWriter(tmp_path / name) as writer:
            writer.write(IDS)
            writer.write(second)
    assert read_labels(tmp_path / "small.tif").tolist() == IDS.tolist()
    with pytest.raises(BadInputError, match=r"two\.tif holds several planes"):
        read_labels(tmp_path / "two.tif")


@pytest.mark.parametrize("depth", [2, 4])
def test_narrow_png_keeps_its_ids(tmp_path: Path, depth: int) -> None:
    (tmp_path / "a.png").write_bytes(_narrow_png(np.array([[0, 1, 3], [2, 0, 1]], np.uint8), depth))
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1, 3], [2, 0, 1]]


def test_16_bit_colour_png_loses_no_id(tmp_path: Path) -> None:
    ids = np.array([[0, 256], [257, 65535]], np.uint16)
    grey = imagecodecs.png_encode(ids)
    colour = imagecodecs.png_encode(np.repeat(ids[..., None], 3, axis=-1))
    for name, data in (("grey.png", grey), ("colour.png", colour)):
        (tmp_path / name).write_bytes(data)
        assert read_labels(tmp_path / name).tolist() == ids.tolist()


def test_a_coloured_palette_gives_indices_and_a_grey_one_its_grey(tmp_path: Path) -> None:
    index = np.array([[0, 1], [2, 1]], np.uint8)
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "colour.png")
    assert read_labels(tmp_path / "colour.png").tolist() == index.tolist()
    picture.putpalette([255, 255, 255, 0, 0, 0, 255, 255, 255])  # 0 is white, 1 is black
    picture.save(tmp_path / "grey.png")
    assert read_labels(tmp_path / "grey.png").tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
def test_a_palette_of_one_colour_gives_indices(tmp_path: Path, name: str) -> None:
    index = np.array([[0, 1], [2, 1]], np.uint8)
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([0] * 9)
    picture.save(tmp_path / name)
    assert read_labels(tmp_path / name).tolist() == index.tolist()


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32", "int64", "float32"])
def test_tiff_of_any_number_type(tmp_path: Path, dtype: str) -> None:
    ids = np.array([[0, 300], [40_000, 1]]).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", ids, compression="deflate")
    assert read_labels(tmp_path / "a.tif").tolist() == ids.tolist()


def test_tiff_layouts(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "planar.tif", np.stack([IDS] * 3), photometric="rgb", planarconfig="separate"
    )
    tifffile.imwrite(tmp_path / "page.tif", IDS[None, None], metadata={"axes": "ZCYX"})
    for name in ("planar.tif", "page.tif"):
        assert read_labels(tmp_path / name).tolist() == IDS.tolist()
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([IDS] * 5), photometric="minisblack")
    with pytest.raises(BadInputError, match=r"stack\.tif holds several planes"):
        read_labels(tmp_path / "stack.tif")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.webp"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    path = saved(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInputError, match=f"{name} is damaged"):
        read_labels(path)
    path.write_bytes(b"")
    with pytest.raises(BadInputError, match=f"{name} is empty"):
        read_labels(path)


def test_missing_files_folders_and_foreign_contents(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.png does not exist"):
        read_labels(tmp_path / "gone.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(BadInputError, match=r"folder\.png cannot be read"):
        read_labels(tmp_path / "folder.png")
    (tmp_path / "text.png").write_text("no picture at all, only words")
    with pytest.raises(BadInputError, match=r"text\.png is damaged or no label picture"):
        read_labels(tmp_path / "text.png")


def _narrow_png(values: np.ndarray, depth: int) -> bytes:
    """A grey PNG of 2 or 4 bits, which no library here writes."""
    import struct
    import zlib

    height, width = values.shape
    rows = b""
    for row in values:
        bits = "".join(format(value, f"0{depth}b") for value in row)
        bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
        rows += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
