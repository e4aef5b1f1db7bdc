from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.blocks import slices
from napari_selfreg.engine.events import Progress
from napari_selfreg.engine.volume.events import VolumeTileDone
from napari_selfreg.widgets.volume import preview as module
from napari_selfreg.widgets.volume.layers import volume_of
from napari_selfreg.widgets.volume.preview import VolumePreview, paste_part
from tests.widgets.volume.conftest import MM


def part(place: Any, value: int, done: float = 0.5) -> VolumeTileDone:
    sides = [stop - start for start, stop in place]
    return VolumeTileDone(place, np.full(sides, value, np.uint8), done)


def edges(layer: Any) -> np.ndarray:
    shape = np.array(layer.data.shape)
    return np.array([layer.data_to_world(np.full(3, -0.5)), layer.data_to_world(shape - 0.5)])


@pytest.fixture
def scene(scan: np.ndarray) -> Any:
    viewer = ViewerModel()
    data = scan.transpose(2, 0, 1)
    layer = viewer.add_image(data, axis_labels=["x", "z", "y"], scale=(0.5, 2, 1), **MM)
    return viewer, layer


def test_parts_of_any_place_fill_the_canvas_once(scan: np.ndarray) -> None:
    values = np.random.default_rng(0).integers(1, 255, (10, 12, 14)).astype(np.uint8)
    canvas = np.zeros_like(values)
    for place in (
        ((0, 4), (0, 12), (0, 14)),
        ((4, 10), (0, 5), (0, 14)),
        ((4, 10), (5, 12), (0, 14)),
    ):
        paste_part(canvas, place, values[slices(place)], (1, 1, 1))
    np.testing.assert_array_equal(canvas, values)


def test_thinned_parts_lie_where_they_belong() -> None:
    canvas = np.zeros((3, 4, 5), np.uint8)
    paste_part(canvas, ((4, 8), (0, 16), (8, 20)), np.full((2, 4, 3), 9, np.uint8), (4, 4, 4))
    expected = np.zeros_like(canvas)
    expected[1, :, 2:] = 9
    np.testing.assert_array_equal(canvas, expected)


def test_a_large_volume_is_shown_coarsely_and_exactly_on_its_place(scene: Any, monkeypatch) -> None:
    viewer, layer = scene
    monkeypatch.setattr(module, "MAX_SIDE", 6)
    preview = VolumePreview(viewer, layer, volume_of(layer))
    preview.show([Progress(0, 100), part(((0, 5), (0, 12), (0, 14)), 7)])
    shown = preview.layer
    assert max(shown.data.shape) <= 6
    np.testing.assert_allclose(edges(shown)[0], edges(layer)[0])
    assert shown.data[:, 0].min() == 7  # the second axis is z
    assert shown.data[:, -1].max() == 0


def test_one_that_is_ready_at_once_needs_no_preview_and_a_removed_one_stays_away(
    scene: Any,
) -> None:
    viewer, layer = scene
    preview = VolumePreview(viewer, layer, volume_of(layer))
    whole = ((0, 10), (0, 12), (0, 14))
    preview.show([part(whole, 7, done=1.0)])
    preview.show([Progress(1, 1)])
    assert preview.layer is None
    preview.show([part(whole, 7)])
    viewer.layers.remove(preview.layer)
    preview.show([part(whole, 9)])
    preview.remove()
    assert list(viewer.layers) == [layer]
