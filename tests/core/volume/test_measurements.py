"""Measurements of classes, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_selfreg.core.volume.measurements import COLUMNS, measure_classes

LABELS = np.zeros((4, 5, 6), np.int32)
LABELS[1:3, 2, 3] = 1
LABELS[0, 0, 0:2] = 3
VOXELS = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
CLASSES = ("anterior", "missing", "posterior")


def test_by_hand() -> None:
    table = measure_classes(LABELS, VOXELS, (2.0, 1.5, 0.5), CLASSES)
    assert tuple(table) == COLUMNS
    assert table["index"].tolist() == [1, 2, 3]
    assert table["class"].tolist() == list(CLASSES)
    assert table["voxels"].tolist() == [2, 0, 2]
    assert table["volume_mm3"] == pytest.approx([3.0, 0.0, 3.0])
    assert table["volume_ml"] == pytest.approx([0.003, 0.0, 0.003])
    assert [table[f"centroid_{axis}_mm"][0] for axis in "xyz"] == [1.5, 3.0, 3.0]
    assert [table[f"centroid_{axis}_mm"][2] for axis in "xyz"] == [0.25, 0.0, 0.0]
    assert table["mean_intensity"][0] == (VOXELS[1, 2, 3] + VOXELS[2, 2, 3]) / 2
    for name in ("centroid_x_mm", "centroid_y_mm", "centroid_z_mm", "mean_intensity"):
        assert math.isnan(table[name][1])


def test_places_in_space_follow_the_affine() -> None:
    turned = np.array([[0, 2.0, 0, 5], [-0.5, 0, 0, 7], [0, 0, 3.0, 9], [0, 0, 0, 1]])
    table = measure_classes(LABELS, None, (3.0, 2.0, 0.5), CLASSES, turned)
    expected = turned @ [3, 2, 1.5, 1]  # x, y and z of the two voxels of class 1
    assert [table[f"centroid_{axis}_mm"][0] for axis in "xyz"] == expected[:3].tolist()
    assert table["volume_mm3"][0] == pytest.approx(2 * 3.0)
    assert np.isnan(table["mean_intensity"]).all()


def test_ids_beyond_the_classes_do_not_count() -> None:
    table = measure_classes(LABELS, VOXELS, (1, 1, 1), CLASSES[:1])
    assert table["voxels"].tolist() == [2]


def test_intensities_must_lie_on_the_same_voxels() -> None:
    with pytest.raises(ValueError, match="one shape"):
        measure_classes(LABELS, VOXELS[1:], (1, 1, 1), CLASSES)


@given(
    arrays(np.int32, (3, 4, 5), elements=st.integers(0, 3)),
    st.tuples(*[st.floats(0.1, 10)] * 3),
)
def test_it_is_the_definition_spelt_out(
    labels: np.ndarray, spacing: tuple[float, float, float]
) -> None:
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    table = measure_classes(labels, voxels, spacing, CLASSES)
    for row in range(3):
        places = np.argwhere(labels == row + 1)
        assert table["voxels"][row] == len(places)
        assert table["volume_mm3"][row] == pytest.approx(len(places) * math.prod(spacing))
        if len(places):
            z, y, x = places.mean(axis=0) * spacing
            found = [table[f"centroid_{axis}_mm"][row] for axis in "zyx"]
            assert found == pytest.approx([z, y, x])
            assert table["mean_intensity"][row] == pytest.approx(voxels[labels == row + 1].mean())
