from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.images import open_image
from napari_selfreg.io.tiff_layout import Layout
from tests.io.image_files import Array, smooth, tissue


def opened(path: Path, pixels: Array, **options: Any) -> tuple[Array, tuple[str, ...]]:
    tifffile.imwrite(path, pixels, **options)
    with open_image(path) as source:
        return source.read(), source.warnings


TILED = {"tile": (16, 16), "compression": "deflate"}


@pytest.mark.parametrize("options", [{}, TILED], ids=["flat", "tiled"])
def test_interleaved_planar_and_ome_channels(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = tissue()
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    rgb, _ = opened(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    assert np.array_equal(rgb, pixels)
    planar = {"photometric": "rgb", "planarconfig": "separate"}
    rgb, _ = opened(tmp_path / "b.tif", planes, **planar, **options)
    assert rgb.flags.c_contiguous
    assert rgb.flags.writeable
    assert np.array_equal(rgb, pixels)
    channels = {"photometric": "minisblack", "metadata": {"axes": "CYX"}}
    rgb, notes = opened(tmp_path / "c.ome.tif", planes, **channels, **options)
    assert np.array_equal(rgb, pixels)
    assert notes == (
        "c.ome.tif stores three separate channels; they are taken as red, green and blue.",
    )


def few_bits(path: Path, values: Array, bits: int, photometric: int) -> Path:
    """Write a grey picture of 2, 4 or 12 bits, which no library here writes."""
    rows, columns = values.shape
    digits = values.astype(">u2").view(np.uint8).reshape(rows, columns, 2)
    packed = np.packbits(np.unpackbits(digits, axis=2)[..., -bits:].reshape(rows, -1), axis=1)
    place = {256: columns, 257: rows, 258: bits, 259: 1, 262: photometric, 273: 8}
    entries = {**place, 277: 1, 278: rows, 279: packed.size}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in entries.items())
    head = b"II*\0" + struct.pack("<I", 8 + packed.size)
    count = struct.pack("<H", len(entries))
    path.write_bytes(head + packed.tobytes() + count + directory + bytes(4))
    return path


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_samples_of_few_bits_reach_from_black_to_white(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    values = np.rint(np.linspace(0, top, 16 * 24)).reshape(16, 24).astype(np.uint16)
    shown = []
    for photometric, stored in ((0, top - values), (1, values)):
        file = few_bits(tmp_path / f"{photometric}.tif", stored, bits, photometric)
        with open_image(file) as source:
            shown.append(source.read())
    assert np.array_equal(*shown)
    assert np.abs(shown[1][..., 0] - values * (255 / top)).max() < 1


def test_three_planes_without_a_name(tmp_path: Path) -> None:
    planes = np.ascontiguousarray(np.moveaxis(tissue(), 2, 0))
    rgb, notes = opened(tmp_path / "a.tif", planes, photometric="minisblack")
    assert np.array_equal(rgb, tissue())
    assert len(notes) == 1


def test_imagej_composite(tmp_path: Path) -> None:
    planes = np.ascontiguousarray(np.moveaxis(tissue(), 2, 0))
    rgb, _ = opened(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": "CYX"})
    assert np.array_equal(rgb, tissue())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "bool", "int32"])
def test_grey_of_any_type(tmp_path: Path, dtype: str) -> None:
    grey = tissue()[..., 0]
    scale = {"uint16": 257, "float32": 1 / 255, "float64": 1 / 255, "int32": 257}.get(dtype, 1)
    pixels = (grey > 99) if dtype == "bool" else (grey * np.float64(scale)).astype(dtype)
    expected = pixels * 255 if dtype == "bool" else grey
    rgb, _ = opened(tmp_path / "a.tif", pixels, photometric="minisblack")
    assert np.array_equal(rgb, np.stack([expected] * 3, axis=2))


def test_not_a_number_in_a_tiff(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 0.5, np.float32)
    pixels[0, 0] = np.nan
    rgb, notes = opened(tmp_path / "a.tif", pixels, photometric="minisblack")
    assert rgb[0, 0, 0] == 255
    assert rgb[1, 1, 0] == 128
    assert notes == ("a.tif holds values that are not numbers (1); they are shown as white.",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
def test_white_may_be_zero(tmp_path: Path, dtype: Any) -> None:
    pixels = np.zeros((20, 20), dtype)
    pixels[:10] = np.iinfo(dtype).max if dtype is not bool else True
    rgb, _ = opened(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[15, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("factor", [257, 1])
def test_palette(tmp_path: Path, factor: int) -> None:
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 0], colours[:, 1] = (10, 20, 30), (200, 100, 50)
    index = np.array([[0, 1], [1, 0]], np.uint8)
    options: dict[str, Any] = {"photometric": "palette", "colormap": colours * factor}
    rgb, _ = opened(tmp_path / "a.tif", index, **options)
    assert rgb.tolist() == [[[10, 20, 30], [200, 100, 50]], [[200, 100, 50], [10, 20, 30]]]


def test_cmyk(tmp_path: Path) -> None:
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 51]]], np.uint8)
    rgb, _ = opened(tmp_path / "a.tif", inks, photometric="separated")
    assert rgb[0].tolist() == [[255] * 3, [0, 255, 255], [0] * 3, [204] * 3]


