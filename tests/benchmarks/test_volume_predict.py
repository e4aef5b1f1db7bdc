"""The benchmark of volumes runs, and compares what it says."""

from __future__ import annotations

import argparse
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from tests.benchmarks.conftest import FOLDER


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    module = import_module("volume_predict")
    monkeypatch.setitem(module.ARGUMENTS, "dynunet", {"filters": [4, 4, 4], "norm": "BATCH"})
    monkeypatch.setattr(module, "LESSON", 24)
    return module


def test_both_contenders_see_the_same_and_agree_where_one_window_suffices(module):
    options = argparse.Namespace(
        side=24, roi=24, network="dynunet", precision="fp32", rounds=1, threads=0, clock="cpu"
    )
    row = module.contest(options)
    assert row.difference is not None
    assert row.difference < 1e-3
    assert row.dice > 0.995
    assert row.ratio == pytest.approx(row.monai / row.ours)


def test_the_last_layer_tells_dim_from_bright(module):
    model = module.chosen_model("dynunet")
    volume, truth = module.balls(24, seed=1)
    assert set(np.unique(truth)) == {0, 1, 2}
    assert volume[truth == 2].mean() > volume[truth == 1].mean() > volume[truth == 0].mean()
    probability = module.with_one_forward(model, module.normalise(volume))
    assert module.mean_dice(module.labels(probability), truth) > 0.4


def test_dice_is_the_mean_over_the_classes_that_occur(module):
    a = np.array([0, 1, 1, 2])
    assert module.mean_dice(a, a) == 1
    assert module.mean_dice(a, np.array([0, 1, 0, 2])) == pytest.approx((2 / 3 + 1) / 2)
    assert module.mean_dice(np.array([1, 1]), np.array([0, 1])) == pytest.approx(2 / 3)
