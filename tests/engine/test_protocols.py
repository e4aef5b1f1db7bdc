from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.metrics import dice
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.engine.protocols import (
    check_protocol,
    compare_classes,
    compare_native,
    compare_uctransnet224,
)
from napari_selfreg.engine.scores import METRICS, score
from napari_selfreg.io.label_files import read_mask8


def two_boxes(shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    labels[5:25, 5:25], labels[35:55, 45:75] = 1, 2
    return labels


def test_names_are_checked() -> None:
    assert check_protocol("native") == "native"
    assert check_protocol("uctransnet224") == "uctransnet224"
    with pytest.raises(BadInputError, match="native or uctransnet224"):
        check_protocol("224")


def test_native_gives_the_objects_of_the_post_processing() -> None:
    truth = two_boxes()
    foreground = (truth > 0).astype(np.float32)
    settings = PostProcessing(min_area_um2=500 * 0.25)  # drops the first box of 400 pixels
    compared = compare_native(foreground, None, truth, settings, PixelSize(0.5, 0.5))
    assert np.array_equal(compared.prediction > 0, truth == 2)
    assert np.array_equal(compared.truth, truth)


def test_native_splits_a_mask_of_one_value() -> None:
    mask = (two_boxes() > 0).astype(np.int32)
    foreground = mask.astype(np.float32)
    compared = compare_native(foreground, None, mask, PostProcessing(), PixelSize(1, 1))
    assert compared.truth.max() == compared.prediction.max() == 2


def test_224_dilates_the_truth_as_theirs_does() -> None:
    mask = np.zeros((1000, 1000), np.uint8)
    mask[500:520, 500:520] = 255
    compared = compare_uctransnet224((mask > 0).astype(np.float32), mask, 0.5)
    theirs = cv2.resize(mask, (224, 224))
    theirs[theirs <= 0] = 0
    theirs[theirs > 0] = 1
    assert np.array_equal(compared.truth > 0, theirs > 0)
    undilated = (cv2.resize(mask, (224, 224), interpolation=cv2.INTER_AREA) > 127).sum()
    assert np.count_nonzero(compared.truth) > 1.2 * undilated
    assert dice(compared.prediction, compared.truth) == 1.0  # both are dilated alike


def test_224_keeps_the_values_of_small_ids() -> None:
    # cv2 rounds: a trace of id 1 vanishes where the same trace of 255 stays
    ids = np.zeros((500, 500), np.uint8)
    ids[100:200, 100:200] = ids[301:399, 302:398] = 1
    faint = compare_uctransnet224(np.zeros((500, 500)), ids, 0.5).truth
    full = compare_uctransnet224(np.zeros((500, 500)), ids * 255, 0.5).truth
    assert 0 < np.count_nonzero(faint) < np.count_nonzero(full)


@pytest.mark.parametrize("shape", [(522, 775), (1, 1), (30, 2000)])
def test_224_takes_any_shape(shape: tuple[int, int]) -> None:
    ones = np.ones(shape, np.float32)
    compared = compare_uctransnet224(ones, np.full(shape, 255, np.uint8), 0.5)
    assert compared.prediction.shape == compared.truth.shape == (224, 224)
    assert (compared.prediction == 1).all()
    assert (compared.truth == 1).all()


def test_224_takes_components_as_objects() -> None:
    truth = two_boxes()
    mask = np.where(truth > 0, 255, 0).astype(np.uint8)
    compared = compare_uctransnet224((truth > 0).astype(np.float32), mask, 0.5)
    assert compared.prediction.max() == compared.truth.max() == 2


def test_nuclei_of_the_real_set_are_dilated_by_as_much_as_published(shared_data) -> None:
    name = shared_data / "monuseg" / "instances" / "TCGA-21-5784-01Z-00-DX1.tif"
    mask = read_mask8(name, (1000, 1000))
    assert set(np.unique(mask)) == {0, 255}
    exact = (mask > 0).astype(np.float32)
    compared = compare_uctransnet224(exact, mask, 0.5)
    assert 1.08 < np.count_nonzero(compared.truth) / 224**2 / exact.mean() < 1.25
    assert dice(compared.prediction, compared.truth) == 1.0


def test_a_prediction_is_dilated_as_strongly_as_a_truth_of_small_ids() -> None:
    ids = two_boxes((500, 700)).astype(np.uint8)
    compared = compare_uctransnet224((ids > 0).astype(np.float32), ids, 0.5)
    assert dice(compared.prediction, compared.truth) > 0.99


def two_classes() -> np.ndarray:
    truth = np.zeros((64, 64), np.int32)
    for number, (row, column) in enumerate([(4, 4), (4, 30), (30, 4), (30, 30), (50, 50)]):
        truth[row : row + 10, column : column + 10] = 1 + number % 2
    return truth


def scores_of(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    classes = np.stack([found == 1, found == 2]).astype(np.float32)
    plain = PostProcessing(min_area_um2=0, max_hole_um2=0)
    return score(*compare_classes(classes, None, truth, plain, PixelSize(1, 1)))


def test_of_several_classes_each_component_is_an_object() -> None:
    perfect = {name: float("haus" not in name) for name in METRICS}
    assert scores_of(two_classes(), two_classes()) == perfect


def test_another_class_is_a_mistake() -> None:
    swapped = scores_of((3 - two_classes()) * (two_classes() > 0), two_classes())
    assert {swapped[name] for name in METRICS if "haus" not in name} == {0.0}
    truth = two_classes()
    found = np.where(truth == 2, 1, truth)  # class 1 is all there, but so are others
    half = scores_of(found, truth)
    assert half["dice"] == pytest.approx((2 * 3 / 8 + 0) / 2)
    assert half["object_f1"] == pytest.approx((2 * 3 / 8 + 0) / 2)


def test_a_class_that_is_nowhere_does_not_count() -> None:
    ones = np.minimum(two_classes(), 1)
    assert scores_of(ones, ones)["dice"] == 1.0
    assert scores_of(ones * 0, ones * 0)["dice"] == 1.0
