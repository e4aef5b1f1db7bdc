from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_files import labels_from_array, object_labels, read_labels

MASK = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)
BINARY = [[0, 1, 1], [0, 0, 1]]
IDS = np.array([[0, 1, 2], [255, 0, 7]], np.uint8)


def saved(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_0_and_255_only_is_a_binary_mask(tmp_path: Path, suffix: str) -> None:
    labels = read_labels(saved(tmp_path / f"a{suffix}", MASK))
    assert labels.dtype == np.int32
    assert labels.tolist() == BINARY


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_other_values_are_ids_and_255_is_one(tmp_path: Path, suffix: str) -> None:
    assert read_labels(saved(tmp_path / f"a{suffix}", IDS)).tolist() == IDS.tolist()


def test_lossless_webp_is_grey_stored_as_colour(tmp_path: Path) -> None:
    assert read_labels(saved(tmp_path / "a.webp", IDS, lossless=True)).tolist() == IDS.tolist()


def test_all_foreground_and_all_background(tmp_path: Path) -> None:
    full = np.full((2, 2), 255, np.uint8)
    assert read_labels(saved(tmp_path / "full.png", full)).tolist() == [[1, 1], [1, 1]]
    assert not read_labels(saved(tmp_path / "empty.png", full * 0)).any()


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


@pytest.mark.parametrize("depth", [2, 4])
def test_narrow_png_keeps_its_ids(tmp_path: Path, depth: int) -> None:
    (tmp_path / "a.png").write_bytes(_narrow_png(np.array([[0, 1, 3], [2, 0, 1]], np.uint8), depth))
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1, 3], [2, 0, 1]]


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_grey_copied_into_colours_counts_and_alpha_does_not(tmp_path: Path, channels: int) -> None:
    colours = np.repeat(IDS[..., None], channels, axis=-1)
    if channels in {2, 4}:
        colours[..., -1] = 9
    assert read_labels(saved(tmp_path / "a.png", colours)).tolist() == IDS.tolist()


def test_16_bit_colour_png_loses_no_id(tmp_path: Path) -> None:
    ids = np.array([[0, 256], [257, 65535]], np.uint16)
    grey = imagecodecs.png_encode(ids)
    colour = imagecodecs.png_encode(np.repeat(ids[..., None], 3, axis=-1))
    for name, data in (("grey.png", grey), ("colour.png", colour)):
        (tmp_path / name).write_bytes(data)
        assert read_labels(tmp_path / name).tolist() == ids.tolist()


def test_colours_are_no_labels(tmp_path: Path) -> None:
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 0, 1] = 255
    with pytest.raises(BadInputError, match=r"red\.png holds colours"):
        read_labels(saved(tmp_path / "red.png", colours))


def test_a_coloured_palette_gives_indices_and_a_grey_one_its_grey(tmp_path: Path) -> None:
    index = np.array([[0, 1], [2, 1]], np.uint8)
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "colour.png")
    assert read_labels(tmp_path / "colour.png").tolist() == index.tolist()
    picture.putpalette([255, 255, 255, 0, 0, 0, 255, 255, 255])  # 0 is white, 1 is black
    picture.save(tmp_path / "grey.png")
    assert read_labels(tmp_path / "grey.png").tolist() == [[1, 0], [1, 0]]


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


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 3), np.uint8), "no pixels"),
        (np.array([[0.5]]), "fractions"),
        (np.array([[np.nan]]), "no numbers"),
        (np.array([[-1]]), "outside"),
        (np.array([[2**31]]), "outside"),
        (np.array([[1j]]), "no numbers"),
        (np.zeros((2, 2, 5), np.uint8), "several planes"),
        (np.zeros(4, np.uint8), "several planes"),
    ],
)
def test_numbers_that_are_no_labels(array: np.ndarray, reason: str) -> None:
    with pytest.raises(
        BadInputError, match=f"thing {'has' if 'pix' in reason else 'holds'}.*{reason}"
    ):
        labels_from_array(array, "thing")


def test_sizes_must_match_the_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", MASK)
    assert read_labels(path, (2, 3)).shape == (2, 3)
    with pytest.raises(BadInputError, match=r"a\.png is 3 x 2 pixels but its image is 2 x 3"):
        read_labels(path, (3, 2))


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


def test_outlines_need_the_size_of_their_image(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.xml holds outlines"):
        read_labels(tmp_path / "a.xml")


def test_a_single_value_is_split_into_components() -> None:
    diagonal = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 0], [5, 5, 0]], np.int32)
    assert object_labels(diagonal).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [2, 2, 0]]


def test_several_values_are_objects_already() -> None:
    scattered = np.array([[1, 0, 1], [2, 0, 0]], np.int32)
    assert object_labels(scattered) is scattered
    assert not object_labels(np.zeros((2, 2), np.int32)).any()


@given(arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 254, 255])))
def test_foreground_is_never_changed(array: np.ndarray) -> None:
    labels = labels_from_array(array, "thing")
    assert np.array_equal(labels > 0, array > 0)
    assert np.array_equal(object_labels(labels) > 0, array > 0)
    assert np.array_equal(labels, array) or set(np.unique(array)) <= {0, 255}


def test_real_gland_labels(shared_data: Path) -> None:
    bmp = read_labels(shared_data / "glas" / "train_1_anno.bmp")
    png = read_labels(shared_data / "glas" / "train_10_anno.png")
    assert bmp.shape == png.shape == (522, 775)
    assert (len(np.unique(bmp)) - 1, len(np.unique(png)) - 1) == (7, 6)  # as index.csv says


def test_real_nuclei_and_real_masks(shared_data: Path) -> None:
    nuclei = read_labels(shared_data / "monuseg" / "instances" / "TCGA-21-5784-01Z-00-DX1.tif")
    assert nuclei.shape == (1000, 1000)
    assert len(np.unique(nuclei)) - 1 == 398
    name = "Adenocarcinoma__GT2014209-1-400-001.png"  # nothing but foreground
    assert (read_labels(shared_data / "ebhi" / "masks" / name) == 1).all()


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
