"""Scores of a model on folders of volumes."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.engine.evaluate import EvaluateRequest, evaluate
from napari_selfreg.engine.events import Notice, Progress, run
from tests.bundles import tiny_bundle
from tests.engine.volume.models import Thresholds, volume_model
from tests.engine.volume.test_segment import steps
from tests.io.volume.files import nifti

MODEL = volume_model(Thresholds(), 1)
AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


def truth_of(values):
    return np.select([values > 350, values > 100], [2, 1], 0).astype(np.uint8)


def folders(root, images="images", labels="labels", channel="", cases=("a", "b", "c")):
    """Write cases whose truth is what the model finds, but for the last, which has less."""
    for number, stem in enumerate(cases):
        values = steps(8, 8 + number, 6)
        truth = truth_of(values)
        if number == len(cases) - 1:
            truth[:, -1] = 0
        nifti(root / images / f"{stem}{channel}.nii.gz", values, AFFINE)
        nifti(root / labels / f"{stem}.nii.gz", truth, AFFINE)
    return {"images": root / images, "labels": root / labels}


def test_scores_are_means_over_cases_with_their_intervals(tmp_path):
    output = tmp_path / "scores.csv"
    found = run(evaluate(EvaluateRequest(MODEL, **folders(tmp_path), output=output)))
    assert (found["n"], found["protocol"]) == (3, "native")
    assert json.loads(json.dumps(found)) == found
    metrics = found["metrics"]
    assert set(metrics) >= {"dice", "dice_class 0", "dice_class 1", "hd95_mm", "surface_dice"}
    for value in metrics.values():
        assert value["low"] <= value["mean"] <= value["high"]
        assert all(math.isfinite(number) for number in value.values())
    with output.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["image"] for row in table] == ["a", "b", "c"]
    assert [row["spacing_mm"] for row in table] == ["1 1 1"] * 3
    assert {row["spacing_source"] for row in table} == {"file"}
    assert float(table[0]["dice"]) == float(table[0]["surface_dice"]) == 1
    assert float(table[0]["hd95_mm"]) == 0
    assert float(table[2]["dice"]) < 1
    assert metrics["dice"]["mean"] == pytest.approx(
        np.mean([float(row["dice"]) for row in table]), abs=1e-5
    )


def test_the_mean_dice_is_over_classes(tmp_path):
    metrics = run(evaluate(EvaluateRequest(MODEL, **folders(tmp_path))))["metrics"]
    both = [metrics[f"dice_class {number}"]["mean"] for number in (0, 1)]
    assert metrics["dice"]["mean"] == pytest.approx(np.mean(both))


def test_msd_folders_and_channels_are_understood(tmp_path):
    where = folders(tmp_path, "imagesTr", "labelsTr", "_0000")
    apart = run(evaluate(EvaluateRequest(MODEL, **where)))
    together = run(evaluate(EvaluateRequest(MODEL, tmp_path, tmp_path)))
    assert apart == together
    assert apart["n"] == 3


def test_what_nobody_reviewed_does_not_count(tmp_path):
    values = steps(8, 8, 8)
    truth = truth_of(values)
    truth[:, -2:] = 255
    nifti(tmp_path / "images" / "a.nii.gz", values, AFFINE)
    nifti(tmp_path / "labels" / "a.nii.gz", truth, AFFINE)
    where = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    assert run(evaluate(EvaluateRequest(MODEL, **where)))["metrics"]["dice"]["mean"] == 1


def test_a_stated_size_counts_for_files_without_a_place(tmp_path):
    values = steps(8, 9, 10)
    for kind, stack in (("images", values.astype(np.uint16)), ("labels", truth_of(values))):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "a.tif", stack, photometric="minisblack", metadata=None)
    where = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    request = EvaluateRequest(MODEL, **where, um_per_px=500.0, output=tmp_path / "scores.csv")
    run(evaluate(request))
    with (tmp_path / "scores.csv").open(newline="") as stream:
        assert [row["spacing_mm"] for row in csv.DictReader(stream)] == ["0.5 0.5 0.5"]
    with pytest.raises(BadInputError, match="one number"):
        run(evaluate(replace(request, um_per_px=(500.0, 250.0))))


def test_a_place_in_space_wins_over_a_stated_size(tmp_path):
    events = []
    where = folders(tmp_path)
    stated = run(evaluate(EvaluateRequest(MODEL, **where, um_per_px=500.0)), events.append)
    assert stated == run(evaluate(EvaluateRequest(MODEL, **where)))
    told = [event.message for event in events if isinstance(event, Notice)]
    assert any("a.nii.gz states its place in space" in sentence for sentence in told)


def test_progress_counts_cases_and_left_out_images_are_told(tmp_path):
    where = folders(tmp_path)
    (where["labels"] / "b.nii.gz").unlink()
    events = []
    assert run(evaluate(EvaluateRequest(MODEL, **where)), events.append)["n"] == 2
    assert events[0] == Notice("1 images have no label file and are left out.")
    progress = [(event.done, event.total) for event in events if isinstance(event, Progress)]
    assert progress == sorted(progress)
    assert set(progress) == {(0, 2), (1, 2)}


def test_bad_folders_are_told_in_one_sentence(tmp_path):
    where = folders(tmp_path)
    with pytest.raises(BadInputError, match="protocol native"):
        run(evaluate(EvaluateRequest(MODEL, **where, protocol="uctransnet224")))
    nifti(where["labels"] / "a.nii.gz", np.full((8, 8, 6), 5, np.uint8), AFFINE)
    with pytest.raises(BadInputError, match=r"a\.nii\.gz holds the class 5"):
        run(evaluate(EvaluateRequest(MODEL, **where)))
    nifti(where["labels"] / "a.nii.gz", np.zeros((8, 7, 6), np.uint8), AFFINE)
    with pytest.raises(BadInputError, match="a"):
        run(evaluate(EvaluateRequest(MODEL, **where)))


def test_pictures_for_volumes_and_volumes_for_pictures_are_refused(tmp_path):
    where = folders(tmp_path)
    bundle = tiny_bundle(tmp_path / "glands.safetensors")
    with pytest.raises(BadModelError, match="is a volume and the model tiny"):
        run(evaluate(EvaluateRequest(bundle, **where)))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(pictures / "a.png")
    with pytest.raises(BadInputError, match="pictures holds pictures and the model small"):
        run(evaluate(EvaluateRequest(MODEL, pictures, pictures)))


def test_real_volumes_are_read_and_compared(shared_data, tmp_path):
    names = sorted(path.name for path in (shared_data / "hippocampus" / "images").glob("*.nii.gz"))
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / names[0]).symlink_to(shared_data / "hippocampus" / kind / names[0])
    where = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    found = run(evaluate(EvaluateRequest(MODEL, **where)))
    assert found["n"] == 1
    assert 0 <= found["metrics"]["dice"]["mean"] < 0.5
