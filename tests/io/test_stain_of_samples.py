"""Real samples, fields and models are told apart from other stains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.stain_gap import stain_gap
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.images import open_image
from napari_selfreg.io.models import bundled_models
from napari_selfreg.io.samples import samples

CARDS = {name: read_card(path) for name, path in bundled_models().items()}
CARDS = {name: card for name, card in CARDS.items() if card.intensity == "colours"}
MEAN = CARDS["glands"].normalisation.mean


def pixels_of(path: Path) -> np.ndarray:
    with open_image(path) as source:
        return np.asarray(source.read())[::3, ::3]


@pytest.fixture(scope="module")
def glands() -> list[np.ndarray]:
    return [pixels_of(sample.path) for sample in samples() if sample.name.startswith("ebhi")]


@pytest.mark.parametrize("model", CARDS)
@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_no_sample_is_far_from_any_model(sample, model: str) -> None:
    gap = stain_gap(pixels_of(sample.path), CARDS[model].normalisation.mean)
    assert gap is not None
    assert not gap.far, gap


def brown(rgb: np.ndarray) -> np.ndarray:
    return rgb.mean(axis=2, keepdims=True) * (1, 0.75, 0.5)


def yellow(rgb: np.ndarray) -> np.ndarray:
    return rgb * (1, 1, 0.35)


def negative(rgb: np.ndarray) -> np.ndarray:
    return 255.0 - rgb


def pale(rgb: np.ndarray) -> np.ndarray:
    return 255 - (255.0 - rgb) * 0.3


def dark(rgb: np.ndarray) -> np.ndarray:
    return rgb * 0.25


@pytest.mark.parametrize("tint", [brown, yellow, negative, pale, dark])
def test_tinted_fields_are_far(glands: list[np.ndarray], tint) -> None:
    for rgb in glands:
        gap = stain_gap(tint(rgb).astype(np.uint8), MEAN)
        assert gap is not None
        assert gap.far, gap


def test_density_and_direction_are_told_apart(glands: list[np.ndarray]) -> None:
    normal = stain_gap(glands[0], MEAN)
    twice = stain_gap((255 * (glands[0] / 255.0) ** 2).astype(np.uint8), MEAN)
    assert normal is not None
    assert twice is not None
    assert 0.5 < twice.octaves - normal.octaves < 1.2
    assert abs(twice.angle - normal.angle) < 6


def test_glass_does_not_count(glands: list[np.ndarray]) -> None:
    glass = np.full_like(glands[0], 245)
    beside = stain_gap(np.concatenate([glands[0], glass]), MEAN)
    alone = stain_gap(glands[0], MEAN)
    assert beside is not None
    assert alone is not None
    assert abs(beside.octaves - alone.octaves) < 0.05
    assert stain_gap(glass, MEAN) is None
    assert stain_gap(glass[:0], MEAN) is None


def test_real_fields_are_rarely_far_from_their_own_model(shared_data: Path) -> None:
    paths = sorted((shared_data / "ebhi" / "images").iterdir())[::16]
    gaps = [stain_gap(pixels_of(path), MEAN) for path in paths]
    assert len(gaps) >= 20
    assert sum(gap is not None and gap.far for gap in gaps) <= len(gaps) // 20
