"""What the wand looks at, and how far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.widgets.correct import wand_area
from napari_selfreg.widgets.correct.layer_fields import NO_PICTURE
from napari_selfreg.widgets.correct.wand_area import WandArea
from napari_selfreg.widgets.result_info import RESULT_KEY, result_info
from tests.widgets.results_steps import add_objects, squares

START = (8.0, 10.0)
"""In the first square."""


@pytest.fixture
def opened() -> Any:
    viewer = ViewerModel()
    _, layer = add_objects(viewer)
    return viewer, WandArea(viewer), layer


def grown(wand: WandArea, layer: Any, labels: np.ndarray | None = None) -> np.ndarray:
    """Return labels after a click into the first square, where nothing is labelled yet."""
    labels = np.zeros_like(squares()) if labels is None else labels
    edit = wand.grow(layer, labels, START, 9)
    after = labels.copy()
    rows, columns, values = edit.pixels()
    after[rows, columns] = values
    return after


def test_colours_that_are_alike(opened: Any) -> None:
    _, wand, layer = opened
    found = grown(wand, layer)
    assert (found[5:10, 8:14] == 9).all()
    assert not found[squares() != 1].any()


def test_it_stops_a_stretch_from_the_click(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, wand, layer = opened
    monkeypatch.setattr(wand_area, "REACH", 2)
    rows, columns = np.nonzero(grown(wand, layer))
    assert rows.size
    assert np.abs(rows - START[0]).max() <= 2
    assert np.abs(columns - START[1]).max() <= 2


def test_the_model_is_followed_where_its_probabilities_were_kept(opened: Any) -> None:
    viewer, wand, layer = opened
    wand.by_model = True
    np.testing.assert_array_equal(grown(wand, layer) == 9, squares() == 1)
    viewer.layers.remove("field 1")  # the picture is not asked
    np.testing.assert_array_equal(grown(wand, layer) == 9, squares() == 1)


def test_probabilities_of_a_part_lie_where_they_were_made(opened: Any) -> None:
    _, wand, layer = opened
    info = result_info(layer)
    part = Box(2, 4, 40, 60)
    layer.metadata[RESULT_KEY] = replace(
        info, box=part, probability=info.probability[(slice(None), *part.slices)]
    )
    wand.by_model = True
    np.testing.assert_array_equal(grown(wand, layer) == 9, squares() == 1)


def test_without_probabilities_colours_are_taken(opened: Any) -> None:
    _, wand, layer = opened
    expected = grown(wand, layer)
    layer.metadata[RESULT_KEY] = replace(result_info(layer), probability=None)
    wand.by_model = True
    np.testing.assert_array_equal(grown(wand, layer), expected)


def test_a_new_picture_is_looked_at_anew(opened: Any) -> None:
    viewer, wand, layer = opened
    assert grown(wand, layer).any()
    image = viewer.layers["field 1"]
    image.data = np.full_like(image.data, 220)
    assert (grown(wand, layer) == 9).all()


def test_without_a_picture_it_says_what_to_do(opened: Any) -> None:
    viewer, wand, layer = opened
    viewer.layers.remove("field 1")
    with pytest.raises(BadInputError, match=NO_PICTURE):
        grown(wand, layer)
    del layer.metadata[RESULT_KEY]
    with pytest.raises(BadInputError, match=NO_PICTURE):
        grown(wand, layer)
