"""Probabilities and uncertainty as layers, for those who ask for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.extra_layers import add_extra_layers
from napari_selfreg.widgets.layers import is_picture, picture_of
from napari_selfreg.widgets.segment_job import PanelRequest
from tests.widgets.fakes import Objects, make_card
from tests.widgets.pictures import colour, shown, world_of

BOX = Box(3, 5, 13, 25)


def asked(viewer: Any, layer: Any, **wanted: bool) -> PanelRequest:
    picture = picture_of(viewer, layer)
    return PanelRequest(picture, BOX, None, PixelSize.isotropic(1), "model", "cpu", **wanted)


def found(channels: int = 1) -> Objects:
    values = np.linspace(0, 1, channels * 200, dtype=np.float32).reshape(channels, *BOX.shape)
    return Objects(np.zeros(BOX.shape, np.int32), BOX, {}, (), values, values[0] / 2)


def test_nothing_is_added_unasked() -> None:
    viewer, layer = shown(colour(20, 30))
    assert add_extra_layers(viewer, layer, asked(viewer, layer), make_card(), found()) == []
    assert len(viewer.layers) == 1


@pytest.mark.parametrize("separation", [None, "contour"])
def test_a_layer_for_every_class_and_the_contour(separation: str | None) -> None:
    viewer, layer = shown(colour(20, 30, name="field"))
    card = make_card(classes=("gland", "tumour"), separation=separation)
    request = asked(viewer, layer, probability=True)
    channels = 2 + (separation is not None)
    added = add_extra_layers(viewer, layer, request, card, found(channels))
    titles = ["gland", "tumour", "contour"][:channels]
    assert [each.name for each in added] == [f"field probability of {t}" for t in titles]
    for each, plane in zip(added, found(channels).probability, strict=True):
        np.testing.assert_array_equal(each.data, plane)
        assert tuple(each.contrast_limits) == (0, 1)
        assert not is_picture(each)


def test_uncertainty_lies_on_the_image_and_selects_nothing() -> None:
    viewer, layer = shown(colour(20, 30, scale=(2, 3), translate=(7, 11)))
    before = set(viewer.layers.selection)
    request = asked(viewer, layer, uncertainty=True)
    (added,) = add_extra_layers(viewer, layer, request, make_card(), found())
    np.testing.assert_allclose(world_of(added, 0, 0), world_of(layer, BOX.y0, BOX.x0))
    np.testing.assert_allclose(world_of(added, 9, 19), world_of(layer, BOX.y0 + 9, BOX.x0 + 19))
    np.testing.assert_array_equal(added.data, found().uncertainty)
    assert set(viewer.layers.selection) == before
