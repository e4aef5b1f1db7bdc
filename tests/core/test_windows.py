"""Ranking of windows, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_selfreg.core.types import Box
from napari_selfreg.core.windows import OPEN, TISSUE, doubt_in, rank_windows

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)
FEW = settings(max_examples=40)
SIDES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, what is unreviewed, and tissue."""
    shape = draw(SHAPES)
    scores = arrays(np.float32, shape, elements=st.integers(-3, 5).map(float))
    mask = arrays(np.bool_, shape, fill=st.just(True))
    return draw(scores), draw(mask), draw(mask)


def plain(scores, unreviewed, tissue, side, most):
    """Return the same windows, by looking at each."""
    height, width = min(side[0], scores.shape[0]), min(side[1], scores.shape[1])

    def starts(whole, part):
        last = whole - part
        return sorted({*range(0, last + 1, max(1, part // 4)), last})

    places = []
    for y in starts(scores.shape[0], height):
        for x in starts(scores.shape[1], width):
            box = Box(y, x, y + height, x + width)
            own = unreviewed[box.slices]
            if own.mean() >= OPEN and (own & tissue[box.slices]).mean() >= TISSUE:
                score = float(np.where(own, scores[box.slices], 0).astype(np.float64).mean())
                places.append((-round(score, 9), y, x, box, score))
    found = []
    for *_, box, score in sorted(places, key=lambda place: place[:3]):
        if len(found) < most and all(box.intersect(other).empty for other, _ in found):
            found.append((box, score))
    return found


@FEW
@given(pictures(), SIDES, st.integers(0, 6))
def test_a_plain_search_finds_the_same_windows(picture, side, most) -> None:
    found = rank_windows(*picture, side=side, most=most)
    wanted = plain(*picture, side, most)
    assert [one.score for one in found] == pytest.approx([score for _, score in wanted])
    assert len({one.box for one in found}) == len(found) <= most
    if len({round(score, 6) for _, score in wanted}) == len(wanted):
        assert [one.box for one in found] == [box for box, _ in wanted]


@FEW
@given(pictures(), SIDES)
def test_windows_lie_apart_in_the_picture_and_are_mostly_unreviewed(picture, side) -> None:
    scores, unreviewed, tissue = picture
    found = rank_windows(*picture, side=side, most=99)
    whole = Box(0, 0, *scores.shape)
    covered = np.zeros(scores.shape, int)
    for one in found:
        assert one.box.intersect(whole) == one.box
        assert one.box.shape == tuple(np.minimum(side, scores.shape))
        assert unreviewed[one.box.slices].mean() >= OPEN
        assert (unreviewed & tissue)[one.box.slices].mean() >= TISSUE
        covered[one.box.slices] += 1
    assert covered.max(initial=0) <= 1
    assert sorted((one.score for one in found), reverse=True) == [one.score for one in found]


@FEW
@given(pictures(), SIDES, st.integers(0, 5))
def test_fewer_windows_are_the_first_of_more(picture, side, most) -> None:
    assert (
        rank_windows(*picture, side=side, most=most)
        == rank_windows(*picture, side=side, most=99)[:most]
    )


@FEW
@given(pictures(), SIDES)
def test_what_is_reviewed_changes_nothing(picture, side) -> None:
    scores, unreviewed, tissue = picture
    others = np.where(unreviewed, scores, scores[::-1, ::-1] + 7)
    assert rank_windows(scores, unreviewed, tissue, side=side, most=5) == rank_windows(
        others, unreviewed, tissue, side=side, most=5
    )


def test_the_brightest_place_comes_first_unless_it_is_reviewed_or_glass() -> None:
    scores, everywhere = np.zeros((40, 60)), np.ones((40, 60), bool)
    scores[20:30, 40:50] = 1
    (best,) = rank_windows(scores, everywhere, everywhere, side=(10, 10), most=1)
    assert best.box.intersect(Box(20, 40, 30, 50)).shape >= (8, 8)
    nowhere = np.ones((40, 60), bool)
    nowhere[10:40, 30:60] = False
    for masks in ((nowhere, everywhere), (everywhere, nowhere)):
        (other,) = rank_windows(scores, *masks, side=(10, 10), most=1)
        assert other.score < 0.5 * best.score
    nothing = np.zeros((40, 60), bool)
    assert rank_windows(scores, nothing, everywhere, side=(10, 10), most=9) == ()
    assert rank_windows(scores, everywhere, nothing, side=(10, 10), most=9) == ()


def gland() -> np.ndarray:
    """Return the foreground of one round object."""
    y, x = np.ogrid[:64, :64]
    return np.where((y - 32) ** 2 + (x - 32) ** 2 < 20**2, 0.9, 0.1)


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ((32, 51), "outline"),
        ((32, 13), "outline"),
        ((32, 32), "false"),
        ((4, 4), "missed"),
    ],
)
def test_doubt_is_named_by_where_it_lies(place, wanted) -> None:
    scores = np.full((64, 64), -1.0)
    scores[place[0] - 2 : place[0] + 2, place[1] - 2 : place[1] + 2] = 1
    assert doubt_in(scores, gland(), Box(0, 0, 64, 64)) == wanted


@pytest.mark.parametrize(("level", "wanted"), [(0.2, "missed"), (0.8, "false")])
def test_without_an_outline_the_level_decides(level, wanted) -> None:
    scores, foreground = np.ones((20, 20)), np.full((20, 20), level)
    assert doubt_in(scores, foreground, Box(3, 3, 13, 13)) == wanted


def test_only_the_window_counts() -> None:
    scores = np.zeros((64, 64))
    scores[2:6, 2:6], scores[32, 30:34] = 1, 100
    assert doubt_in(scores, gland(), Box(0, 0, 16, 64)) == "missed"
