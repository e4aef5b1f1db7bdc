from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.errors import SelfRegError
from tests.engine.volume.blobs import blob_folder, blob_recipe


def run(evidence: ModuleType, row: str, fold: int, seed: int, dice: dict[str, float]) -> Any:
    cases = {
        stem: {"dice": value, "dice_anterior": value, "dice_posterior": value, "hd95_mm": 1 / value}
        for stem, value in dice.items()
    }
    return evidence.Trained(row, fold, seed, 600, 500, 0.5, 1234567, 0, cases)


def test_rows_and_recipes_belong_together(evidence: ModuleType) -> None:
    names = {f"hippocampus-{row}.toml" for row in evidence.ROWS}
    assert {path.name for path in evidence.RECIPES.glob("*.toml")} == names
    plain = evidence.recipe_of("plain", 7)
    assert plain.train.seed == 7
    alike: dict[str, set[str]] = {}
    for row in evidence.ROWS:
        recipe = evidence.recipe_of(row, 7)
        assert recipe.augment == plain.augment
        alike.setdefault(str(recipe.network), set()).add(str(recipe.train))
    assert len(alike) == 3  # rows of one network differ in nothing but the regularizers
    assert all(len(trainings) == 1 for trainings in alike.values())


def test_rows_grow_side_by_side(evidence: ModuleType) -> None:
    runs = evidence.wanted(tuple(evidence.ROWS))
    assert runs[: len(evidence.ROWS)] == [(row, 1, 0) for row in evidence.ROWS]
    assert len(runs) == len(set(runs)) == 2 * 11 + 6 * 3
    assert {(fold, seed) for row, fold, seed in runs if row == "dsd"} >= {
        (fold, seed) for fold in range(1, 6) for seed in (0, 1)
    }


@pytest.fixture
def quick(evidence: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Tiny volumes and networks in place of the real ones."""
    terms: dict[str, Any] = {"dsd": {"dsd": {}}}

    def tiny(row: str, seed: int, steps: int | None = None) -> Any:
        classes = {"classes": ["anterior", "posterior"]}
        train = {"seed": seed, "steps": steps or 2}
        return blob_recipe(data=classes, train=train, regularization=terms.get(row, {}))

    monkeypatch.setattr(evidence, "recipe_of", tiny)
    return {"data": blob_folder(tmp_path / "data", 6), "folder": tmp_path / "results"}


def test_two_steps_of_two_rows_and_their_table(
    evidence: ModuleType,
    evidence_tables: ModuleType,
    quick: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = ["--data", str(quick["data"]), "--output", str(quick["folder"])]
    for row in ("plain", "dsd"):
        arguments = ["volumes.py", row, *places, "--most", "2", "--steps", "2"]
        monkeypatch.setattr(sys, "argv", arguments)
        evidence.main()
    kept = sorted(path.name for path in quick["folder"].iterdir())
    assert kept == [f"{row}-fold1-seed{seed}.json" for row in ("dsd", "plain") for seed in (0, 1)]
    runs = evidence_tables.read_runs(quick["folder"])
    assert [(r.row, r.seed) for r in runs] == [("plain", 0), ("plain", 1), ("dsd", 0), ("dsd", 1)]
    assert runs[0].cases.keys() == runs[3].cases.keys()
    assert (runs[0].heads, runs[0].steps) == (0, 2)
    assert runs[2].heads > 0
    monkeypatch.setattr(evidence, "train_volumes", None)  # nothing is made again
    evidence.main()
    page = quick["folder"] / "page.md"
    marks = evidence_tables.update_page.__globals__["MARKS"]
    page.write_text(f"before\n{marks[0]}\nyesterday\n{marks[1]}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["x", str(quick["folder"]), "--page", str(page)])
    evidence_tables.main()
    text = page.read_text("utf-8")
    assert "yesterday" not in text
    assert "| dsd | 2 | 2 |" in text
    assert "| plain | 2 | 2 |" in capsys.readouterr().out
    rows = (quick["folder"] / "volumes.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + 4 * 2


def test_a_run_that_was_broken_off_goes_on(
    evidence: ModuleType, quick: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evidence.made("dsd", 1, 0, **quick)
    (quick["folder"] / "dsd-fold1-seed0.json").unlink()
    seen: list[int] = []

    def tired(self: Any, event: Any) -> None:
        if type(event).__name__ == "StepDone":
            seen.append(event.step)
            if len(seen) == 1:
                raise SelfRegError("the power went")

    monkeypatch.setattr(evidence.StepClock, "__call__", tired)
    with pytest.raises(SelfRegError):
        evidence.made("dsd", 1, 0, **quick)
    again = evidence.made("dsd", 1, 0, **quick)
    assert seen == [1, 2]
    changing = {"seconds_per_step": 0.0}
    assert asdict(again) | changing == asdict(whole) | changing


def test_differences_are_paired_by_case_and_seeds_are_averaged(
    evidence: ModuleType, evidence_tables: ModuleType
) -> None:
    rng = np.random.default_rng(0)
    plain = {f"c{n}": float(v) for n, v in enumerate(rng.uniform(0.7, 0.9, 8))}
    gains = dict(zip(plain, rng.normal(0.02, 0.01, 8), strict=True))
    runs = [
        run(evidence, "plain", 1, 0, plain),
        run(evidence, "plain", 1, 1, {k: v + 0.01 for k, v in plain.items()}),
        run(evidence, "dsd", 1, 0, {k: v + gains[k] for k, v in plain.items()}),
        run(evidence, "dsd", 1, 1, {k: v + 0.01 + gains[k] for k, v in plain.items()}),
        run(evidence, "dsd", 1, 2, dict.fromkeys(plain, 0.1)),  # without its pair
    ]
    found = evidence_tables.difference(runs, "dsd", "dice")
    expected = mean_interval(list(gains.values()))
    assert found.difference == pytest.approx(expected.mean)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert evidence_tables.by_run(runs, "dsd", "dice") == pytest.approx([expected.mean] * 2)
    lines = list(evidence_tables.page(runs))
    (line,) = [one for one in lines if one.startswith("| dsd | plain |")]
    assert f"**{100 * expected.mean:+.2f} (" in line
    assert "+1.3 points" in line
    assert any(
        one.startswith("| plain | 2 | 8 |") and "| 5.0 | 1,234,567 |" in one for one in lines
    )


def test_rows_without_their_reference_have_no_difference(
    evidence: ModuleType, evidence_tables: ModuleType
) -> None:
    runs = [run(evidence, "missu", 1, 0, {"a": 0.8, "b": 0.9})]
    assert evidence_tables.difference(runs, "missu", "dice") is None
    assert not any(line.startswith("| missu | trans-unet") for line in evidence_tables.page(runs))
