"""Sizes a network accepts, and windows averaged over a picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.wholes import accepted_shape, window_logits
from napari_selfreg.nets.tapspec import Tap, TapSpec


def _spec(**sizes: object) -> TapSpec:
    return TapSpec((Tap("D1", "x"),), **sizes)


def test_sides_grow_to_the_next_that_fits() -> None:
    spec = _spec(size_multiple=8, min_size=24)
    assert accepted_shape((5, 25), spec) == (24, 32)
    assert accepted_shape((5, 25), spec, 12) == (24, 48)


def test_a_fixed_size_is_the_least_of_each_axis() -> None:
    spec = _spec(fixed_size=(48, 16))
    assert accepted_shape((40, 40), spec, 32) == (48, 40)


@pytest.mark.parametrize("weights", ["constant", "gaussian"])
def test_what_is_the_same_in_all_windows_is_the_same_in_the_whole(weights: str) -> None:
    image = torch.rand(1, 3, 20, 30)
    logits = window_logits(nn.ReLU(), image, (16, 16), overlap=0.5, weights=weights)
    torch.testing.assert_close(logits, image)


def test_of_several_outputs_the_first_counts_and_others_are_refused() -> None:
    class Two(nn.Module):
        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            return image, image

    class Named(nn.Module):
        def forward(self, image: Tensor) -> dict[str, Tensor]:
            return {"out": image}

    image = torch.rand(1, 3, 8, 8)
    found = window_logits(Two(), image, (8, 8), overlap=0.5, weights="constant")
    torch.testing.assert_close(found, image)
    with pytest.raises(BadModelError, match="a dict"):
        window_logits(Named(), image, (8, 8), overlap=0.5, weights="constant")
