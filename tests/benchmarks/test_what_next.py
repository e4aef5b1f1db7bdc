from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from napari_selfreg.engine.what_next_types import STRATEGIES
from napari_selfreg.io.datasets import open_dataset
from tests.bundles import tiny_bundle
from tests.engine.corrections import corrected


@pytest.fixture
def glas(tmp_path: Path) -> Path:
    """Eight images of four patients."""
    lines = ["name,patient,grade"]
    for number in range(1, 9):
        made = corrected(seed=number)
        Image.fromarray(made.picture).save(tmp_path / f"train_{number}.png")
        labels = made.labels.astype(np.uint8)
        Image.fromarray(labels).save(tmp_path / f"train_{number}_anno.png")
        lines.append(f"train_{number},{(number + 1) // 2},benign")
    (tmp_path / "index.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_no_patient_is_corrected_and_tested(choosing: ModuleType, glas: Path) -> None:
    dataset = open_dataset(glas)
    drawn = [choosing.drawn(dataset, seed, 2, 2) for seed in range(6)]
    for training, test in drawn:
        assert len({sample.patient for sample in training}) == len(training) == 2
        assert len(test) == 4
        assert not {one.patient for one in training} & {one.patient for one in test}
    assert len({tuple(one.stem for one in training) for training, _ in drawn}) > 1
    again = choosing.drawn(dataset, 3, 2, 2)
    assert again == drawn[3]
    assert len(choosing.drawn(dataset, 3, 2, 1)[1]) == 2


def row(strategy: str, seed: int, dice: float, **facts: str) -> dict[str, str]:
    known = {"wrong": "", "choosing_s": "", **facts}
    return {"strategy": strategy, "seed": str(seed), "dice": str(dice), **known}


def test_the_summary_compares_within_seeds(choosing: ModuleType) -> None:
    tuned, chance = [0.8, 0.9, 0.7, 0.85], [0.75, 0.88, 0.71, 0.8]
    rows = [row("none", seed, 0.7) for seed in range(5)]
    for name, scores in (("tta", tuned), ("random", chance)):
        for seed, score in enumerate(scores):
            for shift in (-0.02, 0.02):
                facts = {"wrong": "0.25", "choosing_s": "3"}
                rows.append(row(name, seed, score + shift, **facts))
    text = choosing.summary(rows, "python it.py")
    assert "Seeds 0, 1, 2, 3; 4 test images in all." in text
    cells = {line.split(" | ")[0][2:]: line.split(" | ") for line in text.splitlines()[4:]}
    gaps = 100 * np.subtract(tuned, chance)
    low, high = stats.t.interval(0.95, 3, gaps.mean(), stats.sem(gaps))
    assert cells["tta"][3] == f"{gaps.mean():+.1f} ({low:+.1f} … {high:+.1f})"
    assert cells["tta"][1] == f"{np.mean(tuned):.3f}"
    assert cells["tta"][2] == "0.800, 0.900, 0.700, 0.850"
    assert cells["tta"][4].startswith("+11.3 (")
    assert cells["tta"][5:] == ["25.0%", "3.0 |"]
    assert cells["random"][3] == cells["none"][3] == cells["none"][5] == ""


def test_runs_that_are_there_are_not_made_again(
    choosing: ModuleType, glas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_bundle(glas / "tiny.safetensors", separation="contour")
    table = glas / "table.csv"
    numbers = {"seeds": 1, "corrected": 2, "tested": 1, "steps": 1, "batch": 1, "crop": 32}
    options = [f"--{name}={value}" for name, value in numbers.items()]
    places = [f"--data={glas}", f"--output={table}", f"--model={model}"]
    monkeypatch.setattr(sys, "argv", ["what_next.py", *places, *options])
    choosing.main()
    rows: list[dict[str, Any]] = choosing.known_rows(table)
    assert [one["strategy"] for one in rows[::2]] == ["none", *STRATEGIES]
    assert all(0 <= float(one["dice"]) <= 1 for one in rows)
    assert {one["reviewed"] for one in rows[2:]} == {"1.0"}  # a window holds these small pictures
    assert table.with_suffix(".md").read_text("utf-8").count("\n| ") == 6
    kept = [one for one in rows if one["strategy"] != "scr"]
    table.unlink()
    choosing.append(table, kept)
    made: list[str] = []
    whole = choosing.Simulation.rows

    def counted(self: Any, strategy: str) -> Any:
        made.append(strategy)
        return whole(self, strategy)

    monkeypatch.setattr(choosing.Simulation, "rows", counted)
    choosing.main()
    assert made == ["scr"]
    assert len(choosing.known_rows(table)) == len(rows)
