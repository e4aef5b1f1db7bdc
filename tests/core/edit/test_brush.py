"""The smart brush against distances to each straight piece of a path and a plain flood."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from skimage.draw import line

from napari_selfreg.core.edit import SmartStroke, apply
from napari_selfreg.core.errors import BadInputError
from tests.core.edit.brute import LABELS, Labels, Pixel, edited, flood, picture, pixels

POINTS = st.tuples(
    st.floats(-3, 9).map(lambda v: round(v, 2)), st.floats(-3, 9).map(lambda v: round(v, 2))
)
PATHS = st.lists(POINTS, min_size=1, max_size=4)
RADII = st.floats(0.75, 6).map(lambda value: round(value, 2))


def distance(place: Pixel, path: list[tuple[float, float]]) -> float:
    """Return how far a pixel's centre is from a path."""
    here = np.array(place, float)
    pieces = list(itertools.pairwise(path)) or [(path[0], path[0])]
    return min(_to_piece(here, np.array(a), np.array(b)) for a, b in pieces)


def _to_piece(here: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    length = float((b - a) @ (b - a))
    along = 0.0 if length == 0 else float(np.clip((here - a) @ (b - a) / length, 0, 1))
    return float(np.hypot(*(a + along * (b - a) - here)))


def swept(shape: tuple[int, ...], path: list[tuple[float, float]], radius: float) -> set[Pixel]:
    """Return the pixels near a path; give up where rounding decides."""
    distances = {place: distance(place, path) for place in np.ndindex(*shape)}
    assume(all(abs(value - radius) > 1e-9 for value in distances.values()))
    return {(y, x) for (y, x), value in distances.items() if value <= radius}


def under(path: list[tuple[float, float]]) -> set[Pixel]:
    """Return the pixels under a path, in or out of the image."""
    ends = [(int(np.floor(y + 0.5)), int(np.floor(x + 0.5))) for y, x in path]
    pairs = zip(ends, ends[1:] or ends, strict=False)
    return {
        (int(y), int(x)) for begin, end in pairs for y, x in zip(*line(*begin, *end), strict=True)
    }


def expected_more(
    labels: Labels, path: list[tuple[float, float]], radius: float, target: int
) -> Labels:
    """Paint what a move reaches: background in reach, connected with the object or the pointer."""
    near = swept(labels.shape, path, radius)
    own = pixels(labels == target)
    free = np.zeros(labels.shape, dtype=bool)
    for place in near | own:
        free[place] = labels[place] == 0 or place in own
    reached = flood(free, own | under(path))
    after = labels.copy()
    for place in reached & near:
        after[place] = target
    return after


@given(LABELS, PATHS, RADII)
def test_a_stroke_paints_what_it_reaches_and_never_another_object(
    labels: Labels, path: list[tuple[float, float]], radius: float
) -> None:
    stroke = SmartStroke(labels, path[0], radius)
    expected = expected_more(labels, path, radius, stroke.target)
    after = edited(labels, lambda: stroke.extend(path[1:]))
    np.testing.assert_array_equal(after, expected)
    np.testing.assert_array_equal(after[labels > 0], labels[labels > 0])


@given(LABELS, PATHS, RADII)
def test_subtracting_takes_from_one_object_only(
    labels: Labels, path: list[tuple[float, float]], radius: float
) -> None:
    stroke = SmartStroke(labels, path[0], radius, subtract=True)
    first = stroke.target
    near = swept(labels.shape, path, radius)
    after = edited(labels, lambda: stroke.extend(path[1:]))
    met = {place: int(labels[place]) for place in near if labels[place]}
    if not first and met:
        least = min(distance(place, path[:1]) for place in met)
        assert stroke.target in {
            number for place, number in met.items() if distance(place, path[:1]) <= least + 1e-9
        }
    gone = {place for place, number in met.items() if number == stroke.target}
    expected = labels.copy()
    for place in gone:
        expected[place] = 0
    np.testing.assert_array_equal(after, expected)


@given(LABELS, PATHS, RADII, st.booleans())
def test_moves_one_by_one_stay_on_one_object(
    labels: Labels, path: list[tuple[float, float]], radius: float, subtract: bool
) -> None:
    now = labels.copy()
    stroke = SmartStroke(now, path[0], radius, subtract)
    touched: set[int] = set()
    for points in [[], *([point] for point in path[1:])]:
        edit = stroke.extend(points)
        touched.update(edit.ids)
        apply(now, edit)
    assert touched <= {stroke.target}
    others = (labels > 0) & (labels != stroke.target)
    np.testing.assert_array_equal(now[others], labels[others])


def test_starting_inside_extends_and_outside_begins_a_new_object() -> None:
    labels = picture("2.... ..... ....5")
    inside = SmartStroke(labels, (0, 0), 1)
    assert (inside.target, inside.is_new) == (2, False)
    outside = SmartStroke(labels, (1, 2), 1)
    assert (outside.target, outside.is_new) == (6, True)
    assert edited(labels, outside.extend).tolist() == picture("2.6.. .666. ..6.5").tolist()
    assert SmartStroke(labels, (1, 2), 1, new_id=40).target == 40


def test_what_lies_behind_a_neighbour_waits_for_the_pointer() -> None:
    labels = picture("..3.. " * 3)
    stroke = SmartStroke(labels, (1, 0), 3.0)
    apply(labels, stroke.extend())
    assert labels.tolist() == picture("443.. " * 3).tolist()
    apply(labels, stroke.extend([(1, 4)]))
    assert labels.tolist() == picture("44344 " * 3).tolist()


def test_the_smallest_brush_paints_one_pixel() -> None:
    labels = np.zeros((3, 3), np.int32)
    assert edited(labels, SmartStroke(labels, (1.0, 1.0), 0).extend).sum() == 1
    between = edited(labels, SmartStroke(labels, (1.5, 1.5), 0).extend)
    assert between.any(), "a dab between pixels must not be lost"


def test_a_fast_move_leaves_no_gap() -> None:
    labels = np.zeros((5, 40), np.int32)
    stroke = SmartStroke(labels, (2, 1), 1)
    assert (edited(labels, lambda: stroke.extend([(2, 38)]))[2, 1:39] == 1).all()


def test_a_stroke_beside_the_image_changes_nothing_until_it_comes_in() -> None:
    labels = np.zeros((4, 4), np.int32)
    stroke = SmartStroke(labels, (-20, 2), 2)
    assert not stroke.extend()
    assert not stroke.extend([(-10, 2)])
    assert stroke.extend([(1, 2)]).ids == (1,)


def test_subtracting_from_beside_takes_the_first_object_it_meets() -> None:
    labels = picture("...11.22")
    stroke = SmartStroke(labels, (0, 0), 1, subtract=True)
    assert not stroke.extend()
    assert stroke.target == 0
    assert edited(labels, lambda: stroke.extend([(0, 7)])).tolist() == picture("......22").tolist()


def test_a_new_object_needs_a_number() -> None:
    full = np.array([[0, 255]], np.uint8)
    with pytest.raises(BadInputError, match="number"):
        SmartStroke(full, (0, 0), 1)
    assert SmartStroke(full, (0, 1), 1).target == 255