def test_alpha(tmp_path: Path) -> None:
    rgba = np.dstack([tissue(), np.full((40, 60), 255, np.uint8)])
    rgba[20:, :, 3] = 0
    options: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    rgb, _ = opened(tmp_path / "a.tif", rgba, **options)
    assert np.array_equal(rgb[:20], tissue()[:20])
    assert rgb[20:].min() == 255


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16), "compression": "deflate"}])
def test_a_fourth_sample_is_alpha_only_where_it_is_declared(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    four = np.dstack([tissue(), np.zeros((40, 60), np.uint8)])
    for kind, note in (
        ("unspecified", "has a channel beside its colours that is not declared as alpha; it is"),
        ("unassalpha", "has an alpha channel that hides all of it; it is ignored"),
    ):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, four, photometric="rgb", extrasamples=[kind], **options)
        with open_image(path) as source:
            assert np.array_equal(source.read(), tissue())
            (warning,) = source.warnings
        assert warning.startswith(f"a.tif {note}")


def test_a_second_sample_of_grey_is_alpha_only_where_it_is_declared(tmp_path: Path) -> None:
    two = np.full((8, 8, 2), 9, np.uint8)
    options: dict[str, Any] = {"photometric": "minisblack", "extrasamples": ["unspecified"]}
    rgb, _ = opened(tmp_path / "a.tif", two, planarconfig="contig", **options)
    assert rgb.max() == rgb.min() == 9


def test_ycbcr_that_no_codec_converts(tmp_path: Path) -> None:
    from PIL import Image

    ycbcr = np.asarray(Image.fromarray(smooth(32, 32)).convert("YCbCr"))
    for options in ({}, {"tile": (16, 16), "compression": "APERIO_JP2000_YCBC"}):
        photometric = "rgb" if options else "ycbcr"
        rgb, _ = opened(tmp_path / "a.tif", ycbcr, photometric=photometric, **options)
        assert np.abs(rgb.astype(int) - smooth(32, 32)).max() <= 3


def refused(path: Path, pixels: Array, **options: Any) -> str:
    tifffile.imwrite(path, pixels, **options)
    with pytest.raises(BadInputError) as caught:
        open_image(path)
    assert str(caught.value).startswith(path.name)
    return str(caught.value)


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "ZYXS"])
def test_stacks_are_refused_with_the_remedy(tmp_path: Path, axes: str) -> None:
    pixels = np.zeros((5, 16, 16, 3)[: len(axes)], np.uint8)
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    options: dict[str, Any] = {"photometric": photometric, "metadata": {"axes": axes}}
    message = refused(tmp_path / "stack.ome.tif", pixels, **options)
    assert "is a stack of 5 planes" in message
    assert "save the one plane you need" in message


def test_planes_of_colours_are_counted_and_not_their_colours(tmp_path: Path) -> None:
    pixels = np.zeros((5, 16, 16, 3), np.uint8)
    message = refused(tmp_path / "stack.tif", pixels, photometric="rgb")  # QYXS to tifffile
    assert "is a stack of 5 planes" in message


def test_a_stack_of_one_plane_is_a_picture(tmp_path: Path) -> None:
    pixels = tissue()[np.newaxis]
    rgb, _ = opened(tmp_path / "a.ome.tif", pixels, photometric="rgb", metadata={"axes": "ZYXS"})
    assert np.array_equal(rgb, tissue())


def test_pages_of_one_size_are_a_stack(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for _ in range(3):
            writer.write(tissue(), photometric="rgb", metadata=None, contiguous=False)
    with pytest.raises(BadInputError, match=r"^pages\.tif is a stack of 3 planes"):
        open_image(tmp_path / "pages.tif")


@pytest.mark.parametrize("n_channels", [2, 4, 5, 7])
def test_fluorescence_channels_are_refused(tmp_path: Path, n_channels: int) -> None:
    pixels = np.zeros((n_channels, 16, 16), np.uint8)
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": {"axes": "CYX"}}
    message = refused(tmp_path / "five.ome.tif", pixels, **options)
    assert f"has {n_channels} channels" in message
    assert "save it as an RGB picture" in message


def test_grey_with_an_alpha_sample(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 2), 255, np.uint8)
    pixels[..., 0] = 9
    pixels[4:, :, 1] = 0
    options: dict[str, Any] = {"photometric": "minisblack", "extrasamples": ["unassalpha"]}
    rgb, _ = opened(tmp_path / "a.tif", pixels, planarconfig="contig", **options)
    assert rgb[0, 0].tolist() == [9, 9, 9]
    assert rgb[4, 0].tolist() == [255, 255, 255]


def test_rare_colours(tmp_path: Path) -> None:
    message = refused(tmp_path / "lab.tif", tissue(), photometric="cielab")
    assert "rare way: save it as RGB" in message


def test_complex_numbers(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.complex64)
    assert "are no picture" in refused(tmp_path / "c.tif", pixels, photometric="minisblack")


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (40, 1, 3)])
def test_very_small_pictures(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.full(shape, 7, np.uint8)
    rgb, _ = opened(tmp_path / "a.tif", pixels, photometric="rgb")
    assert np.array_equal(rgb, pixels)


@pytest.mark.filterwarnings("ignore:.*zero-size")
def test_no_pixels(tmp_path: Path) -> None:
    assert refused(tmp_path / "zero.tif", np.zeros((0, 5), np.uint8), photometric="minisblack")


def test_layout_reads_what_it_needs_only() -> None:
    asked: list[Any] = []

    class Stored:
        def __getitem__(self, key: Any) -> Array:
            asked.append(key)
            return np.zeros((3, 4, 5), np.uint8)

    picture = Layout("SYX", (10, 10), 2).cut(Stored(), 1, 5, 2, 7)
    assert asked == [(slice(None), slice(1, 5), slice(2, 7))]
    assert picture.shape == (4, 5, 3)
