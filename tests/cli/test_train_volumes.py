"""The command train on volumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_selfreg.io.bundle import read_card
from tests.cli.shell import faults, run
from tests.engine.volume.blobs import blob_folder

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TEXT = (RECIPES / "hippocampus.toml").read_text("utf-8")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The recipe of the bundled model, made tiny."""
    path = tmp_path / "tiny.toml"
    text = TEXT.replace("[16, 32, 64, 128]", "[4, 8, 8]").replace("[40, 56, 40]", "[16, 16, 16]")
    path.write_text(text.replace("steps = 2400", "steps = 1"), encoding="utf-8")
    assert "steps = 1" in path.read_text("utf-8")
    return path


def test_a_fold_is_trained_and_described(shelf: Path, tmp_path: Path, recipe: Path) -> None:
    data, output = blob_folder(tmp_path / "data", 4), tmp_path / "new.safetensors"
    command = ["train", recipe, "--data", data, "--output", output, "--device", "cpu"]
    result = run(*command, "--folds", 2, "--fold", 1, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["name"], document["um_per_px"]) == ("hippocampus", 1000.0)
    assert document["metrics"][0]["split"].startswith("fold 1 of 2")
    assert read_card(output).metrics[0].n == 2


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (["--folds", 2], "belong together"),
        (["--folds", 2, "--fold", 3], "between 1 and 2"),
        (["--held-out", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_faults_are_one_sentence(
    shelf: Path, tmp_path: Path, recipe: Path, extra: list[object], reason: str
) -> None:
    data, output = blob_folder(tmp_path / "data", 4), tmp_path / "new.safetensors"
    result = run("train", recipe, "--data", data, "--output", output, *extra)
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert reason in fault


def test_recipes_of_pictures_have_no_folds(shelf: Path, tmp_path: Path) -> None:
    command = ["train", RECIPES / "glands.toml", "--data", tmp_path, "--folds", 2, "--fold", 1]
    result = run(*command, "--output", tmp_path / "new.safetensors")
    assert result.exit_code == 1
    assert "for volumes" in faults(result)[0]
