from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.images import open_image
from napari_selfreg.widgets.image_layers import (
    CHOSEN,
    REMEMBERED,
    layer_data,
    set_pixel_size,
    source_info,
    um_source,
)
from napari_selfreg.widgets.layers import pixel_size_of
from tests.io.image_files import smooth, tissue, write_pyramid, write_svs

HALF = PixelSize.isotropic(0.5)


def shown(path: Path) -> tuple[Image, list]:
    source = open_image(path)
    data, arguments, kind = layer_data(source, path)
    assert kind == "image"
    return ViewerModel().add_image(data, **arguments), list(source.levels)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    from PIL import Image as Pillow

    path = tmp_path / "field 7.png"
    Pillow.fromarray(tissue()).save(path)
    return path


def test_a_picture_is_one_colour_layer_of_unknown_size(picture: Path) -> None:
    layer, _ = shown(picture)
    assert layer.name == "field 7"
    assert layer.rgb
    assert np.array_equal(layer.data, tissue())
    assert pixel_size_of(layer) is None
    info = source_info(layer)
    assert (info.path, info.stem, info.stated, info.lazy) == (picture, "field 7", None, False)


def test_a_slide_is_a_lazy_pyramid_in_micrometres(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    write_svs(path, smooth(64, 96))
    layer, levels = shown(path)
    assert layer.multiscale
    assert layer.rgb
    assert pixel_size_of(layer) == PixelSize(0.499, 0.499)
    assert um_source(layer) == "file"
    info = source_info(layer)
    assert info.lazy
    assert info.downsamples == ((1.0, 1.0), (2.0, 2.0))
    assert not any(isinstance(level, np.ndarray) for level in levels)
    assert layer.data_to_world((10, 10)) == pytest.approx((4.99, 4.99))


def test_napari_sees_the_pixels_of_every_level(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    pixels = write_pyramid(path, smooth(200, 300))
    layer, _ = shown(path)
    assert [level.shape for level in layer.data] == [each.shape for each in pixels]
    for level, expected in zip(layer.data, pixels, strict=True):
        assert np.array_equal(np.asarray(level), expected)
    assert layer.downsample_factors[:, 0] == pytest.approx([1, 2, 4])


def test_an_absurd_pixel_size_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    write_svs(path, smooth(64, 96), mpp="352.9")
    layer, _ = shown(path)
    assert pixel_size_of(layer) is None
    assert source_info(layer).stated is None


def test_layers_that_we_have_not_opened_have_no_source() -> None:
    assert source_info(Image(np.zeros((4, 4)))) is None
    assert source_info(Image(np.zeros((4, 4)), metadata={"napari_selfreg_source": "?"})) is None


def test_a_chosen_size_becomes_the_layers_own(picture: Path) -> None:
    layer, _ = shown(picture)
    set_pixel_size(layer, HALF)
    assert pixel_size_of(layer) == HALF
    assert um_source(layer) == "option"
    set_pixel_size(layer, HALF, REMEMBERED)
    assert um_source(layer) == "option"
    set_pixel_size(layer, None)
    assert pixel_size_of(layer) is None
    assert CHOSEN not in layer.metadata.values()


def test_an_overruled_file_is_not_the_source(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    write_svs(path, smooth(64, 96))
    layer, _ = shown(path)
    set_pixel_size(layer, HALF)
    assert um_source(layer) == "option"
    set_pixel_size(layer, source_info(layer).stated, "stated by the image")
    assert um_source(layer) == "file"


def test_a_layer_stays_on_its_pixels_and_other_axes_are_left_alone() -> None:
    layer = Image(
        np.zeros((3, 8, 8)), scale=(4, 1, 1), translate=(4, 2, 3), units=("um", "pixel", "pixel")
    )
    set_pixel_size(layer, PixelSize(0.5, 0.25))
    assert layer.scale == pytest.approx((4, 0.5, 0.25))
    assert layer.translate == pytest.approx((4, 1, 0.75))
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer", "micrometer"]


def test_of_a_foreign_layer_its_own_scale_counts_as_the_files() -> None:
    layer = Image(np.zeros((8, 8)), scale=(0.5, 0.5), units=("um", "um"))
    assert um_source(layer) == "file"
    assert um_source(Image(np.zeros((8, 8)))) == "option"
