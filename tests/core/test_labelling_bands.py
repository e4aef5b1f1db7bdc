"""Rows that come one after the other give the objects of the whole image, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_selfreg.core import labelling_bands as module
from napari_selfreg.core.bands import object_bands
from napari_selfreg.core.labelling_bands import BandLabeller
from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.separation import REACH
from napari_selfreg.core.types import PixelSize, PostProcessing

Plane = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
ONE = PixelSize.isotropic(1.0)
PLAIN = PostProcessing()


class Rows:
    """Planes whose rows are unknown until they are revealed; it is an error to look before."""

    def __init__(self, foreground: Plane, contour: Plane | None) -> None:
        self.planes = foreground, contour
        self.known = 0
        self.asked = 0

    def __call__(self, rows: slice) -> tuple[Plane, Plane | None]:
        assert 0 <= rows.start < rows.stop <= self.known
        self.asked += rows.stop - rows.start
        foreground, contour = self.planes
        return foreground[rows], None if contour is None else contour[rows]


def label_rows(
    foreground: Plane,
    contour: Plane | None,
    chosen: PostProcessing,
    size: PixelSize,
    stops: Iterable[int],
) -> Labels:
    rows = Rows(foreground, contour)
    labeller = BandLabeller(rows, foreground.shape, chosen, size)
    for stop in (*stops, len(foreground)):
        rows.known = stop
        for _ in labeller.advance(stop):
            pass
    return labeller.result()


def picture(text: str) -> Plane:
    return np.array([[c == "1" for c in row] for row in text.split()], dtype=np.float32)


@st.composite
def maps(draw: st.DrawFn) -> tuple[Plane, Plane | None]:
    """Return noise of any grain; sometimes saturated, so that depths are equal; or nothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 64)), draw(st.integers(1, 40))
    grain = draw(st.sampled_from([0.0, 0.7, 1.5, 3.0]))
    level = draw(st.sampled_from([-9.0, 0.2, 0.45, 0.55, 0.7, 9.0]))
    saturated = draw(st.booleans())

    def plane(mean: float) -> Plane:
        noise = ndimage.gaussian_filter(rng.standard_normal(shape), grain)
        values = (mean + 0.3 * noise / max(noise.std(), 1e-9)).clip(0, 1)
        return (np.round(values) if saturated else values).astype(np.float32)

    foreground, contour = plane(level), plane(0.3)
    if draw(st.integers(0, 4)) == 0:
        foreground[rng.random(shape) < 0.02] = np.nan
    return foreground, contour if draw(st.booleans()) else None


SETTINGS = st.builds(
    PostProcessing,
    threshold=st.sampled_from([0.3, 0.5]),
    min_area_um2=st.sampled_from([0.0, 3.0, 12.0]),
    max_hole_um2=st.sampled_from([0.0, 1.0, 6.0, 40.0, 1000.0]),
    separation=st.sampled_from([0.0, 0.5, 1.0]),
)
SIZES = st.builds(PixelSize, st.sampled_from([0.5, 1.0, 1.1]), st.sampled_from([0.4, 1.0, 1.21]))


@settings(deadline=None, max_examples=150)
@given(maps(), SETTINGS, SIZES, st.lists(st.integers(0, 64), max_size=12))
def test_any_bands_give_the_objects_of_the_whole(
    planes: tuple[Plane, Plane | None],
    chosen: PostProcessing,
    size: PixelSize,
    stops: list[int],
) -> None:
    foreground, contour = planes
    stops = sorted(stop for stop in stops if stop < len(foreground))
    found = label_rows(foreground, contour, chosen, size, stops)
    expected = label_objects(foreground, contour, chosen, size)
    assert found.dtype == expected.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


NESTED = picture(
    """
    0000000000000000
    0111111111111110
    0100000000000010
    0101111111111010
    0101000000001010
    0101011111101010
    0101010000101010
    0101010010101010
    0101010000101010
    0101011111101010
    0101000000001010
    0101111111111010
    0100000000000010
    0111111111111110
    0000000000000000
    0000000001100000
    """
)
"""Rings inside rings, with a speck in the middle: islands and holes of every depth."""


def sizes_of_gaps(plane: Plane) -> list[int]:
    """Return the pixels of each gap, alone and with all that lies inside it."""
    gaps, number = ndimage.label(plane == 0, np.ones((3, 3)))
    alone = np.bincount(gaps.ravel())[1:]
    filled = [ndimage.binary_fill_holes(gaps == gap).sum() for gap in range(1, number + 1)]
    return sorted({int(size) for size in (*alone, *filled)})


@pytest.mark.parametrize("smallest", [0.0, 2.0, 19.0, 60.0])
def test_holes_and_specks_inside_each_other(smallest: float) -> None:
    for hole in (0, *sizes_of_gaps(NESTED)):
        chosen = PostProcessing(min_area_um2=smallest, max_hole_um2=hole, separation=0)
        expected = label_objects(NESTED, None, chosen, ONE)
        for height in (1, 3, 5, 9):
            found = label_rows(NESTED, None, chosen, ONE, range(height, 16, height))
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "text",
    [
        "111 101 101 101 111",  # a hole across all bands
        "101 101 101 101 101",  # open below: no hole
        "111 101 100 101 111",  # open at the side, seen late
        "100 010 001 010 100",  # corners do not connect objects
        "1110 1010 1101 1011 1110",  # but they connect holes
        "00100 01010 10101 01010 00100",
    ],
)
def test_what_is_decided_late(text: str) -> None:
    plane = np.pad(np.repeat(picture(text), 3, axis=0), ((2, 2), (1, 1)))
    for hole in (1.0, 3.0, 9.0, 99.0):
        chosen = PostProcessing(max_hole_um2=hole, separation=0)
        expected = label_objects(plane, None, chosen, ONE)
        found = label_rows(plane, None, chosen, ONE, range(len(plane)))
        np.testing.assert_array_equal(found, expected)


