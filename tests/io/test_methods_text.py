"""The sentence names everything a reader needs to do the same again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.methods_text import Method, methods_sentence

MADE = Method(
    "0.1.0",
    "Glands, colon biopsy",
    "glands",
    "abc123",
    ("gland",),
    PixelSize.isotropic(0.5),
    "file",
    PostProcessing(0.45, 300.0, 150.0, 0.5),
    citation="Shi et al., EBHI-Seg, 2023.",
)


def test_everything_in_one_breath() -> None:
    assert methods_sentence(MADE) == (
        "Objects (gland) were segmented with napari-selfreg 0.1.0, model “Glands, colon biopsy” "
        "(glands, version abc123), at 0.5 µm/px (stated by the image file), with a probability "
        "threshold of 0.45, objects below 300 µm² removed, holes up to 150 µm² filled and "
        "separation 0.50 (0 to 1). Model: Shi et al., EBHI-Seg, 2023."
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [("option", "given by the user"), ("model", "assumed from the model")],
)
def test_who_stated_the_pixel_size(source: str, words: str) -> None:
    assert words in methods_sentence(replace(MADE, source=source))


def test_pixels_that_are_not_square() -> None:
    text = methods_sentence(replace(MADE, pixel_size=PixelSize(0.25, 0.5)))
    assert "0.5 × 0.25 µm/px (x × y)" in text


def test_settings_that_do_nothing_are_left_out() -> None:
    text = methods_sentence(replace(MADE, settings=PostProcessing(), citation=""))
    assert "removed" not in text
    assert "filled" not in text
    assert text.endswith("threshold of 0.50 and separation 0.50 (0 to 1).")


def test_averaged_views_and_a_persons_hand() -> None:
    text = methods_sentence(replace(MADE, tta=True, corrected=True))
    assert "and probabilities averaged over eight" in text
    assert "and corrected by hand." in text


def test_imported_labels_name_no_model() -> None:
    text = methods_sentence(replace(MADE, model_title="", model_version="", citation=""))
    assert text == (
        "Objects were imported as labels and measured with napari-selfreg 0.1.0, at 0.5 µm/px "
        "(stated by the image file)."
    )
