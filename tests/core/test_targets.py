"""Targets: contours by hand, ids of neighbours, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import (
    IGNORE,
    class_target,
    contour_target,
    inner_edges,
    require_labelled,
)
from napari_selfreg.core.types import PixelSize

UNIT = PixelSize.isotropic(1.0)
LABELS = hnp.arrays(np.int32, (9, 11), elements=st.integers(0, 3))


def _square() -> np.ndarray:
    labels = np.zeros((9, 9), np.int32)
    labels[1:8, 1:8] = 1
    return labels


def test_one_pixel_band_is_the_rim() -> None:
    band = contour_target(_square(), 1.0, UNIT)
    expected = np.zeros((9, 9), np.uint8)
    expected[1:8, 1:8] = 1
    expected[2:7, 2:7] = 0
    np.testing.assert_array_equal(band, expected)


def test_two_micrometres_are_four_half_micrometre_pixels() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[5:25, 5:25] = 1
    band = contour_target(labels, 2.0, PixelSize.isotropic(0.5))
    assert band[15].tolist() == [0] * 5 + [1] * 4 + [0] * 12 + [1] * 4 + [0] * 5


def test_touching_objects_have_a_band_on_both_sides() -> None:
    labels = np.ones((6, 10), np.int32)
    labels[:, 5:] = 2
    band = contour_target(labels, 1.0, UNIT)
    assert band.sum(0).tolist() == [0, 0, 0, 0, 6, 6, 0, 0, 0, 0]


def test_the_border_of_the_image_is_no_contour() -> None:
    assert not contour_target(np.ones((5, 5), np.int32), 3.0, UNIT).any()


@given(LABELS, st.floats(0.5, 4.0))
def test_band_lies_in_objects_and_holds_every_edge(labels: np.ndarray, width: float) -> None:
    band = contour_target(labels, width, UNIT).astype(bool)
    assert not (band & (labels == 0)).any()
    assert (band | ~inner_edges(labels)).all()


@given(LABELS)
def test_a_wider_band_holds_the_narrower(labels: np.ndarray) -> None:
    assert (contour_target(labels, 1.0, UNIT) <= contour_target(labels, 2.5, UNIT)).all()


@given(LABELS)
def test_one_class_means_any_object(labels: np.ndarray) -> None:
    np.testing.assert_array_equal(class_target(labels, 1), labels > 0)


def test_several_classes_keep_their_ids_and_refuse_others() -> None:
    labels = np.array([[0, 1], [2, 3]])
    np.testing.assert_array_equal(class_target(labels, 3), labels)
    with pytest.raises(ValueError, match="class id 3"):
        class_target(labels, 2)


@pytest.mark.parametrize("value", [0, IGNORE])
def test_targets_without_any_label_are_refused(value: int) -> None:
    nothing, there = np.full((3, 4), value, np.uint8), np.eye(3, dtype=np.uint8)
    require_labelled([nothing, there], "to learn from")
    with pytest.raises(BadInputError, match=r"^None of the 2 images to learn from has a pixel"):
        require_labelled([nothing] * 2, "to learn from")
    with pytest.raises(BadInputError, match=r"^The only volume to judge has no voxel of a class"):
        require_labelled([nothing], "to judge", "volume", "voxel")
