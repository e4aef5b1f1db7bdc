from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import memory, tiffs
from napari_selfreg.io.images import open_image
from napari_selfreg.io.lazy import LazyLevel
from tests.io.image_files import tissue, write_pyramid, write_svs


def is_open(path: Path) -> bool:
    """Whether this process holds the file, by handle or by mapping."""
    process = psutil.Process()
    maps = [entry.path for entry in getattr(process, "memory_maps", list)()]
    return str(path) in [*maps, *(entry.path for entry in process.open_files())]


def test_a_small_flat_file_is_read_and_closed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, tissue(), photometric="rgb", compression="lzw")
    with open_image(path) as source:
        assert isinstance(source.levels[0], np.ndarray)
        assert np.array_equal(source.levels[0], tissue())
        assert not is_open(path)


def test_a_pyramid_stays_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    levels = write_pyramid(path, tissue(101, 131), 4)
    source = open_image(path)
    assert is_open(path)
    assert [level.shape for level in source.levels] == [level.shape for level in levels]
    assert source.downsamples == ((1, 1), (2, 2), (4, 4), (8, 8))
    for view, level in zip(source.levels, levels, strict=True):
        assert isinstance(view, LazyLevel)
        assert np.array_equal(view[:], level)
    assert np.array_equal(source.levels[0][3:77, 40:41], levels[0][3:77, 40:41])
    source.close()
    assert not is_open(path)
    with pytest.raises(BadInputError, match=r"a\.tif was closed"):
        source.levels[0][:5]


