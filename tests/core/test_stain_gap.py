from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.stain_gap import is_colourless, stain_gap, too_coarse

HAEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])


def stained(strength: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return a picture of tissue with both dyes, uint8, (60, 70, 3)."""
    amounts = np.random.default_rng(seed).gamma(2.0, 0.25 * strength, (2, 60, 70, 1))
    return (255 * np.exp(-amounts[0] * HAEMATOXYLIN - amounts[1] * EOSIN)).astype(np.uint8)


MEAN = tuple(float(value) for value in stained().mean(axis=(0, 1)) / 255)


def test_the_same_stain_is_near() -> None:
    gap = stain_gap(stained(seed=1), MEAN)
    assert gap is not None
    assert not gap.far
    assert gap.angle < 5
    assert abs(gap.octaves) < 0.3


@pytest.mark.parametrize("strength", [0.2, 5.0])
def test_strength_is_told_in_octaves_with_its_sign(strength: float) -> None:
    gap = stain_gap(stained(strength), MEAN)
    assert gap is not None
    assert gap.far
    assert np.sign(gap.octaves) == np.sign(np.log(strength))


@pytest.mark.parametrize("factors", [(1.0, 0.75, 0.5), (1.0, 1.0, 0.35)])
def test_another_dye_is_far_in_direction(factors: tuple[float, float, float]) -> None:
    grey = stained().mean(axis=2, keepdims=True)
    gap = stain_gap((grey * factors).astype(np.uint8), MEAN)
    assert gap is not None
    assert gap.far
    assert gap.angle > 20


def test_glass_does_not_count() -> None:
    glass = np.full((60, 70, 3), 245, np.uint8)
    alone, beside = (
        stain_gap(picture, MEAN) for picture in (stained(), np.concatenate([stained(), glass]))
    )
    assert alone is not None
    assert beside is not None
    assert beside.octaves == pytest.approx(alone.octaves, abs=0.05)
    assert stain_gap(glass, MEAN) is None
    assert stain_gap(glass[:0], MEAN) is None


def test_greys_and_black_have_no_dye_and_glass_is_not_judged() -> None:
    tissue = stained()
    grey = np.repeat(tissue.mean(axis=2, keepdims=True), 3, axis=2)
    noise = np.random.default_rng(0).integers(-5, 6, grey.shape)  # as JPEG leaves it
    for without in (grey, grey + noise, 255 - grey, grey * 0):
        assert is_colourless(np.clip(without, 0, 255).astype(np.uint8))
    glass = np.full((600, 70, 3), 245, np.uint8)
    for other in (tissue, stained(0.2), 255 - tissue, np.concatenate([tissue, glass]), glass):
        assert not is_colourless(other)


def test_scale() -> None:
    assert too_coarse(1.1, 0.25)
    assert not too_coarse(0.499, 0.25)
    assert not too_coarse(0.1, 1.1)
