"""Measurements agree with scikit-image and with pencil and paper."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.draw import disk, ellipse
from skimage.measure import regionprops_table

from napari_selfreg.core.measurements import COLUMNS, Measurements, measure_objects
from napari_selfreg.core.stain import separate_stains
from napari_selfreg.core.types import PixelSize
from tests.memory import little_memory

Labels = npt.NDArray[np.int32]
ONE = PixelSize.isotropic(1.0)


def measure(
    labels: Labels, pixel_size: PixelSize = ONE, classes: tuple[str, ...] = ("gland",)
) -> Measurements:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*labels.shape, 3)).astype(np.uint8)
    probability = rng.random((len(classes), *labels.shape)) / len(classes)
    return measure_objects(labels, rgb, probability, pixel_size, classes)


def blobs(seed: int = 0) -> Labels:
    """Return discs and ellipses, one cut by the border, one hollow, ids with gaps."""
    labels = np.zeros((120, 150), np.int32)
    labels[disk((30, 30), 17)] = 4
    labels[ellipse(70, 90, 30, 12, rotation=0.5)] = 2
    labels[disk((115, 20), 15, shape=labels.shape)] = 9
    labels[disk((30, 115), 22)] = 11
    labels[disk((30, 115), 10)] = 0
    labels[100:104, 130:149] = 12
    labels[60, 5] = 13
    return labels


def test_columns_and_rows() -> None:
    table = measure(blobs())
    assert tuple(table) == COLUMNS
    assert table["index"].tolist() == [2, 4, 9, 11, 12, 13]
    assert table["index"].dtype == np.int32
    assert all(len(column) == 6 for column in table.values())
    assert table["class"].tolist() == ["gland"] * 6


LABELS = arrays(
    np.int32, array_shapes(min_dims=2, max_dims=2, max_side=11), elements=st.integers(0, 2)
)


@settings(deadline=None, max_examples=60)
@given(LABELS)
def test_shape_agrees_with_scikit_image_on_any_picture(labels: Labels) -> None:
    table = measure(labels)
    names = ("area", "perimeter_crofton", "eccentricity")
    expected = regionprops_table(labels, properties=("label", *names))
    np.testing.assert_array_equal(table["index"], expected["label"])
    np.testing.assert_array_equal(table["area_um2"], expected["area"])
    np.testing.assert_allclose(table["perimeter_um"], expected["perimeter_crofton"], atol=1e-12)
    np.testing.assert_allclose(table["eccentricity"], expected["eccentricity"], atol=1e-6)


def test_solidity_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(3)
    many = [blobs(), np.kron(rng.integers(0, 4, (12, 12)), np.ones((7, 5), int)).astype(np.int32)]
    many.append((rng.random((60, 60)) < 0.8).astype(np.int32) * blobs()[:60, :60])
    for labels in many:
        expected = regionprops_table(labels, properties=("solidity",))["solidity"]
        np.testing.assert_allclose(measure(labels)["solidity"], expected, rtol=1e-12)


def test_pixel_size_counts_per_axis() -> None:
    labels = blobs()
    pixel_size = PixelSize(0.25, 0.5)
    table = measure(labels, pixel_size)
    expected = regionprops_table(
        labels, spacing=(0.25, 0.5), properties=("area", "eccentricity", "solidity")
    )
    np.testing.assert_allclose(table["area_um2"], expected["area"])
    np.testing.assert_allclose(table["eccentricity"], expected["eccentricity"])
    np.testing.assert_allclose(table["solidity"], expected["solidity"])


@pytest.mark.parametrize("pixel_size", [PixelSize(1, 1), PixelSize(2, 1), PixelSize(0.5, 1.5)])
def test_perimeter_of_a_disc_is_a_circle_at_every_pixel_shape(pixel_size: PixelSize) -> None:
    labels = np.zeros((161, 161), np.int32)
    labels[ellipse(80, 80, 30 / pixel_size.y, 30 / pixel_size.x)] = 1
    (perimeter,) = measure(labels, pixel_size)["perimeter_um"]
    assert perimeter == pytest.approx(2 * math.pi * 30, rel=0.04)


def test_round_is_0_and_a_line_is_1() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[disk((20, 20), 15)] = 1
    labels[50, 5:50] = 2
    labels[58, 58] = 3
    np.testing.assert_allclose(measure(labels)["eccentricity"], [0, 1, 0], atol=1e-6)


def test_eccentricity_survives_a_place_far_from_the_origin() -> None:
    near = np.zeros((40, 60), np.int32)
    near[ellipse(20, 20, 15, 9)] = 1
    far = np.zeros((40, 30060), np.int32)
    far[:, -60:] = near
    assert measure(far)["eccentricity"] == pytest.approx(measure(near)["eccentricity"], abs=1e-12)


def test_means_are_those_of_the_pixels() -> None:
    labels = blobs()
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (*labels.shape, 3)).astype(np.uint8)
    probability = rng.random((3, *labels.shape)).astype(np.float32)
    table = measure_objects(labels, rgb, probability, ONE, ("a", "b"))
    stains = separate_stains(rgb)
    for row, label in enumerate(table["index"]):
        of = labels == label
        assert table["mean_probability"][row] == pytest.approx(
            probability[:2, of].sum(axis=0).mean(), rel=1e-5
        )
        assert table["mean_haematoxylin"][row] == pytest.approx(stains[of, 0].mean(), rel=1e-4)
        assert table["mean_eosin"][row] == pytest.approx(stains[of, 1].mean(), rel=1e-4, abs=1e-6)


def test_stains_are_the_same_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(blobs())
    monkeypatch.setattr("napari_selfreg.core.measurements._BAND", 700)
    banded = measure(blobs())
    np.testing.assert_array_equal(whole["mean_eosin"], banded["mean_eosin"])


def test_the_contour_channel_does_not_count_as_a_class() -> None:
    labels = np.ones((4, 4), np.int32)
    probability = np.stack([np.full((4, 4), 0.25), np.ones((4, 4))])
    rgb = np.full((4, 4, 3), 200, np.uint8)
    assert measure_objects(labels, rgb, probability, ONE, ("x",))["mean_probability"] == [0.25]


def test_no_objects_give_empty_columns() -> None:
    table = measure(np.zeros((5, 5), np.int32))
    assert tuple(table) == COLUMNS
    assert all(column.shape == (0,) for column in table.values())


def test_any_thing_with_rows_can_be_measured() -> None:
    labels = blobs()

    class Lazy:
        shape = (*labels.shape, 3)

        def __getitem__(self, key: slice) -> npt.NDArray[np.uint8]:
            return np.full(self.shape, 100, np.uint8)[key]

    table = measure_objects(labels, Lazy(), np.ones((1, *labels.shape)), ONE, ("x",))
    assert np.ptp(table["mean_eosin"]) < 1e-6


def test_without_picture_and_probability_shapes_and_known_classes_remain() -> None:
    labels = np.zeros((6, 8), np.int32)
    labels[1:3, 1:4], labels[4:6, 2:7], labels[0, 7] = 2, 5, 9
    one = PixelSize.isotropic(1.0)
    table = measure_objects(labels, None, None, one, ("gland", "tumour"), {5: "tumour"})
    assert table["area_um2"].tolist() == [1 * 6, 10, 1]
    assert table["class"].tolist() == ["", "tumour", ""]
    for name in ("mean_probability", "mean_haematoxylin", "mean_eosin"):
        assert np.isnan(table[name]).all()
    only = measure_objects(labels, None, None, one, ("gland",))
    assert only["class"].tolist() == ["gland"] * 3


def test_a_high_number_takes_no_more_memory_than_a_low_one() -> None:
    labels = blobs()
    expected = measure(labels)
    with little_memory():
        table = measure(np.where(labels == 13, 99_999_998, labels))
    assert table["index"].tolist() == [*expected["index"].tolist()[:-1], 99_999_998]
    np.testing.assert_array_equal(table["perimeter_um"], expected["perimeter_um"])