def test_an_ome_pyramid_in_sub_ifds(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    pixels = tissue(128, 192)
    options: dict[str, Any] = {"photometric": "rgb", "tile": (32, 32), "compression": "deflate"}
    with tifffile.TiffWriter(path, ome=True) as writer:
        sizes = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        writer.write(pixels, subifds=1, metadata=sizes, **options)
        writer.write(pixels[::2, ::2], subfiletype=1, **options)
    with open_image(path) as source:
        assert [level.shape[:2] for level in source.levels] == [(128, 192), (64, 96)]
        assert np.array_equal(source.read(level=1), pixels[::2, ::2])
        assert source.pixel_size is not None


def test_label_and_macro_photographs_are_never_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_svs(tmp_path / "a.svs", tissue(64, 96))
    decoded: list[int] = []
    chunks = tifffile.TiffPage.segments

    def spy(page: tifffile.TiffPage, *args: Any, **options: Any) -> Any:
        decoded.append(page.index)
        return chunks(page, *args, **options)

    monkeypatch.setattr(tifffile.TiffPage, "segments", spy)
    with open_image(tmp_path / "a.svs") as source:
        assert [level.shape[:2] for level in source.levels] == [(64, 96), (32, 48)]
        assert np.array_equal(source.read(), tissue(64, 96))
        assert 17 not in source.read(level=1)[..., 0].max(axis=1)
    assert not decoded or set(decoded) <= {0, 2}


def test_a_larger_label_photograph_is_not_taken_for_the_slide(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.svs") as writer:
        common: dict[str, Any] = {"photometric": "rgb", "metadata": None}
        writer.write(tissue(), tile=(16, 16), description="Aperio Image", **common)
        writer.write(tissue()[::4, ::4], description="Aperio thumbnail", **common)
        label = np.zeros((200, 300, 3), np.uint8)
        writer.write(label, subfiletype=1, description="Aperio label", **common)
    with open_image(tmp_path / "a.svs") as source:
        assert np.array_equal(source.read(), tissue())


@pytest.mark.parametrize(
    "name", ["macrophages CD68", "Case 3 labelled", "overview of ward 3", "10x overview", "relabel"]
)
def test_a_picture_may_have_any_name(tmp_path: Path, name: str) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for pixels, called in ((tissue(), name), (tissue(10, 13), "small crop")):
            writer.write(pixels, photometric="rgb", metadata={"axes": "YXS", "Name": called})
    with open_image(tmp_path / "a.ome.tif") as source:
        assert np.array_equal(source.read(), tissue())


@pytest.mark.parametrize(
    "name", ["label", "Macro", "label image", "Label_Image", "a.svs - macro", "a.svs [label]"]
)
def test_the_photograph_of_a_label_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for pixels, called in ((tissue(80, 99), name), (tissue(), "slide")):
            writer.write(pixels, photometric="rgb", metadata={"axes": "YXS", "Name": called})
    with open_image(tmp_path / "a.ome.tif") as source:
        assert source.shape == (40, 60)


def test_of_several_pictures_the_largest_is_opened(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(tissue(10, 13), photometric="rgb", metadata=None)
        writer.write(tissue(), photometric="rgb", metadata=None)
    with open_image(tmp_path / "a.tif") as source:
        assert source.shape == (40, 60)


def test_tiles_that_were_never_scanned_are_white(tmp_path: Path) -> None:
    def tiles() -> Any:
        yield tissue(16, 16)
        yield None

    tifffile.imwrite(
        tmp_path / "a.tif",
        tiles(),
        shape=(16, 32, 3),
        dtype=np.uint8,
        photometric="rgb",
        tile=(16, 16),
        compression="deflate",
        metadata=None,
    )
    with open_image(tmp_path / "a.tif") as source:
        assert np.array_equal(source.read()[:, :16], tissue(16, 16))
        assert source.read()[:, 16:].min() == 255


def test_a_lazy_16_bit_slide_has_one_scale_for_all_tiles(tmp_path: Path) -> None:
    pixels = tissue(64, 64).astype(np.uint16) * 16
    levels = write_pyramid(tmp_path / "a.tif", pixels, 2)
    with open_image(tmp_path / "a.tif") as source:
        expected = np.rint(levels[0] / 4095 * 255)
        assert np.array_equal(source.levels[0][:16, :16], expected[:16, :16])
        assert np.array_equal(source.read(), expected)
        assert source.warnings == ("a.tif has values of 16 bit; 4095 is taken as white.",)


@pytest.fixture
def no_eager_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiffs, "_EAGER_PIXELS", 100)


@pytest.mark.usefixtures("no_eager_reading")
@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "deflate", "rowsperstrip": 3}, {"rowsperstrip": 7}],
    ids=["one strip, mapped", "compressed strips", "plain strips"],
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_huge_flat_file_is_read_piece_by_piece(
    tmp_path: Path, options: dict[str, Any], byteorder: Any
) -> None:
    path = tmp_path / "a.tif"
    pixels = tissue(300, 40).astype(np.uint16) * 257
    tifffile.imwrite(path, pixels, photometric="rgb", byteorder=byteorder, **options)
    with open_image(path) as source:
        assert isinstance(source.levels[0], LazyLevel)
        assert np.array_equal(source.levels[0][100:200, 5:], tissue(300, 40)[100:200, 5:])
    assert not is_open(path)


@pytest.mark.usefixtures("no_eager_reading")
def test_a_huge_single_compressed_strip_needs_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"photometric": "rgb", "compression": "deflate", "rowsperstrip": 40}
    tifffile.imwrite(path, tissue(), **options)
    with open_image(path) as source:
        assert np.array_equal(source.read(), tissue())
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(BadInputError, match=r"^a\.tif needs .*: save it as a tiled"):
        open_image(path)
    assert not is_open(path)


def test_tiles_of_jpeg_2000_and_jpeg(tmp_path: Path) -> None:
    flat = np.full((64, 64, 3), (200, 120, 160), np.uint8)
    for name, compression in (("j2k", "jpeg2000"), ("jpeg", "jpeg"), ("webp", "webp")):
        path = tmp_path / f"{name}.tif"
        options: dict[str, Any] = {"photometric": "rgb", "tile": (32, 32)}
        tifffile.imwrite(path, flat, compression=compression, **options)
        with open_image(path) as source:
            assert np.abs(source.read().astype(int) - flat).max() <= 3


