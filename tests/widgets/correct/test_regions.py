"""Shapes on the picture and regions in the project: always the same areas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import NewField, Project, Region
from napari_selfreg.io.project.reviewed import reviewed_mask
from napari_selfreg.widgets.correct.regions import NAME, NO_AREA, Regions
from napari_selfreg.widgets.pixel_size_change import change_pixel_size
from tests.widgets.correct.steps import save_picture
from tests.widgets.results_steps import UM, squares
from tests.widgets.waits import LONG

RING = np.array([(2, 3), (2, 30), (22, 30), (22, 3)], float)
BOXES = st.tuples(
    st.integers(0, 50), st.integers(0, 70), st.integers(1, 30), st.integers(1, 30)
).map(lambda box: Box(box[0], box[1], min(60, box[0] + box[2]), min(80, box[1] + box[3])))


@pytest.fixture
def drawn(light: Any) -> Any:
    light.regions = Regions(light.viewer, light.desk, light.owner)
    return light


def mask(drawn: Any) -> np.ndarray:
    project = drawn.desk.project
    return reviewed_mask(drawn.regions.all.values(), project.field("f1"))


def corners(box: Box) -> np.ndarray:
    return np.array([(box.y0, box.x0), (box.y0, box.x1), (box.y1, box.x1), (box.y1, box.x0)], float)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(BOXES, st.sampled_from(["rectangle", "polygon", "view"])), max_size=4),
    st.data(),
)
def test_against_a_list_of_boxes(drawn: Any, boxes: list[tuple[Box, Any]], data: Any) -> None:
    """Adding, moving and removing shapes leaves the mask of the boxes that a list holds."""
    for kind in ("rectangle", "polygon", "view"):
        drawn.regions.drop(kind)
    model: list[Box] = []
    for box, kind in boxes:
        drawn.regions.put(corners(box), kind)
        model.append(box)
    action = data.draw(st.sampled_from(["nothing", "move", "remove"]))
    if model and action != "nothing":
        index = data.draw(st.integers(0, len(model) - 1))
        shapes = drawn.regions.layer
        if action == "remove":
            shapes.selected_data = {index}
            shapes.remove_selected()
            del model[index]
        else:
            model[index] = Box(5, 7, 20, 33)
            shapes.data = [
                corners(model[index]) - 0.5 if place == index else np.asarray(each)
                for place, each in enumerate(shapes.data)
            ]
        drawn.regions._read()
    expected = np.zeros((60, 80), bool)
    for box in model:
        expected[box.slices] = True
    assert np.array_equal(mask(drawn), expected)
    assert len(drawn.regions.all) == len(model)
    names = [layer.name for layer in drawn.viewer.layers]
    assert (NAME in names) == bool(model)


def test_looking_again_changes_no_region(drawn: Any) -> None:
    drawn.regions.put(RING / 3, "view")
    drawn.regions.put(RING, "rectangle")
    before, sequence = drawn.regions.all, drawn.desk.project.sequence
    drawn.regions._read()
    assert drawn.regions.all == before
    assert drawn.desk.project.sequence == sequence


def test_a_field_that_was_made_smaller_is_a_polygon_now(drawn: Any) -> None:
    drawn.regions.add_field()
    assert mask(drawn).all()
    (identity,) = drawn.regions.all
    drawn.regions.layer.data = [RING - 0.5]
    drawn.regions._read()
    (region,) = drawn.regions.all.values()
    assert (region.id, region.kind) == (identity, "polygon")
    assert mask(drawn).sum() == 20 * 27


def test_holes_stay_where_the_outline_is_moved(drawn: Any) -> None:
    hole = Region.rectangle(Box(5, 5, 10, 10)).points
    region = Region(points=Region.rectangle(Box(0, 0, 30, 30)).points, holes=(hole,))
    drawn.desk.project.put_region("f1", region)
    drawn.regions.refresh()
    drawn.regions.layer.data = [corners(Box(0, 0, 40, 40)) - 0.5]
    drawn.regions._read()
    assert mask(drawn).sum() == 40 * 40 - 25


@pytest.mark.parametrize("kind", ["line", "path"])
def test_a_shape_without_an_area_is_removed_and_stops_no_other(drawn: Any, kind: str) -> None:
    told: list[str] = []
    drawn.desk.told.connect(told.append)
    drawn.regions.drawn.connect(lambda: drawn.desk.told.emit(""))  # as the buttons do
    drawn.regions.draw("rectangle")
    drawn.regions.layer.add([RING[: 2 if kind == "line" else 4] * 2], shape_type=kind)
    drawn.regions.layer.add([RING - 0.5], shape_type="rectangle")
    drawn.regions._read()
    assert told[-1] == NO_AREA
    assert mask(drawn).sum() == 20 * 27
    assert len(drawn.regions.layer.data) == 1
    assert [region.kind for region in drawn.regions.all.values()] == ["rectangle"]


def test_a_region_whose_shape_became_nothing_stays_as_it_was(drawn: Any) -> None:
    drawn.regions.put(RING, "polygon")
    before = drawn.regions.all
    drawn.regions.layer.data = [(RING[:2], "line")]
    drawn.regions._read()
    assert drawn.regions.all == before
    np.testing.assert_allclose(drawn.regions.layer.data[0], RING - 0.5)


@pytest.mark.parametrize(
    "around",
    [
        [(10, 10), (10, 50), (40, 50), (40, 10)],
        [(15, 10), (5, 40), (25, 46.7), (35, 16.7)],  # turned
    ],
)
def test_an_ellipse_counts_as_what_it_holds(drawn: Any, around: list[Any]) -> None:
    vertices = np.array(around, float)
    drawn.regions.draw("rectangle")
    drawn.regions.layer.add([vertices], shape_type="ellipse")
    drawn.regions._read()
    axes = np.linalg.norm(np.diff(vertices[:3], axis=0), axis=1)
    assert mask(drawn).sum() == pytest.approx(np.pi / 4 * axes.prod(), rel=0.02)
    assert len(drawn.regions.layer.data[0]) > 4


def test_only_the_regions_of_one_kind_are_dropped(drawn: Any) -> None:
    for kind in ("rectangle", "view", "rectangle"):
        drawn.regions.put(RING, kind)
    drawn.regions.drop("rectangle")
    assert [region.kind for region in drawn.regions.all.values()] == ["view"]


def test_whoever_takes_the_layer_away_loses_no_region(drawn: Any) -> None:
    drawn.regions.put(RING, "rectangle")
    drawn.viewer.layers.remove(NAME)
    drawn.regions._read()
    assert mask(drawn).sum() == 20 * 27
    drawn.regions.draw("polygon")
    assert str(drawn.viewer.layers[NAME].mode) == "add_polygon"
    assert len(drawn.viewer.layers[NAME].data) == 1


def test_the_tool_and_the_selected_layer_stay(drawn: Any) -> None:
    drawn.viewer.layers.selection.active = drawn.layer
    drawn.regions.put(RING, "rectangle")
    assert drawn.viewer.layers.selection.active is drawn.layer
    drawn.regions.drop("rectangle")
    assert drawn.viewer.layers.selection.active is drawn.layer


@pytest.mark.parametrize("seen", [True, False])
def test_regions_stay_on_their_labels_whatever_the_pixel_size(drawn: Any, seen: bool) -> None:
    drawn.regions.put(RING, "rectangle")
    drawn.viewer.layers[NAME].visible = seen
    y, x = drawn.layer.scale
    change_pixel_size(drawn.viewer, drawn.desk.image, PixelSize(y / 2, x / 2))
    drawn.desk.shared.pixelSizeChanged.emit(drawn.desk.image)
    assert drawn.viewer.layers[NAME].scale == pytest.approx((y / 2, x / 2))
    assert drawn.layer.scale == pytest.approx((y / 2, x / 2))


def test_a_reader_cannot_draw(drawn: Any, qtbot) -> None:
    drawn.regions.put(RING, "rectangle")
    folder = drawn.desk.project.folder
    drawn.desk.close()
    with Project.open(folder):
        drawn.desk.open(folder)
        qtbot.waitUntil(lambda: drawn.regions.layer is not None, timeout=LONG)
        assert not drawn.regions.layer.editable
        told: list[str] = []
        drawn.desk.told.connect(told.append)
        drawn.regions.layer.data = [RING - 0.5 + 9]
        drawn.regions._read()
        assert "another window" in told[-1]
        assert mask(drawn)[3, 4]  # shown again as they are
        np.testing.assert_allclose(drawn.regions.layer.data[0], RING - 0.5)


def test_on_a_part_of_a_slide_regions_are_those_of_the_slide(
    drawn: Any, tmp_path: Path, qtbot
) -> None:
    image = save_picture(tmp_path, "slide", np.zeros((200, 220), np.int32))
    part = NewField(
        image,
        squares(),
        UM,
        "option",
        ("spot",),
        image_shape=(200, 220),
        offset=(10.0, 20.0),
        downsample=(2.0, 2.0),
    )
    with Project.create(tmp_path / "slide.selfreg", [part]) as project:
        record = project.field("f1")
        drawn.desk.link.project, drawn.desk.link.field = project, "f1"
        drawn.regions.put(RING, "rectangle")
        (region,) = project.facts("f1").regions.values()
        np.testing.assert_allclose(region.array()[0], (10 + 2 * 2, 20 + 3 * 2))
        found = reviewed_mask([region], record)
        assert np.array_equal(np.argwhere(found)[[0, -1]], [(2, 3), (21, 29)])
        np.testing.assert_allclose(drawn.regions.layer.data[0], RING - 0.5)
        drawn.desk._untie = lambda: None  # its link was borrowed
    drawn.desk.link = None
