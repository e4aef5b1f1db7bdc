from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bundles import tiny_bundle
from tests.cli.shell import faults, picture, run

NAMES = ["dice", "iou", "object_f1", "object_dice", "object_hausdorff", "aji", "pq"]
KEYS = ["a", "b", "difference", "low", "high", "p"]


@pytest.fixture
def command(shelf: Path, tmp_path: Path) -> list[object]:
    """The bundled model against a file, on two labelled images."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number in range(2):
        picture(images / f"f{number}.png", seed=number)
        truth = np.zeros((40, 48), np.uint8)
        truth[5:20, 5:20] = 255
        Image.fromarray(truth).save(labels / f"f{number}_mask.png")
    other = tiny_bundle(tmp_path / "other.safetensors", seed=1, name="mine", um_per_px=[2.0, 2.0])
    return [
        *("compare", "glands", other, "--images", images, "--labels", labels),
        *("--um-per-px", 1, "--device", "cpu"),
    ]


def test_stdout_is_the_document_and_the_folder_holds_the_tables(
    command: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    result = run(*command, "--output", folder, "--latex", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert list(document) == ["n", "metrics"]
    assert document["n"] == 2
    assert list(document["metrics"]) == NAMES
    assert all(list(value) == KEYS for value in document["metrics"].values())
    assert all(isinstance(n, float) for v in document["metrics"].values() for n in v.values())
    assert {path.name for path in folder.iterdir()} == {"comparison.csv", "comparison.tex"}
    with (folder / "comparison.csv").open() as stream:
        assert [row["image"] for row in csv.DictReader(stream)] == ["f0", "f1"]
    assert r"glands & mine" in (folder / "comparison.tex").read_text()


def test_people_get_a_table_and_the_direction(command: list[object]) -> None:
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert "2 images, b minus a" in result.stdout
    assert "object_hausdorff" in result.stdout
    assert r"\toprule" not in result.stdout


def test_latex_alone_is_shown(command: list[object]) -> None:
    result = run(*command, "--latex")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("% n = 2 images")
    assert result.stdout.endswith("\\end{tabular}\n")


def test_beside_json_the_table_goes_to_stderr(command: list[object]) -> None:
    result = run(*command, "--latex", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["n"] == 2
    assert r"\toprule" in result.stderr


def test_an_unknown_model_is_named(command: list[object]) -> None:
    result = run(command[0], "nowhere", *command[2:])
    assert result.exit_code == 1
    assert "nowhere" in faults(result)[0]


def test_both_models_are_needed() -> None:
    assert run("compare", "glands", "--images", "i", "--labels", "l").exit_code == 2
