"""The commands evaluate, train and demo."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.bundle import read_card
from tests.bundles import tiny_bundle
from tests.cli.shell import KEYS, faults, picture, run


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, Path]:
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number in range(2):
        picture(images / f"f{number}.png", seed=number)
        truth = np.zeros((40, 48), np.uint8)
        truth[5:20, 5:20] = 255
        Image.fromarray(truth).save(labels / f"f{number}_mask.png")
    return images, labels


@pytest.mark.parametrize("protocol", ["native", "uctransnet224"])
def test_evaluate_gives_means_and_intervals(
    shelf: Path, labelled: tuple[Path, Path], tmp_path: Path, protocol: str
) -> None:
    images, labels = labelled
    table = tmp_path / "scores.csv"
    command = ["evaluate", "--images", images, "--labels", labels, "--um-per-px", 1]
    result = run(*command, "--protocol", protocol, "--output", table, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["n"], document["protocol"]) == (2, protocol)
    names = ["dice", "iou", "object_f1", "object_dice", "object_hausdorff", "aji", "pq"]
    assert list(document["metrics"]) == names
    assert all(set(value) == {"mean", "low", "high"} for value in document["metrics"].values())
    with table.open() as stream:
        assert len(list(csv.DictReader(stream))) == 2


def test_evaluate_shows_a_table_to_people(shelf: Path, labelled: tuple[Path, Path]) -> None:
    images, labels = labelled
    result = run("evaluate", "--images", images, "--labels", labels, "--um-per-px", 1)
    assert result.exit_code == 0, result.stderr
    assert "object_f1" in result.stdout
    assert "2 images, protocol native" in result.stdout


def test_labels_without_images_are_a_fault(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("evaluate", "--images", tmp_path / "empty", "--labels", tmp_path / "empty")
    assert result.exit_code == 1
    assert len(faults(result)) == 1


@pytest.fixture
def fake_training(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace recipe and training by quick ones; returns the requests made."""
    from napari_selfreg.engine import train
    from napari_selfreg.engine.volume import recipe

    requests: list[Any] = []

    def job(request: Any) -> Generator[Event, None, Any]:
        requests.append(request)
        try:
            yield Progress(1, 2, "Training")
            if request.resume:
                raise KeyboardInterrupt
            tiny_bundle(request.output)
            return train.TrainResult(request.output, read_card(request.output))
        finally:
            requests.append("closed")

    monkeypatch.setattr(train, "train", job)
    monkeypatch.setattr(recipe, "load_any_recipe", lambda path: f"recipe of {path}")
    return requests


def test_train_passes_its_options_on_and_describes_the_model(
    fake_training: list[Any], tmp_path: Path
) -> None:
    target = tmp_path / "new.safetensors"
    result = run(
        "train", "r.toml", "--data", tmp_path, "--output", target, "--device", "cpu", "--json"
    )
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["path"] == str(target)
    assert document["name"] == "tiny"
    request = fake_training[0]
    assert request.recipe == "recipe of r.toml"
    assert (request.data, request.output, request.resume, request.device) == (
        tmp_path,
        target,
        False,
        "cpu",
    )
    plain = run("train", "r.toml", "--data", tmp_path, "--output", target)
    assert str(target) in plain.stdout


def test_ctrl_c_in_training_exits_with_130_and_closes_the_job(
    fake_training: list[Any], tmp_path: Path
) -> None:
    target = tmp_path / "new.safetensors"
    result = run("train", "r.toml", "--data", tmp_path, "--output", target, "--resume", "--json")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert fake_training[-1] == "closed"


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for content in (None, "name = [", "surprise = 1"):
        path = tmp_path / "recipe.toml"
        if content is not None:
            path.write_text(content)
        result = run("train", path, "--data", tmp_path, "--output", tmp_path / "m.safetensors")
        assert result.exit_code == 1, result.stderr
        (fault,) = faults(result)
        assert "recipe.toml" in fault


def test_the_demo_needs_no_input(shelf: Path, tmp_path: Path) -> None:
    output = tmp_path / "demo_output"
    result = run("demo", "--output", output, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert len(document) >= 2
    for entry in document:
        assert set(entry) >= KEYS
        assert all(Path(path).is_file() for path in entry["outputs"].values())
    names = {path.name for path in output.iterdir()}
    assert names == {"preview.png"} | {
        Path(path).name for entry in document for path in entry["outputs"].values()
    }
    assert "pixel size" not in result.stderr
    with Image.open(output / "preview.png") as preview:
        assert preview.width > 1000
    shown = run("demo", "--output", output)
    assert "preview.png" in shown.stdout
