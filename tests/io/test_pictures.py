from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import memory
from napari_selfreg.io.images import open_image
from tests.io.image_files import smooth, tissue


def levels_of(path: Path) -> Any:
    with open_image(path) as source:
        return source.levels[0]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.bmp", {}), ("a.webp", {"lossless": True}), ("A.PNG", {})],
)
def test_lossless_formats_come_back_exactly(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    pixels = tissue()
    Image.fromarray(pixels).save(tmp_path / name, **options)
    with open_image(tmp_path / name) as source:
        assert np.array_equal(source.levels[0], pixels)
        assert source.levels[0].flags.writeable
        assert (source.name, source.stem, source.shape) == (name, name[0], (40, 60))
        assert source.downsamples == ((1.0, 1.0),)
        assert (source.pixel_size, source.warnings, source.lazy) == (None, (), False)


def test_jpeg(tmp_path: Path) -> None:
    pixels = smooth(48, 64)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(levels_of(tmp_path / "a.jpg").astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg"])
def test_dpi_says_nothing_about_a_microscope(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(tissue()).save(path, dpi=(50800, 50800))  # would be 0.5 µm/px
    with open_image(path) as source:
        assert source.stated is None
        assert source.choose_pixel_size(None, 1.24).source == "model"


def test_exif_orientation_is_respected(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    pixels = smooth(32, 64)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = levels_of(tmp_path / "a.jpg")
    assert upright.shape == (64, 32, 3)
    assert np.abs(upright.astype(int) - np.rot90(pixels, -1)).mean() < 3


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    Image.fromarray(tissue()).save(tmp_path / "a.webp", format="PNG")
    assert np.array_equal(levels_of(tmp_path / "a.webp"), tissue())


def test_16_bit_grey(tmp_path: Path) -> None:
    grey = (tissue()[..., 0].astype(np.uint16) * 257).clip(0, 65535)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.array_equal(levels_of(tmp_path / "a.png")[..., 1], tissue()[..., 0])


def test_16_bit_grey_keeps_its_values_beside_a_transparent_one(tmp_path: Path) -> None:
    grey = (tissue()[..., 0].astype(np.uint16) * 257).clip(0, 65535)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=1000)
    assert np.array_equal(levels_of(tmp_path / "a.png")[..., 1], tissue()[..., 0])


def test_12_bit_grey_is_said(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(tmp_path / "a.png")
    with open_image(tmp_path / "a.png") as source:
        assert source.levels[0][0, :, 0].tolist() == [0, 255]
        assert source.warnings == ("a.png has values of 16 bit; 4095 is taken as white.",)


def test_grey_and_bilevel(tmp_path: Path) -> None:
    grey = tissue()[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey > 100).save(tmp_path / "two.png")
    assert np.array_equal(levels_of(tmp_path / "grey.png"), np.stack([grey] * 3, axis=2))
    assert np.array_equal(levels_of(tmp_path / "two.png")[..., 2], (grey > 100) * 255)


def test_alpha_of_any_kind_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.dstack([tissue(), np.zeros((40, 60), np.uint8)])
    rgba[:20, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    Image.fromarray(rgba[..., [0, 3]]).save(tmp_path / "la.png")
    for name in ("rgba.png", "la.png"):
        pixels = levels_of(tmp_path / name)
        assert np.array_equal(pixels[:20, :, 0], tissue()[:20, :, 0])
        assert pixels[20:].min() == 255


def test_palette_with_and_without_a_transparent_colour(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.png", transparency=2)
    opaque = [[10, 20, 30], [200, 100, 50], [1, 2, 3]]
    assert levels_of(tmp_path / "a.png")[0].tolist() == opaque
    assert levels_of(tmp_path / "b.png")[0].tolist() == [*opaque[:2], [255, 255, 255]]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    picture = Image.fromarray(smooth(32, 32)).convert("CMYK")
    picture.save(tmp_path / "a.jpg", quality=95)
    assert np.abs(levels_of(tmp_path / "a.jpg").astype(int) - smooth(32, 32)).mean() < 4


def test_of_several_frames_the_first_is_used(tmp_path: Path) -> None:
    frames = [Image.fromarray(tissue() // part) for part in (1, 2)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with open_image(tmp_path / "a.webp") as source:
        assert np.array_equal(source.levels[0], tissue())
        assert source.warnings == ("a.webp holds several frames; the first is used.",)


def test_a_single_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert levels_of(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg", "webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadInputError, match=rf"^cut\.{suffix} is damaged.*: copy it again.*\.$"):
        open_image(path)


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF1234WEBP"])
def test_a_good_beginning_and_nothing_else(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "only.png"
    path.write_bytes(start + bytes(100))
    with pytest.raises(BadInputError, match=r"^only\.png is damaged"):
        open_image(path)


def test_a_decompression_bomb_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(tissue()).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadInputError, match=r"^bomb\.png is larger than .*: save it as a tiled"):
        open_image(tmp_path / "bomb.png")


@pytest.mark.filterwarnings("error")
def test_a_large_picture_is_no_reason_for_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(tissue()).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    assert levels_of(tmp_path / "large.png").shape == (40, 60, 3)


def test_a_picture_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(tissue()).save(tmp_path / "huge.png")
    monkeypatch.setattr(memory, "free_memory", lambda: 10_000)
    with pytest.raises(BadInputError, match=r"^huge\.png needs 0\.0 GB .*: save it as a tiled"):
        open_image(tmp_path / "huge.png")


def test_running_out_of_memory_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    Image.fromarray(tissue()).save(tmp_path / "huge.png")
    monkeypatch.setattr(np, "array", no_memory)
    with pytest.raises(BadInputError, match=r"^huge\.png does not fit into memory: "):
        open_image(tmp_path / "huge.png")


def test_real_fields(shared_data: Path) -> None:
    for pattern, size in (("ebhi/images/*.webp", (224, 224)), ("monuseg/images/*", (1000, 1000))):
        with open_image(next(iter(sorted(shared_data.glob(pattern))))) as source:
            assert source.shape == size
            assert source.levels[0].std() > 10
            assert source.pixel_size is None


def test_glas_bitmaps_state_no_pixel_size(shared_data: Path) -> None:
    with open_image(shared_data / "glas" / "train_1.bmp") as source:
        assert source.shape == (522, 775)
        assert source.choose_pixel_size(0.62005, 1.24).source == "option"
