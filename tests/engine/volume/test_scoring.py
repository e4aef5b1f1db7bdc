from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.metrics.surface import hd95
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.volume.scoring import record_of, volume_scores

ONE = (1.0, 1.0, 1.0)


def _halves() -> np.ndarray:
    labels = np.zeros((6, 6, 6), np.int32)
    labels[:2], labels[4:] = 1, 2
    return labels


def test_a_perfect_result_has_perfect_scores() -> None:
    scores = volume_scores(_halves(), _halves(), ONE, ["a", "b"])
    assert scores == {
        **{"dice": 1.0, "hd95_mm": 0.0, "surface_dice": 1.0},
        **{f"{name}_{c}": v for c in "ab" for name, v in _perfect()},
    }


def _perfect() -> list[tuple[str, float]]:
    return [("dice", 1.0), ("hd95_mm", 0.0), ("surface_dice", 1.0)]


def test_one_class_shifted_by_a_slice() -> None:
    found = _halves()
    found[:2] = 0
    found[1:3] = 1
    scores = volume_scores(found, _halves(), (3.0, 1.0, 1.0), ["a", "b"])
    assert scores["dice_a"] == pytest.approx(0.5)
    assert scores["dice_b"] == 1.0
    assert scores["dice"] == pytest.approx(0.75)
    assert scores["hd95_mm_a"] == hd95(found == 1, _halves() == 1, (3.0, 1.0, 1.0)) == 3.0
    assert scores["surface_dice_a"] < 1.0  # 3 mm are beyond the tolerance of 1 mm
    assert volume_scores(found, _halves(), ONE, ["a", "b"])["surface_dice_a"] == 1.0


def test_what_is_not_labelled_does_not_count() -> None:
    truth = _halves()
    truth[2:4] = IGNORE
    found = _halves()
    found[2:4] = 1
    assert volume_scores(found, truth, ONE, ["a", "b"])["dice"] == 1.0


def test_the_record_holds_means_and_intervals() -> None:
    scores = {
        f"c{n}": {"dice": 0.8 + 0.01 * n, "hd95_mm": float(n), "hd95_mm_a": 1.0, "dice_a": 0.5}
        for n in range(5)
    }
    record = record_of(scores, "held out", "a note")
    assert (record.n, record.split, record.note) == (5, "held out", "a note")
    assert record.values["dice"].mean == pytest.approx(0.82)
    assert record.values["dice"].low < 0.82 < record.values["dice"].high
    assert record.values["hd95_mm"].mean == 2.0
    assert record.values.keys() == {"dice", "dice_a", "hd95_mm"}
