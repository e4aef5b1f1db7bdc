from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.pixel_size import (
    LARGEST_UM,
    SMALLEST_UM,
    as_pixel_size,
    plausible,
    resolve_pixel_size,
)

MODEL = PixelSize(1.24, 1.24)
SENSIBLE = st.floats(SMALLEST_UM, LARGEST_UM)


@given(SENSIBLE, SENSIBLE)
def test_the_option_wins_over_the_file(option: float, stated: float) -> None:
    choice = resolve_pixel_size(PixelSize(stated, stated), option, MODEL)
    assert choice.pixel_size == PixelSize(option, option)
    assert choice.source == "option"
    assert choice.warning is None


@given(SENSIBLE, SENSIBLE)
def test_the_file_wins_over_the_model(y: float, x: float) -> None:
    choice = resolve_pixel_size(PixelSize(y, x), None, MODEL)
    assert (choice.pixel_size, choice.source, choice.warning) == (PixelSize(y, x), "file", None)


@pytest.mark.parametrize("absurd", [352.9, 20.5, 0.019, 1e-6])
def test_an_absurd_statement_gives_the_models_with_a_warning(absurd: float) -> None:
    choice = resolve_pixel_size(PixelSize(absurd, absurd), None, MODEL, "levels.tiff")
    assert (choice.pixel_size, choice.source) == (MODEL, "model")
    assert choice.warning is not None
    assert choice.warning.startswith(f"levels.tiff states {absurd:.4g} µm/px, which no microscope")
    assert "1.24 µm/px is assumed" in choice.warning
    assert "--um-per-px" in choice.warning


def test_one_absurd_axis_is_enough() -> None:
    choice = resolve_pixel_size(PixelSize(0.5, 352.9), None, MODEL)
    assert choice.source == "model"
    assert "0.5 × 352.9" in str(choice.warning)


def test_nothing_stated() -> None:
    choice = resolve_pixel_size(None, None, (0.62, 0.62), "train_1.bmp")
    assert (choice.pixel_size, choice.source) == (PixelSize(0.62, 0.62), "model")
    assert str(choice.warning).startswith("train_1.bmp states no pixel size: ")


def test_the_option_also_wins_over_an_absurd_statement() -> None:
    choice = resolve_pixel_size(PixelSize(352.9, 352.9), 0.25, MODEL)
    assert (choice.pixel_size, choice.source, choice.warning) == (
        PixelSize(0.25, 0.25),
        "option",
        None,
    )


@pytest.mark.parametrize("option", [0.0, -1.0, float("nan"), float("inf"), 352.9, 0.001])
def test_an_option_that_is_no_pixel_size(option: float) -> None:
    with pytest.raises(BadInputError, match=r"pixel size of .*: give"):
        resolve_pixel_size(None, option, MODEL)


@pytest.mark.parametrize(
    "um", [0.5, np.float32(0.5), (0.5,), [0.5, 0.5], PixelSize(0.5, 0.5), np.float64(0.5)]
)
def test_many_ways_to_say_half_a_micrometre(um: object) -> None:
    assert as_pixel_size(um) == PixelSize(0.5, 0.5)  # type: ignore[arg-type]


def test_y_comes_before_x() -> None:
    assert as_pixel_size((0.5, 0.25)) == PixelSize(y=0.5, x=0.25)


@pytest.mark.parametrize("um", [(), (1.0, 1.0, 1.0)])
def test_too_many_or_too_few_values(um: tuple[float, ...]) -> None:
    with pytest.raises(BadInputError, match=f"not {len(um)}"):
        as_pixel_size(um)


def test_limits_are_plausible_themselves() -> None:
    assert plausible(PixelSize(SMALLEST_UM, LARGEST_UM))
    assert not plausible(PixelSize(SMALLEST_UM / 1.01, LARGEST_UM))


def test_pairs_of_numpy_are_pairs() -> None:
    assert as_pixel_size(np.array([0.5, 0.25])) == PixelSize(0.5, 0.25)
    assert as_pixel_size(np.float32(0.5)) == PixelSize(0.5, 0.5)
    assert as_pixel_size(Fraction(1, 2)) == as_pixel_size(Decimal("0.5")) == PixelSize(0.5, 0.5)
    assert as_pixel_size((np.float64(0.5), 1)) == PixelSize(0.5, 1.0)


@pytest.mark.parametrize("wrong", ["0.5", b"1", ("0.5", "0.5"), [[0.5, 0.5]], [1, [2]], {}, True])
def test_what_is_no_number_is_refused_in_one_sentence(wrong: Any) -> None:
    with pytest.raises(BadInputError, match="is no pixel size: give µm/px as one number"):
        as_pixel_size(wrong)
