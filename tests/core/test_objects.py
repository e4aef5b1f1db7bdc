"""Objects: separated, connected, filled, large enough, and the same at every pixel size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.draw import disk

from napari_selfreg.core.objects import (
    fill_holes,
    first_pixels,
    label_objects,
    largest_hole,
    number_objects,
    object_classes,
    tidy_objects,
)
from napari_selfreg.core.targets import contour_target
from napari_selfreg.core.types import PixelSize, PostProcessing
from tests.core.digits import picture

Labels = npt.NDArray[np.int32]
Probability = npt.NDArray[np.float32]
ONE = PixelSize.isotropic(1.0)
PLAIN = PostProcessing(threshold=0.5)


def probabilities(truth: Labels) -> tuple[Probability, Probability]:
    """Return the foreground and contour a good network would give for `truth`."""
    contour = contour_target(truth, 2.0, ONE)
    foreground = (truth > 0).astype(np.float32)
    return (
        ndimage.gaussian_filter(foreground, 1.0),
        ndimage.gaussian_filter(contour.astype(np.float32), 0.7),
    )


def discs(*centres: tuple[int, int], radius: int = 14) -> Labels:
    truth = np.zeros((80, 120), np.int32)
    for label, centre in enumerate(centres, 1):
        truth[disk(centre, radius, shape=truth.shape)] = label
    return truth


TOUCHING = discs((40, 25), (40, 51), (40, 77))


def agreement(found: Labels, truth: Labels) -> float:
    """Return the smallest share of a true object that its best found object covers."""
    shares = []
    for label in range(1, truth.max() + 1):
        of = truth == label
        votes = np.bincount(found[of], minlength=2)[1:]
        best = int(votes.argmax()) + 1
        shares.append(votes.max() / max(of.sum(), (found == best).sum()))
    return float(min(shares))


def test_touching_objects_are_cut_along_the_contour() -> None:
    foreground, contour = probabilities(TOUCHING)
    found = label_objects(foreground, contour, PLAIN, ONE)
    assert found.max() == 3
    assert agreement(found, TOUCHING) > 0.93


def test_touching_objects_are_cut_at_their_neck_without_a_contour() -> None:
    found = label_objects(probabilities(TOUCHING)[0], None, PLAIN, ONE)
    assert found.max() == 3
    assert agreement(found, TOUCHING) > 0.93


def test_separation_0_keeps_together_and_more_separation_cuts_more() -> None:
    foreground, contour = probabilities(discs((40, 25), (40, 45)))
    for suspected in (contour * 0.6, None):
        numbers = [
            label_objects(foreground, suspected, replace(PLAIN, separation=s), ONE).max()
            for s in (0.0, 0.3, 1.0)
        ]
        assert numbers[0] == 1
        assert numbers == sorted(numbers)
        assert numbers[-1] >= 2


def test_an_object_that_is_all_contour_stays() -> None:
    foreground = np.zeros((20, 20), np.float32)
    foreground[5:8, 5:15] = 0.9
    found = label_objects(foreground, np.ones_like(foreground), PLAIN, ONE)
    assert (found > 0).sum() == 30


def test_all_foreground_and_no_foreground() -> None:
    for contour in (None, np.zeros((7, 9), np.float32)):
        assert (label_objects(np.ones((7, 9), np.float32), contour, PLAIN, ONE) == 1).all()
        none = label_objects(np.zeros((7, 9), np.float32), contour, PLAIN, ONE)
        assert none.dtype == np.int32
        assert not none.any()


def test_unknown_probability_is_background() -> None:
    foreground = np.full((6, 6), np.nan, np.float32)
    foreground[:3] = 1
    for contour in (None, foreground):
        assert (label_objects(foreground, contour, PLAIN, ONE) > 0).sum() == 18


def test_threshold_belongs_to_the_foreground() -> None:
    foreground = np.array([[0.5, 0.4999, 0.5]], np.float32)
    assert label_objects(foreground, None, PLAIN, ONE).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("text", "largest", "filled"),
    [
        ("111 101 111", 1, "111 111 111"),
        ("111 101 111", 0, "111 101 111"),
        ("1111 1001 1111", 1, "1111 1001 1111"),  # too large
        ("111 101 101", 9, "111 101 101"),  # reaches the border
        ("1111 1001 1011 1110", 9, "1111 1111 1111 1110"),
        ("111 101 110", 9, "111 101 110"),  # open at a corner
        ("112 102 112", 9, "112 102 112"),  # a gap between two objects
        ("22222 20002 20102 20002 22222", 99, "22222 20002 20102 20002 22222"),
    ],
)
def test_holes(text: str, largest: int, filled: str) -> None:
    np.testing.assert_array_equal(fill_holes(picture(text), largest), picture(filled))


def test_a_hole_counts_in_square_micrometres() -> None:
    foreground = picture("11111 10001 11111").astype(np.float32)
    settings = replace(PLAIN, max_hole_um2=3.0)
    assert label_objects(foreground, None, settings, ONE).sum() == 15
    assert label_objects(foreground, None, settings, PixelSize(1.0, 1.01)).sum() == 12


def test_a_speck_in_a_hole_does_not_keep_the_hole_open() -> None:
    foreground = picture("11111 10001 10101 10001 11111").astype(np.float32)
    settings = replace(PLAIN, min_area_um2=2.0, max_hole_um2=9.0)
    assert (label_objects(foreground, None, settings, ONE) == 1).all()


def test_the_smallest_area_belongs_to_the_objects() -> None:
    foreground = picture("110 000 111").astype(np.float32)
    for um in (1.0, 0.1, 0.3):
        settings = replace(PLAIN, min_area_um2=2 * um * um)
        assert label_objects(foreground, None, settings, PixelSize.isotropic(um)).max() == 2
        settings = replace(PLAIN, min_area_um2=2.01 * um * um)
        assert label_objects(foreground, None, settings, PixelSize.isotropic(um)).max() == 1


def test_numbers_follow_the_rows() -> None:
    assert number_objects(picture("070 300 073")).tolist() == [[0, 1, 0], [2, 0, 0], [0, 1, 2]]
    assert number_objects(np.zeros((0, 3), np.int32)).shape == (0, 3)


def test_first_pixels_are_places_in_reading_order() -> None:
    ids, places = first_pixels(picture("0070 3000 0073"))
    assert ids.tolist() == [3, 7]
    assert places.tolist() == [4, 2]
    assert [part.size for part in first_pixels(np.zeros((2, 3), np.int32))] == [0, 0]


def test_sizes_are_rounded_in_favour_of_what_the_settings_say() -> None:
    for um, count in ((0.1, 3), (0.3, 7), (0.7, 1), (1.1, 12)):
        size = PixelSize.isotropic(um)
        assert largest_hole(replace(PLAIN, max_hole_um2=count * um * um), size) == count
        assert (
            largest_hole(replace(PLAIN, max_hole_um2=(count - 0.01) * um * um), size) == count - 1
        )
    assert largest_hole(PLAIN, ONE) == 0
    assert largest_hole(replace(PLAIN, max_hole_um2=9.0), PixelSize(0.5, 2.0)) == 9


def test_tidying_keeps_ids_and_leaves_its_input_alone() -> None:
    labels = picture("99999 90009 90409 90009 99999")
    before = labels.copy()
    tidy = tidy_objects(labels, replace(PLAIN, min_area_um2=2.0, max_hole_um2=9.0), ONE)
    assert (tidy == 9).all()
    assert tidy_objects(labels, PLAIN, ONE).tolist() == before.tolist()
    open_hole = tidy_objects(labels, replace(PLAIN, min_area_um2=2.0, max_hole_um2=8.0), ONE)
    assert sorted(np.unique(open_hole)) == [0, 9]
    assert (open_hole == 0).sum() == 9
    np.testing.assert_array_equal(labels, before)


def test_all_objects_may_be_specks() -> None:
    labels = picture("10203 00000 44005")
    assert not tidy_objects(labels, replace(PLAIN, min_area_um2=3.0), ONE).any()


def test_a_lumen_that_opens_to_the_border_of_the_picture_stays_open() -> None:
    """What lies beyond the border is unknown: a gland cut by it keeps its lumen."""
    ring = np.zeros((60, 60), np.float32)
    ring[disk((30, 30), 18, shape=ring.shape)] = 1
    ring[disk((30, 30), 8, shape=ring.shape)] = 0
    chosen = PostProcessing(max_hole_um2=1000.0, separation=0.3)
    assert label_objects(ring, None, chosen, ONE)[30, 30] == 1
    assert label_objects(ring[30:], None, chosen, ONE)[0, 30] == 0
    # A little larger than the limit: it is a lumen, not a hole.
    assert label_objects(ring, None, replace(chosen, max_hole_um2=100.0), ONE)[30, 30] == 0


def test_an_object_is_the_same_whatever_else_is_in_the_picture() -> None:
    """Neighbours touch nobody: not even where all depths are equal."""
    rng = np.random.default_rng(0)
    alone = np.zeros((90, 120), np.float32)
    alone[30:60, 30:90] = rng.random((30, 60)) < 0.8
    alone[45, 30:90] = 1
    crowd = alone.copy()
    crowd[:26] = rng.random((26, 120)) < 0.7
    crowd[64:] = rng.random((26, 120)) < 0.7
    chosen = replace(PLAIN, separation=1.0)
    for contour in (None, np.zeros_like(alone)):
        one, many = (label_objects(plane, contour, chosen, ONE) for plane in (alone, crowd))
        np.testing.assert_array_equal(number_objects(many[28:62]), one[28:62])


def test_classes_are_the_most_probable_of_each_object() -> None:
    labels = picture("1122 0055")
    planes = np.zeros((3, 2, 4))
    planes[2, 0, :2] = 0.9
    planes[1, 0, 2:] = 0.2
    assert object_classes(labels, planes).tolist() == [2, 1, 0]
    assert object_classes(labels, planes[:1]).tolist() == [0, 0, 0]


SETTINGS = st.builds(
    PostProcessing,
    threshold=st.sampled_from([0.3, 0.5, 0.7]),
    min_area_um2=st.sampled_from([0.0, 3.0, 20.0]),
    max_hole_um2=st.sampled_from([0.0, 4.0, 50.0]),
    separation=st.sampled_from([0.0, 0.5, 1.0]),
)


def random_maps(seed: int, with_contour: bool) -> tuple[Probability, Probability | None]:
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0, 3)

    def field() -> Probability:
        noise = ndimage.gaussian_filter(rng.standard_normal((40, 50)), sigma)
        return (0.5 + 0.3 * noise / noise.std()).clip(0, 1).astype(np.float32)

    return field(), field() if with_contour else None


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10_000), st.booleans(), SETTINGS)
def test_what_holds_for_every_map(seed: int, with_contour: bool, chosen: PostProcessing) -> None:
    foreground, contour = random_maps(seed, with_contour)
    before = foreground.copy()
    found = label_objects(foreground, contour, chosen, ONE)
    np.testing.assert_array_equal(foreground, before)
    assert found.dtype == np.int32
    sizes = np.bincount(found.ravel())[1:]
    assert (sizes > 0).all()  # consecutive
    assert (sizes >= chosen.min_area_um2).all()
    firsts = [np.flatnonzero(found.ravel() == label)[0] for label in range(1, found.max() + 1)]
    assert firsts == sorted(firsts)
    if chosen.min_area_um2 == 0:
        assert (found[foreground >= chosen.threshold] > 0).all()  # nothing is lost
    # Pixels outside the mask are filled holes: enclosed, and small enough.
    mask = foreground >= chosen.threshold
    outside = (found > 0) & ~mask
    patches, n_patches = ndimage.label(outside, np.ones((3, 3)))
    holes = ndimage.binary_fill_holes(found > 0, np.ones((3, 3))) & ~mask
    assert not (outside & ~holes).any()
    assert n_patches == 0 or np.bincount(patches.ravel())[1:].max() <= chosen.max_hole_um2
    for label in range(1, found.max() + 1):
        assert ndimage.label(found == label)[1] == 1
    np.testing.assert_array_equal(label_objects(foreground, contour, chosen, ONE), found)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.booleans(), SETTINGS, st.sampled_from([0.25, 0.62005, 1.1, 7.0]))
def test_scaling_the_micrometre_changes_nothing(
    seed: int, with_contour: bool, chosen: PostProcessing, um: float
) -> None:
    foreground, contour = random_maps(seed, with_contour)
    scaled = replace(
        chosen, min_area_um2=chosen.min_area_um2 * um**2, max_hole_um2=chosen.max_hole_um2 * um**2
    )
    np.testing.assert_array_equal(
        label_objects(foreground, contour, scaled, PixelSize.isotropic(um)),
        label_objects(foreground, contour, chosen, ONE),
    )


def test_a_finer_grid_of_the_same_tissue_gives_the_same_objects() -> None:
    foreground, contour = probabilities(TOUCHING)
    settings = PostProcessing(min_area_um2=30.0, max_hole_um2=30.0)
    coarse = label_objects(foreground, contour, settings, ONE)
    finer = [ndimage.zoom(plane, 2, order=1) for plane in (foreground, contour)]
    fine = label_objects(finer[0], finer[1], settings, PixelSize.isotropic(0.5))
    assert fine.max() == coarse.max() == 3
    areas = [np.bincount(found.ravel())[1:] for found in (coarse, fine)]
    np.testing.assert_allclose(areas[1] / 4, areas[0], rtol=0.06)
