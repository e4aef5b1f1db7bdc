"""What is said of pictures a model has not learned from, in the window and in the shell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.io import imsave

from napari_selfreg.core.stain_gap import StainGap
from napari_selfreg.engine.events import Notice, run
from napari_selfreg.engine.segment import SegmentRequest, segment
from napari_selfreg.engine.suitability import describe_fit, doubts_of_source
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.images import open_image
from napari_selfreg.io.models import bundled_models
from napari_selfreg.io.samples import sample_paths

GLANDS = read_card(bundled_models()["glands"])
BROWN = (150, 110, 70)


def _flat(folder: Path, colour: tuple[int, ...]) -> Path:
    noise = np.random.default_rng(0).integers(-6, 7, (64, 80, 1))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    imsave(folder / "flat.png", pixels, check_contrast=False)
    return folder / "flat.png"


class TestWords:
    def test_nothing_to_say(self) -> None:
        assert describe_fit(StainGap(3.0, 0.1), 1.4, GLANDS) == ""
        assert describe_fit(None, 0.2, GLANDS) == ""

    @pytest.mark.parametrize(("name", "start"), [("", "This image is"), ("a.png", "a.png is")])
    def test_a_coarse_image(self, name: str, start: str) -> None:
        text = describe_fit(None, 4.4 * GLANDS.pixel_size.mean, GLANDS, name=name)
        assert text.startswith(f"{start} 4.4 times coarser")

    @pytest.mark.parametrize(
        ("gap", "word"),
        [
            (StainGap(2, 1.6), "stain {} is much darker"),
            (StainGap(2, -1.6), "stain {} is much paler"),
            (StainGap(35, 0.1), "colours {} are far"),
        ],
    )
    def test_a_far_stain(self, gap: StainGap, word: str) -> None:
        assert word.format("in view") in describe_fit(gap, 1.0, GLANDS)
        assert word.format("of a.png") in describe_fit(gap, 1.0, GLANDS, name="a.png")

    def test_grey_images_have_a_word_of_their_own(self) -> None:
        text = describe_fit(StainGap(35, 0), 1.0, GLANDS, grey=True)
        assert "no colours" in text
        assert "far" not in text


class TestSources:
    @pytest.mark.parametrize("name", ["ebhi_normal", "ebhi_low_grade", "cmu1_region"])
    def test_the_samples_fit(self, name: str) -> None:
        with open_image(sample_paths()[name]) as source:
            assert doubts_of_source(source, 1.1, GLANDS) == ""

    @pytest.mark.parametrize(
        ("colour", "word"), [(BROWN, "colours of flat.png"), ((120, 120, 120), "no colours")]
    )
    def test_another_stain_is_named(
        self, tmp_path: Path, colour: tuple[int, ...], word: str
    ) -> None:
        with open_image(_flat(tmp_path, colour)) as source:
            assert word in doubts_of_source(source, 1.1, GLANDS)

    def test_of_a_large_image_the_middle_is_looked_at(self, tmp_path: Path) -> None:
        rgb = np.full((2400, 40, 3), 255, np.uint8)
        rgb[150:-150] = BROWN
        imsave(tmp_path / "tall.png", rgb, check_contrast=False)
        with open_image(tmp_path / "tall.png") as source:
            assert "tall.png" in doubts_of_source(source, 1.1, GLANDS)

    def test_a_run_says_so(self, tmp_path: Path) -> None:
        events: list[object] = []
        image = _flat(tmp_path, BROWN)
        run(
            segment(SegmentRequest(image, "glands", tmp_path / "out", um_per_px=4.4)), events.append
        )
        said = " ".join(event.message for event in events if isinstance(event, Notice))
        assert "times coarser" in said
        assert "colours of flat.png" in said
