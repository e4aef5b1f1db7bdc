"""The command finetune on volumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_selfreg.engine.events import run as run_job
from napari_selfreg.engine.volume.train import VolumeTrainRequest, train_volumes
from napari_selfreg.io import models
from napari_selfreg.io.bundle import read_card
from tests.cli.shell import faults, run
from tests.engine.volume.blobs import blob_folder, blob_recipe


@pytest.fixture
def data(shelf: Path, tmp_path: Path) -> Path:
    """Volumes, and a bundled model that was trained on them."""
    folder = blob_folder(tmp_path / "data", 3)
    recipe = blob_recipe(train={"steps": 1})
    output = models.MODELS_FOLDER / "blobs.safetensors"
    run_job(train_volumes(VolumeTrainRequest(recipe, folder, output, device="cpu")))
    return folder


def test_json_has_the_keys_of_pictures(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.safetensors"
    folders = ["--images", data / "images", "--labels", data / "labels"]
    command = ["finetune", "--model", "blobs", *folders, "--output", output, "--steps", 2]
    result = run(*command, "--seed", 3, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["base"], document["steps"], document["seed"]) == ("blobs", 2, 3)
    assert {"output", "seconds", "verdict"} <= document.keys()
    assert document["validation"]["n"] == 3
    assert read_card(output).spatial_dims == 3
    said = run(*command)
    assert "Held-out slabs: " in said.stdout


def test_options_of_pictures_are_refused(data: Path, tmp_path: Path) -> None:
    folders = ["--images", data / "images", "--labels", data / "labels"]
    command = ["finetune", "--model", "blobs", *folders, "--output", tmp_path / "m.safetensors"]
    result = run(*command, "--regions", tmp_path)
    assert result.exit_code == 1
    assert "for pictures" in faults(result)[0]
