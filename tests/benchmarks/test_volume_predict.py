"""The benchmark of volumes runs, and compares what it says."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import torch

from tests.benchmarks.conftest import FOLDER


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    module = import_module("volume_predict")
    monkeypatch.setitem(module.ARGUMENTS, "dynunet", {"filters": [4, 4, 4], "norm": "BATCH"})
    monkeypatch.setattr(module, "PATCH", 16)
    return module


def test_both_contenders_see_the_same_and_agree_where_one_window_suffices(module):
    options = argparse.Namespace(
        side=24, roi=24, network="dynunet", precision="fp32", rounds=1, clock="cpu", steps=3
    )
    row = module.contest(options)
    assert row.difference is not None
    assert row.difference < 1e-3
    assert row.dice > 0.995
    assert row.ratio == pytest.approx(row.monai / row.ours)


def test_the_network_learns_to_tell_dim_from_bright(module):
    volume, truth = module.balls(24, seed=1)
    assert set(np.unique(truth)) == {0, 1, 2}
    assert volume[truth == 2].mean() > volume[truth == 1].mean() > volume[truth == 0].mean()
    dice = []
    for steps in (1, 60):
        model = module.chosen_model("dynunet", volume, truth, steps)
        assert not model.network.training
        probability = module.with_one_forward(model, module.normalise(volume))
        dice.append(module.mean_dice(module.labels(probability), truth))
    assert dice[1] > max(0.8, dice[0])


def test_the_same_seed_teaches_the_same(module):
    volume, truth = module.balls(20)
    first, again = (
        module.chosen_model("dynunet", volume, truth, 2).network.state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_every_other_patch_lies_on_a_class(module):
    truth = np.zeros((40, 40, 40), np.int64)
    truth[20:24, 20:24, 20:24] = 1
    image = truth.astype(np.float32)
    for seed in range(5):
        inputs, classes = module.patches(image, truth, np.random.default_rng(seed))
        assert inputs.shape == (2, 1, 16, 16, 16)
        assert torch.equal(inputs[:, 0].long(), classes)
        assert classes[1].any()


def test_a_quick_run_says_what_a_long_one_does(module, capsys):
    assert module.main(["--quick", "--network", "dynunet", "--json"]) == 0
    said = capsys.readouterr().out
    row = json.loads(said[said.index("{") :])
    assert (row["side"], row["roi"]) == (32, 32)
    assert {"ratio", "dice", "dice_truth", "difference"} <= row.keys()


def test_dice_is_the_mean_over_the_classes_that_occur(module):
    a = np.array([0, 1, 1, 2])
    assert module.mean_dice(a, a) == 1
    assert module.mean_dice(a, np.array([0, 1, 0, 2])) == pytest.approx((2 / 3 + 1) / 2)
    assert module.mean_dice(np.array([1, 1]), np.array([0, 1])) == pytest.approx(2 / 3)
