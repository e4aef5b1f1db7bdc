"""The commands segment and evaluate on volumes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.shell import KEYS, faults, picture, run
from tests.engine.volume.models import volume_bundle
from tests.io.volume.files import nifti


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return volume_bundle(tmp_path / "tiny.safetensors")


def test_segment_writes_labels_and_measurements_of_volumes(tmp_path: Path, bundle: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        nifti(tmp_path / "scans" / name, np.random.default_rng(0).normal(0, 1, (9, 10, 11)))
    output = tmp_path / "out"
    result = run("segment", tmp_path / "scans", "--model", bundle, "--output", output, "--json")
    assert result.exit_code == 0, result.stderr
    documents = json.loads(result.stdout)
    assert [set(document) for document in documents] == [KEYS, KEYS]
    assert set(documents[0]["outputs"]) == {"labels", "measurements"}
    assert sorted(path.name for path in output.iterdir()) == [
        "a_labels.nii.gz",
        "a_measurements.csv",
        "b_labels.nii.gz",
        "b_measurements.csv",
    ]


def test_corrected_labels_are_not_replaced(tmp_path: Path, bundle: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        nifti(tmp_path / "scans" / name, np.random.default_rng(0).normal(0, 1, (9, 10, 11)))
    output = tmp_path / "out"
    command = ("segment", tmp_path / "scans", "--model", bundle, "--output", output, "--json")
    assert run(*command).exit_code == 0
    table = output / "a_measurements.csv"
    table.write_text(table.read_text("utf-8").replace("software", "software,corrected_by_hand", 1))
    before = (output / "a_labels.nii.gz").stat().st_mtime_ns, table.read_bytes()
    result = run(*command)
    assert result.exit_code == 1
    assert [Path(entry["image"]).name for entry in json.loads(result.stdout)] == ["b.nii.gz"]
    (fault,) = faults(result)
    assert "a_measurements.csv was corrected by hand" in fault
    assert before == ((output / "a_labels.nii.gz").stat().st_mtime_ns, table.read_bytes())


def test_evaluate_scores_volumes(tmp_path: Path, bundle: Path) -> None:
    nifti(tmp_path / "images" / "a.nii.gz", np.random.default_rng(0).normal(0, 1, (9, 10, 11)))
    nifti(tmp_path / "labels" / "a.nii.gz", np.ones((9, 10, 11), np.uint8))
    folders = ("--images", tmp_path / "images", "--labels", tmp_path / "labels")
    result = run("evaluate", *folders, "--model", bundle, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["n"], document["protocol"]) == (1, "native")
    assert {"dice", "dice_front", "dice_back", "hd95_mm", "surface_dice"} <= set(
        document["metrics"]
    )
    shown = run("evaluate", *folders, "--model", bundle)
    assert "hd95_mm" in shown.stdout


def test_a_picture_and_a_damaged_file_fail_alone(tmp_path: Path, bundle: Path) -> None:
    good = nifti(tmp_path / "good.nii.gz", np.random.default_rng(0).normal(0, 1, (8, 8, 8)))
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(good.read_bytes()[:100])
    field = picture(tmp_path / "field.png")
    command = ("segment", bad, field, good, "--model", bundle, "--output", tmp_path / "out")
    result = run(*command, "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 1
    told = faults(result)
    assert len(told) == 2
    assert "bad.nii.gz" in told[0]
    assert "field.png is no volume" in told[1]


def test_volumes_of_one_name_do_not_overwrite_each_other(tmp_path: Path, bundle: Path) -> None:
    scans = [nifti(tmp_path / name, np.ones((8, 8, 8))) for name in ("a.nii", "a.nii.gz")]
    output = tmp_path / "out"
    result = run("segment", *scans, "--model", bundle, "--output", output)
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert "a.nii and " in fault
    assert "would write the same files" in fault
    assert not output.exists()


def test_a_volume_is_refused_by_a_model_of_pictures(shelf: Path, tmp_path: Path) -> None:
    scan = nifti(tmp_path / "scan.nii.gz")
    result = run("segment", scan, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "scan.nii.gz is a volume and the model glands" in faults(result)[0]
