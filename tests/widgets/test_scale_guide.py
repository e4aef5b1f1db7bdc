from __future__ import annotations

import math

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.areas import has_selected_shapes
from napari_selfreg.widgets.layers import is_picture
from napari_selfreg.widgets.scale_guide import NAME, ScaleGuide, bar, object_outline, plate
from tests.widgets.fakes import make_card
from tests.widgets.pictures import noise

SIZE = PixelSize(y=0.5, x=0.25)


@pytest.fixture
def viewer() -> ViewerModel:
    made = ViewerModel()
    made.add_image(noise(300, 400, 3), rgb=True, name="field")
    return made


def test_the_bar_is_100_micrometres_long_and_in_view() -> None:
    ends = bar(Box(100, 200, 500, 900), SIZE)
    assert ends[1] - ends[0] == pytest.approx((0, 400))
    assert 100 < ends[0, 0] < 500
    assert 200 < ends[0, 1] < 900


def test_the_object_has_the_area_of_a_typical_one() -> None:
    outline = object_outline((50, 60), 5000.0, SIZE) * (SIZE.y, SIZE.x)
    rows, columns = outline.T
    area = abs(np.dot(rows, np.roll(columns, 1)) - np.dot(columns, np.roll(rows, 1))) / 2
    assert area == pytest.approx(5000, rel=0.01)
    assert outline.mean(axis=0) == pytest.approx((25, 15))
    assert np.ptp(rows) == pytest.approx(2 * math.sqrt(5000 / math.pi), rel=0.01)


def test_words_have_a_bright_plate_of_their_size_on_the_screen() -> None:
    small, large = (plate((10, 20), "100 µm", screen) for screen in (0.5, 2))
    assert tuple(small[0]) == tuple(large[0]) == (10, 20)
    assert np.ptp(large, axis=0) == pytest.approx(4 * np.ptp(small, axis=0))
    assert np.ptp(plate((0, 0), "100 µm at 20×?", 2)[:, 1]) > np.ptp(large[:, 1])


def test_words_hide_no_small_object(viewer: ViewerModel) -> None:
    guide, image = ScaleGuide(viewer), viewer.layers["field"]
    guide.show(image, SIZE, make_card(typical_area_um2=30.0))
    outline, words = viewer.layers[NAME].data[-2:]
    assert words[:, 0].max() <= outline[:, 0].min()


def test_it_comes_and_goes_without_touching_the_selection(viewer: ViewerModel) -> None:
    guide, image = ScaleGuide(viewer), viewer.layers["field"]
    viewer.layers.selection.active = image
    guide.show(image, SIZE, make_card(typical_area_um2=300.0), " at 20×?")
    assert guide.visible
    assert viewer.layers.selection.active is image
    drawn = viewer.layers[NAME]
    assert list(drawn.text.values) == ["", "", "100 µm at 20×?", "", "", "typical spot"]
    assert not is_picture(drawn)
    assert not has_selected_shapes(viewer)
    guide.show(image, PixelSize(1, 1), None)
    assert len(viewer.layers[NAME].data) == 3  # no object without a model
    guide.hide()
    assert not guide.visible
    assert [layer.name for layer in viewer.layers] == ["field"]
    guide.hide()


def test_it_lies_on_its_image(viewer: ViewerModel) -> None:
    image = viewer.layers["field"]
    image.scale, image.units = (0.5, 0.25), ("um", "um")
    guide = ScaleGuide(viewer)
    guide.show(image, SIZE, None)
    drawn = viewer.layers[NAME]
    start, end = (np.asarray(drawn.data_to_world(point)) for point in drawn.data[0])
    assert end - start == pytest.approx((0, 100))


def test_a_person_may_remove_it(viewer: ViewerModel) -> None:
    guide = ScaleGuide(viewer)
    guide.show(viewer.layers["field"], SIZE, None)
    viewer.layers.remove(viewer.layers[NAME])
    assert not guide.visible
    guide.hide()


def test_nothing_is_drawn_in_space_or_on_stacks(viewer: ViewerModel) -> None:
    guide = ScaleGuide(viewer)
    guide.show(viewer.add_image(noise(3, 30, 40)), SIZE, None)
    assert not guide.visible
    viewer.dims.ndisplay = 3
    guide.show(viewer.layers["field"], SIZE, None)
    assert not guide.visible
