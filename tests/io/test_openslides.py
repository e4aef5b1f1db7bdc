"""With an OpenSlide made for these tests, installed or not."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import openslides
from napari_selfreg.io.images import image_paths, open_image
from tests.io.image_files import smooth, tissue, write_pyramid

PIXELS = smooth(600, 700)


class FakeSlide:
    """Two levels of `PIXELS`; the last rows were never scanned."""

    vendor: str | None = "mirax"
    mpp: tuple[str, str] | None = ("0.25", "0.5")
    opened: list[FakeSlide] = []  # noqa: RUF012 - replaced by the fixture

    def __init__(self, path: str) -> None:
        if "unreadable" in path:
            raise OSError("Couldn't get image flavor")
        self.closed = False
        self.levels = [PIXELS, PIXELS[::2, ::2]]
        self.level_count = 2
        self.level_dimensions = [level.shape[1::-1] for level in self.levels]
        self.level_downsamples = (1.0, 2.0)
        self.properties = {}
        if self.mpp:
            self.properties = {"openslide.mpp-x": self.mpp[0], "openslide.mpp-y": self.mpp[1]}
        FakeSlide.opened.append(self)

    @classmethod
    def detect_format(cls, path: str) -> str | None:
        return cls.vendor

    @property
    def associated_images(self) -> Any:
        raise AssertionError("label and overview must not be touched")

    def read_region(self, corner: tuple[int, int], level: int, size: tuple[int, int]) -> Any:
        x0, y0 = (int(place / self.level_downsamples[level]) for place in corner)
        rgb = self.levels[level][y0 : y0 + size[1], x0 : x0 + size[0]]
        alpha = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        alpha[max(0, self.levels[level].shape[0] - 10 - y0) :] = 0
        return Image.fromarray(np.concatenate([rgb, alpha], axis=2))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeSlide]:
    module = ModuleType("openslide")
    slide = type("Slide", (FakeSlide,), {})
    module.OpenSlide = slide  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openslide", module)
    monkeypatch.setattr(openslides, "available", lambda: True)
    monkeypatch.setattr(FakeSlide, "opened", [])
    return slide


@pytest.fixture
def mirax(tmp_path: Path) -> Path:
    path = tmp_path / "slide.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    return path


def test_a_slide_opens_as_a_lazy_pyramid(fake: type[FakeSlide], mirax: Path) -> None:
    with open_image(mirax) as source:
        assert source.lazy
        assert source.stem == "slide"
        assert source.downsamples == ((1.0, 1.0), (2.0, 2.0))
        assert source.pixel_size == PixelSize(y=0.5, x=0.25)
        assert [level.shape for level in source.levels] == [(600, 700, 3), (300, 350, 3)]
        part = source.levels[0][100:220, 500:650]
        assert np.array_equal(part, PIXELS[100:220, 500:650])
        assert np.array_equal(source.levels[1][10:50, 20:90], PIXELS[20:100:2, 40:180:2])
    assert FakeSlide.opened[0].closed


def test_what_was_never_scanned_is_glass(fake: type[FakeSlide], mirax: Path) -> None:
    with open_image(mirax) as source:
        assert (source.levels[0][590:600, :50] == 255).all()
        assert np.array_equal(source.levels[0][580:590, :50], PIXELS[580:590, :50])


@pytest.mark.parametrize("mpp", [None, ("", ""), ("0", "0"), ("nan", "1")])
def test_no_pixel_size(fake: type[FakeSlide], mirax: Path, mpp: Any) -> None:
    fake.mpp = mpp
    with open_image(mirax) as source:
        assert source.stated is None


def sentence(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        open_image(path)
    return str(caught.value)


def test_without_openslide_the_sentence_says_what_is_needed(
    mirax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openslides, "available", lambda: False)
    (tmp_path / "other.dcm").write_bytes(bytes(128) + b"DICM")
    for path, kind in ((mirax, "a MIRAX slide"), (tmp_path / "other.dcm", "a DICOM slide")):
        text = sentence(path)
        assert text.startswith(f"{path.name} is {kind}, which needs OpenSlide: install")
        assert "openslide-bin" in text
        assert "export the slide as OME-TIFF" in text


def test_a_slide_that_openslide_refuses(fake: type[FakeSlide], tmp_path: Path) -> None:
    path = tmp_path / "unreadable.dcm"
    path.write_bytes(bytes(128) + b"DICM")
    assert "a DICOM slide that OpenSlide cannot read either: export" in sentence(path)


def test_a_slide_whose_levels_make_no_sense_is_closed(
    fake: type[FakeSlide], mirax: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "level_downsamples", property(lambda self: 1 / 0), raising=False)
    with pytest.raises(BadInputError):
        open_image(mirax)


def damaged_tiff(folder: Path) -> Path:
    path = folder / "slide.tif"
    write_pyramid(path, tissue(64, 64))
    path.write_bytes(path.read_bytes()[:3000])
    return path


@pytest.mark.parametrize(("vendor", "helps"), [("ventana", True), ("aperio", False), (None, False)])
def test_only_tiffs_with_rules_of_their_own_are_tried(
    fake: type[FakeSlide], tmp_path: Path, vendor: str | None, helps: bool
) -> None:
    path = damaged_tiff(tmp_path)
    fake.vendor = vendor
    if helps:
        with open_image(path) as source:
            assert source.shape == (600, 700)
    else:
        assert "slide.tif is damaged" in sentence(path)


def test_no_rescue_without_help(fake: type[FakeSlide], tmp_path: Path) -> None:
    fake.vendor = "philips"
    assert openslides.rescue(tmp_path / "unreadable.tif") is None


def test_tifffile_comes_first(fake: type[FakeSlide], tmp_path: Path) -> None:
    write_pyramid(tmp_path / "a.tif", tissue(64, 64))
    with open_image(tmp_path / "a.tif") as source:
        assert source.shape == (64, 64)
    assert FakeSlide.opened == []


def test_a_folder_lists_the_index_of_a_slide(mirax: Path) -> None:
    assert image_paths(mirax.parent) == [mirax]


def test_the_real_dicom_slide(shared_data: Path) -> None:
    text = sentence(shared_data / "slides" / "small_dicom.dcm")
    assert "small_dicom.dcm is a DICOM slide" in text
    assert "OME-TIFF" in text


@pytest.mark.skipif(find_spec("openslide") is None, reason="OpenSlide is not installed")
def test_it_reads_what_tifffile_reads(shared_data: Path) -> None:
    path = shared_data / "slides" / "cmu-1-small-region.svs"
    with open_image(path) as ours, openslides.open_slide(path, "a slide") as theirs:
        assert theirs.shape == ours.shape
        assert theirs.pixel_size == ours.pixel_size
        difference = ours.read(level=0).astype(int) - theirs.read(level=0)
        assert np.abs(difference).max() <= 3