def test_numbers_are_those_of_the_first_rows_not_of_what_is_finished_first() -> None:
    plane = np.zeros((60, 9), np.float32)
    plane[1:50, 1] = 1  # begins first, ends last
    for top in range(3, 40, 6):
        plane[top : top + 3, 4:7] = 1
    found = label_rows(plane, None, PLAIN, ONE, range(6, 60, 6))
    assert found[1, 1] == 1
    np.testing.assert_array_equal(found, label_objects(plane, None, PLAIN, ONE))


def test_what_is_complete_is_labelled_before_the_rest_is_known() -> None:
    plane = np.zeros((100, 8), np.float32)
    for top in range(2, 100, 10):
        plane[top : top + 5, 2:6] = 1
    rows = Rows(plane, plane * 0)
    labeller = BandLabeller(rows, plane.shape, PLAIN, ONE)
    for rows.known in (30, 60, 90):
        list(labeller.advance(rows.known))
        begun = (rows.known - REACH - 2) // 10 + 1
        assert labeller._count in (begun - 1, begun)
        assert len(labeller._mask) <= 6  # nothing else is carried
    assert labeller._count >= 8


def test_large_background_holds_nothing_back() -> None:
    """A hole too large to be filled is settled before its end is known."""
    plane = np.ones((80, 40), np.float32)
    plane[5:75, 5:35] = 0
    plane[10:15, 10:15] = 1
    chosen = PostProcessing(max_hole_um2=50.0, separation=0)
    rows = Rows(plane, None)
    labeller = BandLabeller(rows, plane.shape, chosen, ONE)
    rows.known = 40
    list(labeller.advance(40))
    assert labeller._count == 1  # what lies in the hole; the ring around it is open
    rows.known = 80
    list(labeller.advance(80))
    np.testing.assert_array_equal(labeller.result(), label_objects(plane, None, chosen, ONE))


def test_a_gap_at_the_side_holds_nothing_back() -> None:
    plane = np.zeros((30, 5), np.float32)
    plane[2:8, 1:4] = 1
    chosen = PostProcessing(max_hole_um2=1000.0)  # more than the whole image
    labeller = BandLabeller(rows := Rows(plane, None), plane.shape, chosen, ONE)
    rows.known = 15
    list(labeller.advance(15))
    assert labeller._count == 1


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("gap", range(1, REACH + 1))
def test_smoothing_sees_the_rows_around_an_island(above: bool, gap: int) -> None:
    """A contour some rows beyond a bridge weakens it a little: enough to cut it, or not."""
    mask = np.zeros((40, 30), bool)
    mask[16:20, 3:12] = mask[16:20, 18:27] = True
    mask[15 if above else 20, 3:27] = True  # the bridge is the outermost row
    plane = np.where(mask, np.float32(0.51), np.float32(0.49))
    contour = np.zeros_like(plane)
    contour[15 - gap if above else 20 + gap, 14:16] = 0.3 * math.exp(gap**2 / 2)
    numbers = set()
    for separation in (0.5, 0.8, 0.9, 0.95, 1.0):
        chosen = PostProcessing(separation=separation)
        expected = label_objects(plane, contour, chosen, ONE)
        found = label_rows(plane, contour, chosen, ONE, [30])
        np.testing.assert_array_equal(found, expected)
        numbers.add(int(found.max()))
    assert numbers == {1, 2}


def test_one_island_all_over_the_image_is_not_looked_at_for_every_row() -> None:
    """The work stays proportional to the image, however thin the bands are."""
    plane = np.ones((2000, 3), np.float32)
    rows = Rows(plane, None)
    labeller = BandLabeller(rows, plane.shape, PLAIN, ONE)
    looks = 0
    for rows.known in range(1, 2000):
        before = rows.asked
        list(labeller.advance(rows.known))
        looks += rows.asked > before
    assert looks < 40
    assert rows.asked < 2000


def test_work_is_given_up_between_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "object_bands", lambda labels: object_bands(labels, 40))
    plane = np.zeros((50, 4), np.float32)
    plane[1::5, 1:3] = 1
    rows = Rows(plane, None)
    rows.known = 50
    labeller = BandLabeller(rows, plane.shape, PLAIN, ONE)
    steps = labeller.advance(50)
    next(steps)
    assert labeller._count == 2
    assert sum(1 for _ in steps) == 4
    np.testing.assert_array_equal(labeller.result(), label_objects(plane, None, PLAIN, ONE))


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (3, 1), (1, 7)])
def test_small_and_empty_images(shape: tuple[int, int]) -> None:
    for value in (0.0, 1.0):
        plane = np.full(shape, value, np.float32)
        for contour in (None, plane):
            found = label_rows(plane, contour, PLAIN, ONE, range(shape[0]))
            assert found.shape == shape
            assert (found == value).all()


def test_rows_that_are_told_again_or_out_of_order_change_nothing() -> None:
    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal((70, 30)), 1.5)
    plane = (0.5 + noise / noise.std() / 4).clip(0, 1).astype(np.float32)
    rows = Rows(plane, None)
    labeller = BandLabeller(rows, plane.shape, PLAIN, ONE)
    for known in (20, 20, 10, 55, 0, 70, 70, 30):
        rows.known = max(rows.known, known)
        list(labeller.advance(known))
    np.testing.assert_array_equal(labeller.result(), label_objects(plane, None, PLAIN, ONE))
