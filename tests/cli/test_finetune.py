"""The command finetune: from folders to a bundle and one JSON document."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg import commands
from napari_selfreg.core.types import Box
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import Project, Region
from tests.cli.shell import faults, run
from tests.engine.corrections import corrected
from tests.io.project.steps import new_field


@pytest.fixture
def folders(tmp_path: Path) -> list[Any]:
    """Two corrected images in folders; returns the options that name them."""
    for name in ("images", "labels", "regions"):
        (tmp_path / name).mkdir()
    for number in range(2):
        field = corrected(seed=number)
        Image.fromarray(field.picture).save(tmp_path / "images" / f"f{number}.png")
        labels = Image.fromarray(field.labels.astype(np.uint8))
        labels.save(tmp_path / "labels" / f"f{number}_anno.png")
    options: list[Any] = ["finetune", "--images", tmp_path / "images"]
    return [*options, "--labels", tmp_path / "labels", "--um-per-px", 1, "--device", "cpu"]


def _region(path: Path) -> None:
    ring = [[0, 0], [40, 0], [40, 40], [0, 40], [0, 0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


def test_the_document_and_the_bundle(shelf: Path, folders: list[Any], tmp_path: Path) -> None:
    output = tmp_path / "mine.safetensors"
    result = run(*folders, "--output", output, "--steps", 2, "--seed", 5, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert list(document) == [
        "output",
        "base",
        "steps",
        "seconds",
        "seed",
        "verdict",
        "validation",
    ]
    assert document["output"] == str(output)
    assert (document["base"], document["steps"], document["seed"]) == ("glands", 2, 5)
    assert document["verdict"] in ("better", "no difference", "worse", "cannot tell")
    assert set(document["validation"]) == {"base", "tuned", "n"}
    assert document["validation"]["n"] == 2
    assert read_card(output).um_per_px == (1.0, 1.0)


def test_people_read_a_sentence(shelf: Path, folders: list[Any], tmp_path: Path) -> None:
    output = tmp_path / "mine.safetensors"
    result = run(*folders, "--output", output, "--minutes", 0.02)
    assert result.exit_code == 0, result.stderr
    assert "points of Dice" in result.stdout
    assert str(output) in result.stdout


def test_regions_say_what_is_truth(shelf: Path, folders: list[Any], tmp_path: Path) -> None:
    _region(tmp_path / "regions" / "f1.geojson")
    output = tmp_path / "mine.safetensors"
    command = [*folders, "--regions", tmp_path / "regions", "--output", output, "--steps", 2]
    result = run(*command, "--json")
    assert result.exit_code == 0, result.stderr
    assert "1 images have no region" in result.stderr
    record: Any = read_card(output).training
    assert record["fields"]["count"] == 1
    assert record["fields"]["reviewed_pixels"] == 40 * 40


def test_an_exported_project_can_be_learned_from(
    shelf: Path, folders: list[Any], tmp_path: Path
) -> None:
    images = [tmp_path / "images" / f"f{number}.png" for number in range(2)]
    fields = [
        new_field(image, labels=corrected(seed=number).labels, classes=("gland",), class_of={})
        for number, image in enumerate(images)
    ]
    with Project.create(tmp_path / "case.selfreg", fields) as project:
        project.put_region("f1", Region.rectangle(Box(0, 0, 40, 40)))
        project.put_region("f2", Region.rectangle(Box(0, 0, 64, 80), "field"))
    exported = tmp_path / "out"
    assert run("export", tmp_path / "case.selfreg", "--output", exported).exit_code == 0
    command = ["finetune", "--images", tmp_path / "images", "--labels", exported]
    command += ["--regions", exported / "regions", "--um-per-px", 1, "--device", "cpu"]
    output = tmp_path / "mine.safetensors"
    result = run(*command, "--output", output, "--steps", 2, "--json")
    assert result.exit_code == 0, result.stderr
    record: Any = read_card(output).training
    assert record["fields"]["count"] == 2
    assert record["fields"]["reviewed_pixels"] == 40 * 40 + 64 * 80


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (["--minutes", 1, "--steps", 5], "exclude each other"),
        (["--regions", "nowhere"], "no folder"),
        (["--model", "nobody"], "nobody"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_faults_are_one_sentence(
    shelf: Path, folders: list[Any], tmp_path: Path, extra: list[Any], reason: str
) -> None:
    result = run(*folders, "--output", tmp_path / "m.safetensors", *extra)
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert reason in fault


def test_regions_of_other_images_are_a_fault(
    shelf: Path, folders: list[Any], tmp_path: Path
) -> None:
    _region(tmp_path / "regions" / "other.geojson")
    command = [*folders, "--regions", tmp_path / "regions", "--steps", 1]
    result = run(*command, "--output", tmp_path / "m.safetensors")
    assert "f0.geojson" in faults(result)[0]
    (tmp_path / "regions" / "f0.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    result = run(*command, "--output", tmp_path / "m.safetensors")
    assert "No region lies inside" in faults(result)[0]


def test_the_minutes_begin_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    for age, counted in ((5.0, 5.0), (500.0, 0.0), (-3.0, 0.0)):
        created = time.time() - age
        monkeypatch.setattr(psutil.Process, "create_time", lambda _, at=created: at)
        assert time.monotonic() - commands.process_start() == pytest.approx(counted, abs=1.0)
