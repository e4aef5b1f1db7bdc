from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import rgb as rgb_module
from napari_selfreg.io.rgb import RgbRule, as_yxc, rule_for, to_rgb8

REAL_DTYPES = st.one_of(
    st.just(np.dtype(bool)),
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
)
SIDES = st.integers(1, 9)


@given(st.data(), REAL_DTYPES, SIDES, SIDES, st.sampled_from([0, 1, 2, 3, 4]))
def test_any_picture_becomes_rgb_of_its_size(
    data: st.DataObject, dtype: np.dtype[Any], height: int, width: int, channels: int
) -> None:
    shape = (height, width, channels) if channels else (height, width)
    picture = data.draw(hnp.arrays(dtype, shape))
    rgb = to_rgb8(picture)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (height, width, 3)


@given(st.data(), REAL_DTYPES, st.integers(2, 30))
def test_brighter_never_becomes_darker(
    data: st.DataObject, dtype: np.dtype[Any], length: int
) -> None:
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    values = np.sort(data.draw(hnp.arrays(dtype, length, elements=elements)))
    rgb = to_rgb8(values[np.newaxis])
    assert (np.diff(rgb[0, :, 0].astype(int)) >= 0).all()
    assert (rgb == rgb[..., :1]).all()


@given(hnp.arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3))))
def test_8_bit_rgb_stays_as_it_is(picture: npt.NDArray[np.uint8]) -> None:
    assert np.array_equal(to_rgb8(picture), picture)


@given(hnp.arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3))))
def test_the_same_picture_in_other_types_gives_the_same_rgb(
    picture: npt.NDArray[np.uint8],
) -> None:
    picture[0, 0] = 255
    assert np.array_equal(to_rgb8(picture.astype(np.uint16) * 257), picture)
    assert np.array_equal(to_rgb8(picture / 255), picture)
    assert np.array_equal(to_rgb8(picture.astype(np.float32)), picture)
    assert np.array_equal(to_rgb8(picture.astype(np.int64)), picture)
    opaque = np.concatenate([picture, np.full_like(picture[..., :1], 255)], axis=2)
    assert np.array_equal(to_rgb8(opaque), picture)


@pytest.mark.parametrize(
    ("largest", "white"), [(200, 255), (1000, 1023), (4000, 4095), (16000, 16383), (60000, 65535)]
)
def test_camera_depth_follows_the_largest_value(largest: int, white: int) -> None:
    picture = np.array([[0, largest]], np.uint16)
    rgb = to_rgb8(picture)
    assert rgb[0, 1, 0] == round(255 * largest / white)
    assert rgb[0, 0, 0] == 0


def test_booleans_are_black_and_white() -> None:
    assert to_rgb8(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]


def test_alpha_is_laid_on_white() -> None:
    picture = np.array([[[100, 50, 0, 0], [100, 50, 0, 255], [100, 50, 0, 51]]], np.uint8)
    assert to_rgb8(picture)[0].tolist() == [[255, 255, 255], [100, 50, 0], [224, 214, 204]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_that_hides_everything_is_ignored_and_said(dtype: type, channels: int) -> None:
    picture = np.zeros((2, 3, channels), dtype)
    picture[0, :, :-1] = 1 if dtype is np.float32 else np.iinfo(dtype).max
    assert to_rgb8(picture)[:, 0, 0].tolist() == [255, 0]
    note = "has an alpha channel that hides all of it; it is ignored"
    assert note in rule_for(picture).notes
    assert rule_for(picture, part=True).apply(picture).min() == 255
    assert to_rgb8(picture, part=True).min() == 255


def test_grey_with_alpha_in_16_bit() -> None:
    picture = np.array([[[4095, 65535], [0, 0], [0, 65535]]], np.uint16)
    assert to_rgb8(picture)[0, :, 0].tolist() == [255, 255, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_becomes_white_and_is_said(bad: float) -> None:
    picture = np.zeros((2, 3, 3), np.float32)
    picture[0, 0] = bad
    rgb = to_rgb8(picture)
    assert rgb[0, 0].tolist() == [255, 255, 255]
    assert rgb[1].max() == 0
    assert rule_for(picture).notes == (
        "holds values that are not numbers (3); they are shown as white",
    )


def test_overshoot_of_resampling_is_clipped() -> None:
    assert to_rgb8(np.array([[1.07, 0.5, -0.04]]))[0, :, 0].tolist() == [255, 128, 0]


def test_negative_values_are_said() -> None:
    assert any("negative" in note for note in rule_for(np.full((1, 1, 1), -3, np.int16)).notes)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_may_come_first(channels: int) -> None:
    picture = np.arange(channels * 6 * 7, dtype=np.uint8).reshape(channels, 6, 7)
    assert np.array_equal(to_rgb8(picture), to_rgb8(np.moveaxis(picture, 0, 2)))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), (0, 0, 3), (4, 4, 0)])
def test_no_pixels(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match=r"field\.png has no pixels: "):
        to_rgb8(np.zeros(shape, np.uint8), "field.png")


@pytest.mark.parametrize("shape", [(8, 8, 5), (5, 8, 8)])
def test_five_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match=r"five\.tif has 5 channels.*: save it as an RGB"):
        to_rgb8(np.zeros(shape, np.uint8), "five.tif")


@pytest.mark.parametrize("shape", [(), (3,), (2, 8, 8, 3)])
def test_wrong_number_of_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match=rf"has {len(shape)} axes"):
        to_rgb8(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.complex64, "U3", object])
def test_values_that_are_no_picture(dtype: Any) -> None:
    with pytest.raises(BadInputError, match="are no picture: save it with 8 or 16 bit"):
        to_rgb8(np.ones((2, 2), dtype))


def test_a_tile_gets_the_colours_it_has_in_the_whole() -> None:
    picture = np.random.default_rng(0).integers(0, 4000, (32, 32, 3)).astype(np.uint16)
    rule = rule_for(picture)
    assert np.array_equal(rule.apply(picture[:8, 5:9]), rule.apply(picture)[:8, 5:9])


def test_large_float_pictures_are_converted_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rgb_module, "_BAND_VALUES", 70)
    picture = np.linspace(0, 1, 50 * 20, dtype=np.float32).reshape(50, 20)
    assert to_rgb8(picture)[:, 7, 1].tolist() == np.rint(picture[:, 7] * 255).astype(int).tolist()


def test_rule_of_plain_bytes_is_free() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    assert rule_for(picture) == RgbRule()
    assert np.shares_memory(to_rgb8(picture), picture)


def test_layout_is_a_view() -> None:
    picture = np.zeros((4, 5), np.uint8)
    assert np.shares_memory(as_yxc(picture), picture)
    assert as_yxc(picture).shape == (4, 5, 1)
