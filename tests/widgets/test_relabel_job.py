"""Objects anew from kept probabilities: the draft in view, and everything with its table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.relabel_job import RelabelRequest, draft, relabel
from tests.widgets.pictures import colour, shown
from tests.widgets.test_result_info import make_info

BOX = Box(4, 6, 34, 46)
LOW, HIGH = PostProcessing(0.5, 0, 0, 0), PostProcessing(0.8, 0, 0, 0)


def request(settings: PostProcessing = LOW, dtype: Any = np.float32, **changes: Any) -> Any:
    """Two objects, one sure and one not, in a box of a picture of 50 × 60."""
    values = np.full((1, *BOX.shape), 0.1, dtype)
    values[0, 2:12, 3:13] = 0.95
    values[0, 15:25, 20:35] = 0.6
    viewer, layer = shown(colour(50, 60))
    info = make_info(box=BOX, probability=values, pixel_size=PixelSize(0.5, 0.5), **changes)
    return RelabelRequest(info, settings, picture_of(viewer, layer), Box(0, 0, 14, 40))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(("settings", "count"), [(LOW, 2), (HIGH, 1)])
def test_all_objects_lie_where_they_are_with_their_sizes(
    settings: PostProcessing, count: int, dtype: Any
) -> None:
    made = run(relabel(request(settings, dtype)))
    assert made.settings is settings
    assert made.box == Box(0, 0, 50, 60)
    assert made.labels.dtype == np.int32
    assert made.labels.max() == count == len(made.table["index"])
    first = np.zeros((50, 60), bool)
    first[BOX.y0 + 2 : BOX.y0 + 12, BOX.x0 + 3 : BOX.x0 + 13] = True
    np.testing.assert_array_equal(made.labels == 1, first)
    assert made.table["area_um2"][0] == pytest.approx(100 * 0.25)
    assert made.table["mean_probability"][0] == pytest.approx(0.95, abs=1e-3)


def test_a_picture_at_a_coarser_level_has_larger_pixels() -> None:
    made = run(relabel(request(factors=(2.0, 2.0))))
    assert made.table["area_um2"][0] == pytest.approx(100 * 0.25 * 4)


def test_it_says_what_it_does_and_can_be_stopped() -> None:
    job = relabel(request())
    words = [event.message for event in job if isinstance(event, Progress)]
    assert words == ["Separating objects", "Measuring objects", "Placing objects"]
    stopped = relabel(request())
    next(stopped)
    stopped.close()
    with pytest.raises(StopIteration):
        next(stopped)


def test_the_draft_is_the_window_alone_and_agrees_with_everything() -> None:
    asked = request()
    quick, whole = run(draft(asked)), run(relabel(asked))
    assert quick.step == 1
    assert quick.box == asked.window
    seen = whole.labels[BOX.slices][asked.window.slices]
    np.testing.assert_array_equal(quick.labels > 0, seen > 0)
    assert quick.labels.max() == 1


def test_nothing_is_an_object_above_the_highest_probability() -> None:
    made = run(relabel(request(PostProcessing(0.99, 0, 0, 0))))
    assert not made.labels.any()
    assert len(made.table["index"]) == 0
