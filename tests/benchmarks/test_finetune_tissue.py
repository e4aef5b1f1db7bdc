from __future__ import annotations

import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.io.datasets import Dataset, Sample, open_dataset


@pytest.fixture
def glas(tmp_path: Path) -> Dataset:
    """Eight patients of one to five images."""
    folder, lines, number = tmp_path / "glas", ["name,patient,grade"], 0
    folder.mkdir()
    for patient in range(1, 9):
        for _ in range(1 + patient % 5):
            number += 1
            pixels = np.full((20, 30), number, np.uint8)
            Image.fromarray(np.stack([pixels] * 3, -1)).save(folder / f"train_{number}.png")
            Image.fromarray(pixels).save(folder / f"train_{number}_anno.png")
            lines.append(f"train_{number},{patient},benign")
    (folder / "index.csv").write_text("\n".join(lines), encoding="utf-8")
    return open_dataset(folder)


def test_no_patient_teaches_and_is_scored(tissue: ModuleType, glas: Dataset) -> None:
    draws = [tissue.drawn(glas, seed) for seed in range(5)]
    for draw in draws:
        learn, test = ({one.patient for one in part} for part in (draw.learn, draw.test))
        assert len(draw.learn) == len(learn) == 5
        assert len(test) == 3
        assert not learn & test
        per_patient = [sum(one.patient == name for one in draw.test) for name in test]
        assert max(per_patient) <= 3
    assert len(set(draws)) > 1
    assert tissue.drawn(glas, 2) == draws[2]


@pytest.mark.parametrize("size", [(775, 522), (224, 224)])
def test_a_region_is_a_tenth_of_the_image(tissue: ModuleType, size: tuple[int, int]) -> None:
    for seed in range(10):
        shape = tissue.region(*size, random.Random(seed))
        ring = np.array(shape["features"][0]["geometry"]["coordinates"][0])
        assert (ring[0] == ring[-1]).all()
        sides = np.ptp(ring, axis=0)
        assert sides.prod() / np.prod(size) == pytest.approx(0.1, rel=0.01)
        assert (ring.min(0) >= 0).all()
        assert (ring.max(0) <= size).all()


@pytest.mark.parametrize(("kind", "images"), [("five", 5), ("one", 1), ("regions", 5)])
def test_what_a_run_learns_from(
    tissue: ModuleType, glas: Dataset, tmp_path: Path, kind: str, images: int
) -> None:
    draw = tissue.drawn(glas, 0)
    options = tissue.options_of(kind, draw, 0, tmp_path / kind)
    named = dict(zip(options[::2], map(Path, options[1::2]), strict=True))
    for option in ("--images", "--labels"):
        assert len(list(named[option].iterdir())) == images
    assert ("--regions" in named) == (kind == "regions")
    if kind == "regions":
        stems = {path.stem for path in named["--regions"].iterdir()}
        assert stems == {sample.stem for sample in draw.learn}


def option(call: tuple[str, ...], name: str) -> str:
    return call[call.index(name) + 1]


def test_every_run_is_scored_beside_the_model_it_began_with(
    tissue: ModuleType, glas: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = [Sample(s.stem, s.image, s.label, s.patient, split="val") for s in glas.samples[:2]]
    asked: list[tuple[str, ...]] = []

    def shell(*arguments: str) -> dict[str, Any]:
        asked.append(arguments)
        if arguments[0] == "evaluate":
            return {"metrics": {"dice": {"mean": 0.5 if "glands" in arguments else 0.75}}}
        return {"steps": 9, "seconds": 59.2, "verdict": "better"}

    monkeypatch.setattr(tissue, "shell", shell)
    ebhi = Dataset("ebhi", tuple(held_out))
    rows = tissue.rows_of(glas, ebhi, 1, ("five", "one"), 1.0)
    assert [row["kind"] for row in rows] == ["five", "one"]
    assert rows[0]["base"] == {"glas": 0.5, "ebhi": 0.5}
    assert rows[0]["tuned"] == {"glas": 0.75, "ebhi": 0.75}
    assert tissue.line(rows[0]) == "| 1 | five | 9 | 59.2 | 0.500 → 0.750 | 0.500 → 0.750 |"
    tuning = next(call for call in asked if call[0] == "finetune")
    assert (option(tuning, "--minutes"), option(tuning, "--um-per-px")) == ("1.0", "0.62005")
    scored = [call for call in asked if call[0] == "evaluate"]
    assert [Path(option(call, "--images")).parent.name for call in scored] == ["others", "ebhi"] * 3
    assert [option(call, "--um-per-px") for call in scored] == ["0.62005", "1.1"] * 3
    assert json.dumps(rows)
