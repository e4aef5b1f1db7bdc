"""Looking inside networks of volumes: they see what they see in a segmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.engine.events import run
from napari_selfreg.engine.inside import look
from napari_selfreg.engine.inside_types import Attention, InsideRequest
from napari_selfreg.nets.feature_maps import capture
from tests.engine.looks import with_taps
from tests.engine.volume.models import registered, scan

MM = PixelSize.isotropic(1000.0)
TINY = registered("dynunet", filters=[4, 4, 4], norm="BATCH")


def model(**card: Any) -> Any:
    fields = {"in_channels": 1, "intensity": "volume", "um_per_px": (1000.0,) * 3, **card}
    return with_taps(TINY.network, TINY.tapspec, **fields)


def seen(volume: np.ndarray, **request: Any) -> np.ndarray:
    """Return the maps of the first block."""
    request = {"model": model(), "device": "cpu", "numbers": False, "blocks": ("E1",), **request}
    return run(look(InsideRequest(volume, MM, **request))).blocks["E1"].maps


def wanted(normalised: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(np.ascontiguousarray(normalised))[None, None]
    return capture(TINY.network, TINY.tapspec, image, ("E1",))["E1"][0].numpy()


@pytest.mark.parametrize("attention", [None, Attention(1)])
@pytest.mark.parametrize("as_stored", [lambda v: v, lambda v: v[..., None], np.int32])
def test_intensities_as_stored_are_normalised_as_in_a_segmentation(
    as_stored: Any, attention: Attention | None
) -> None:
    volume = np.round(scan(16, 24, 16) * 900 - 300)
    found = seen(as_stored(volume), attention=attention)
    np.testing.assert_allclose(found, wanted(normalise(volume)), atol=5e-3)


def test_a_region_is_normalised_with_the_whole_volume() -> None:
    volume = scan(16, 24, 24)
    volume[:, 12:] *= 40
    found = seen(volume, region=Box(0, 0, 12, 16))
    np.testing.assert_allclose(found, wanted(normalise(volume)[:, :12, :16]), atol=5e-3)


def test_what_was_normalised_before_is_left_alone() -> None:
    volume = normalise(scan(16, 24, 16)) * 0.5
    np.testing.assert_allclose(seen(volume, normalised=True), wanted(volume), atol=5e-3)


def test_cards_that_say_nothing_take_colours() -> None:
    volume = np.random.default_rng(0).integers(0, 255, (16, 24, 16), np.uint8)
    found = seen(volume, model=model(intensity="colours"))
    # mean 0.5 and spread 0.25, see `with_taps`
    np.testing.assert_allclose(
        found, wanted((volume.astype(np.float32) / 255 - 0.5) / 0.25), atol=5e-3
    )