def test_threads_may_share_one_slide(tmp_path: Path) -> None:
    levels = write_pyramid(tmp_path / "a.tif", tissue(900, 700), 1, tile=128)
    with open_image(tmp_path / "a.tif") as source, ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda y: source.levels[0][y : y + 9], range(0, 900, 9)))
    assert np.array_equal(np.concatenate(rows), levels[0])


def test_level_factors_are_whole_where_rows_were_dropped_or_padded() -> None:
    assert tiffs._factor(4443, 2221) == 2
    assert tiffs._factor(250, 31) == 8
    assert tiffs._factor(101, 26) == 4
    assert tiffs._factor(1000, 400) == 2.5


def damaged_by_cutting(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
@pytest.mark.parametrize("write", [write_svs, write_pyramid])
def test_truncated_slides(tmp_path: Path, share: float, write: Callable[..., Any]) -> None:
    path = tmp_path / "cut.svs"
    write(path, np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8))
    damaged_by_cutting(path, share)
    with pytest.raises(BadInputError, match=r"^cut\.svs is damaged.*: copy it again.*\.$"):
        open_image(path).read()
    assert not is_open(path)


def test_a_slide_of_which_only_the_label_photograph_is_cut_off_opens(tmp_path: Path) -> None:
    path = tmp_path / "cut.svs"
    write_svs(path, tissue(96, 96))
    with tifffile.TiffFile(path) as tiff:
        start = tiff.series[-1].keyframe.dataoffsets[0]
    path.write_bytes(path.read_bytes()[: start + 10])
    with open_image(path) as source:
        assert np.array_equal(source.read(), tissue(96, 96))


@pytest.mark.parametrize("header", [b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0", b"II+\0\x08\0\0\0"])
def test_a_tiff_beginning_and_nothing_else(
    tmp_path: Path, header: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "only.tif"
    path.write_bytes(header + bytes(60))
    with pytest.raises(BadInputError, match=r"^only\.tif "):
        open_image(path)
    assert capfd.readouterr().err == ""


def test_a_height_without_tiles_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"photometric": "rgb", "tile": (16, 16), "compression": "deflate"}
    tifffile.imwrite(path, tissue(64, 96), **options)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["ImageLength"].overwrite(1_048_640)
    with pytest.raises(BadInputError, match=r"^a\.tif is damaged"):
        open_image(path)


def test_a_file_into_which_no_pixel_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, tissue(), photometric="rgb", compression="deflate")
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["StripByteCounts"].overwrite(0)
    with pytest.raises(BadInputError, match=r"^a\.tif is damaged"):
        open_image(path)


def test_a_damaged_tile_is_found_when_it_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    tifffile.imwrite(path, noise, photometric="rgb", tile=(32, 32), compression="deflate")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages.first.dataoffsets[3]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 50)
    with open_image(path) as source, pytest.raises(BadInputError, match=r"^a\.tif is damaged near"):
        source.read()


def test_real_slides(shared_data: Path) -> None:
    folder = shared_data / "slides"
    with open_image(folder / "cmu-1-small-region.svs") as source:
        assert [level.shape for level in source.levels] == [(2967, 2220, 3)]
        assert source.lazy
        assert source.levels[0][1000:1100, 1000:1100].std() > 5
    with open_image(folder / "tcga-cr-7395-01a-01-ts1.svs") as source:
        assert source.downsamples == ((1, 1), (2, 2))
        full = source.levels[0][3200:3400, 4000:4200].reshape(100, 2, 100, 2, 3).mean((1, 3))
        half = source.levels[1][1600:1700, 2000:2100]
        assert np.abs(full - half).mean() < 3
    with open_image(folder / "small_HE_levels.tiff") as source:
        assert source.downsamples == ((1, 1), (2, 2), (4, 4), (8, 8))
        assert source.pixel_size is None
        assert source.levels[3][:].shape == (31, 37, 3)
