from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets import segment_setup
from napari_selfreg.widgets.segment_setup import SegmentSettings, take_request, what_is_missing
from tests.widgets.fakes import make_card

SETTINGS = SegmentSettings(Path("spots.safetensors"), PixelSize(0.25, 0.25), "whole", "cpu")


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def slide(viewer: ViewerModel):
    levels = [np.zeros((s, 2 * s, 3), np.uint8) for s in (400, 100)]
    return viewer.add_image(levels, multiscale=True, scale=(0.25, 0.25), units=["um", "um"])


def test_what_is_missing_is_said_one_thing_at_a_time(viewer: ViewerModel, slide) -> None:
    unknown = replace(SETTINGS, pixel_size=None)
    assert what_is_missing(viewer, None, unknown) == segment_setup.NO_IMAGE
    assert what_is_missing(viewer, slide, unknown) == segment_setup.NO_PIXEL_SIZE
    shapes = replace(SETTINGS, scope="shapes")
    assert what_is_missing(viewer, slide, shapes) == segment_setup.NO_SHAPE
    viewer.dims.ndisplay = 3
    view = replace(SETTINGS, scope="view")
    assert what_is_missing(viewer, slide, view) == segment_setup.NOT_FLAT
    assert what_is_missing(viewer, slide, SETTINGS) == ""


def test_full_resolution_as_long_as_it_is_small(viewer: ViewerModel, slide) -> None:
    request = take_request(viewer, slide, SETTINGS, make_card())
    assert request.box == Box(0, 0, 400, 800)
    assert request.pixel_size == PixelSize(0.25, 0.25)


def test_large_areas_are_taken_next_to_the_models_pixel_size(
    viewer: ViewerModel, slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_setup, "FINEST_PIXELS", 100_000)
    request = take_request(viewer, slide, SETTINGS, make_card())
    assert request.box == Box(0, 0, 100, 200)
    assert request.pixel_size == PixelSize(1, 1)
    viewer.canvas.size = (100, 100)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (50, 100), 4
    view = take_request(viewer, slide, replace(SETTINGS, scope="view"), make_card())
    assert view.picture.shape == (400, 800)
    assert view.box.shape == (101, 101)


def test_the_part_in_view_comes_first(viewer: ViewerModel, slide) -> None:
    viewer.canvas.size = (100, 100)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (50, 100), 4
    assert take_request(viewer, slide, SETTINGS, make_card()).focus == Box(150, 350, 251, 451)
    viewer.scene.camera.center = (9999, 9999)
    assert take_request(viewer, slide, SETTINGS, make_card()).focus is None


def test_incomplete_settings_are_refused(viewer: ViewerModel, slide) -> None:
    with pytest.raises(BadInputError, match="first"):
        take_request(viewer, slide, replace(SETTINGS, model=None), make_card())
