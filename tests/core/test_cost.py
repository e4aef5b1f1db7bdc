from __future__ import annotations

import pytest

from napari_selfreg.core.cost import Cost, estimate, model_pixels
from napari_selfreg.core.types import PixelSize


def test_pixels_for_the_network_follow_the_scales() -> None:
    fine, coarse = PixelSize.isotropic(0.25), PixelSize.isotropic(1.0)
    assert model_pixels(1600, fine, coarse) == pytest.approx(100)
    assert model_pixels(100, coarse, fine) == pytest.approx(1600)
    assert model_pixels(1600, fine, coarse, tta=True) == pytest.approx(800)


def test_time_is_for_the_network_and_for_labelling() -> None:
    cost = estimate(1_000_000, 2_000_000, 2, speed=1e6)
    assert 2 < cost.seconds < 4
    assert 50e6 < cost.bytes < 80e6
    assert estimate(1_000_000, 2_000_000, 2, speed=2e6).seconds < cost.seconds
    assert estimate(1_000_000, 2_000_000, 5, speed=1e6).bytes > cost.bytes


@pytest.mark.parametrize(
    ("seconds", "needed", "large"),
    [(59, 10, False), (61, 10, True), (5, 501, True), (5, 499, False)],
)
def test_what_is_asked_about_first(seconds: float, needed: int, large: bool) -> None:
    assert Cost(seconds, needed).is_large(free=1000) is large
