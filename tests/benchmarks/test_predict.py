"""The contest against MONAI's inferer compares the same computation."""

from __future__ import annotations

import json
from importlib import import_module
from types import ModuleType

import pytest

from tests.benchmarks.conftest import FOLDER


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return import_module("predict")


def test_both_find_the_same_and_every_figure_is_there(
    predict: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predict, "BARE_TILES", (64, 128, 999))
    monkeypatch.setattr(predict, "LONG_LOOK", 128**2)
    arguments = ["--sizes", "512", "--rounds", "1", "--precision", "fp32", "--json"]
    monkeypatch.setattr("sys.argv", ["predict.py", *arguments])
    predict.main()
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["dice"] >= 0.995
    assert row["difference"] <= 0.02
    assert (row["size"], row["used"]) == (512, "fp32")
    assert row["ratio"] == pytest.approx(row["ours"] / row["monai"])
    assert row["computed_to_bare"] > 0


def test_the_network_alone_is_timed_at_its_best_tile(
    predict: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "BARE_TILES", (32, 64, 96, 128))
    monkeypatch.setattr(predict, "LONG_LOOK", 96**2 * 5)
    sizes: list[int] = []
    contest = predict.Contest.__new__(predict.Contest)
    contest.image = predict.tissue(96)
    contest.network = contest.outputs = contest.device = None

    def build(*_: object) -> object:
        return lambda tiles, boxes: sizes.append(tiles[0].shape[0])

    def timed(task: object) -> tuple[float, None]:
        before = len(sizes)
        task()
        count = len(sizes) - before
        return count * {32: 2.0, 64: 3.0, 96: 9.0}[sizes[-1]], None

    monkeypatch.setattr(predict, "build_forward", build)
    contest.timed = timed
    assert contest.bare(None) == pytest.approx(64**2 / 3)
    assert set(sizes) == {32, 64, 96}
    assert sizes[-1] == 64
