"""From a recipe for volumes to a bundle: splits, card, resume, interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_selfreg.core.errors import BadInputError, BadModelError, DeviceError
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Event, Notice, Progress, StepDone, run
from napari_selfreg.engine.volume.recipe import VolumeRecipe, load_any_recipe
from napari_selfreg.engine.volume.scoring import segmented
from napari_selfreg.engine.volume.split import HoldOut, split_cases
from napari_selfreg.engine.volume.train import (
    VolumeTrainRequest,
    new_volume_network,
    train_volumes,
)
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.volume.datasets import open_volume_folder
from tests.engine.volume.blobs import SHAPE, blob_folder, blob_recipe, blobs
from tests.io.volume.files import nifti

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "hippocampus.toml"


def _request(tmp_path: Path, recipe: VolumeRecipe, **changes: Any) -> VolumeTrainRequest:
    data = tmp_path / "data"
    if not data.is_dir():
        blob_folder(data)
    request = VolumeTrainRequest(recipe, data, tmp_path / "blobs.safetensors", device="cpu")
    return replace(request, **changes)


def test_a_bundle_with_its_card(tmp_path: Path) -> None:
    events: list[Event] = []
    recipe = blob_recipe(regularization={"dsd": {"alpha": 1.0}})
    result = run(train_volumes(_request(tmp_path, recipe)), events.append)
    card = read_card(result.output)
    assert (card.spatial_dims, card.in_channels, card.intensity) == (3, 1, "volume")
    assert card.um_per_px == (1000.0, 1000.0, 1000.0)
    assert card.classes == ("bright", "dark")
    assert card.recipe["regularization"] == {"dsd": {"alpha": 1.0}}
    (record,) = card.metrics
    assert record.n == 1
    assert {"dice", "dice_bright", "dice_dark", "hd95_mm", "surface_dice"} <= record.values.keys()
    assert "dsd" in record.note
    assert "4 volumes to learn from, 1 to choose the best weights by, 1 held out." in {
        event.message for event in events if isinstance(event, Notice)
    }
    assert str(tmp_path) not in card.to_json()


def test_a_second_run_for_the_same_output_is_refused(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    first = train_volumes(request)
    next(event for event in first if isinstance(event, StepDone))
    with pytest.raises(BadInputError, match=r"Another training is writing blobs\.safetensors"):
        run(train_volumes(request))
    first.close()
    assert not (tmp_path / "blobs.training-before").exists()


def test_the_bundle_holds_the_network_alone_and_segments(tmp_path: Path) -> None:
    recipe = blob_recipe(regularization={"dsd": {}})
    model = load_model(run(train_volumes(_request(tmp_path, recipe))).output)
    plain, _ = new_volume_network(blob_recipe())
    assert model.network.state_dict().keys() == plain.state_dict().keys()
    voxels, _ = blobs(0)
    found = segmented(model, voxels, (1.0, 2.0, 1.0))
    assert found.shape == SHAPE
    assert set(np.unique(found)) <= {0, 1, 2}


def test_resume_ends_the_same(tmp_path: Path) -> None:
    recipe = blob_recipe(regularization={"dsd": {}})
    whole = load_model(run(train_volumes(_request(tmp_path / "a", recipe))).output)
    job = train_volumes(_request(tmp_path / "b", recipe))
    for event in job:
        if isinstance(event, StepDone) and event.step == 3:
            break
    job.close()
    kept = load_model(tmp_path / "b" / "blobs.safetensors").card
    assert (kept.training["steps"], kept.training["finished"], kept.metrics) == (3, False, ())
    events: list[Event] = []
    again = _request(tmp_path / "b", recipe, resume=True)
    parts = load_model(run(train_volumes(again), events.append).output)
    assert sum(isinstance(event, StepDone) for event in events) == 1
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, parts.network.state_dict()[name])
    assert whole.card.metrics == parts.card.metrics


def test_labels_that_changed_under_their_names_are_not_taken_over(tmp_path: Path) -> None:
    run(train_volumes(_request(tmp_path, blob_recipe())))
    again = _request(tmp_path, blob_recipe(), resume=True)
    labels = blobs(1)[1].transpose(2, 1, 0)
    nifti(again.data / "labels" / "blob1.nii.gz", np.where(labels == 1, 2, labels))
    with pytest.raises(BadInputError, match="labels have changed"):
        run(train_volumes(again))


def test_ctrl_c_keeps_the_best_so_far(tmp_path: Path) -> None:
    job = train_volumes(_request(tmp_path, blob_recipe()))
    for event in job:
        if isinstance(event, StepDone) and event.step == 2:
            break
    with pytest.raises(KeyboardInterrupt):
        job.throw(KeyboardInterrupt())
    assert load_model(tmp_path / "blobs.safetensors").card.training["steps"] == 2


@pytest.mark.parametrize("phase", ["Training", "Scoring"])
def test_a_finished_model_is_left_alone_until_a_resumed_run_is_complete(
    tmp_path: Path, phase: str
) -> None:
    request = _request(tmp_path, blob_recipe(), resume=True)
    done = run(train_volumes(request))
    before = (tmp_path / "blobs.safetensors").read_bytes()
    job = train_volumes(request)
    next(e for e in job if isinstance(e, Progress | Notice) and phase in e.message)
    job.close()
    assert (tmp_path / "blobs.safetensors").read_bytes() == before
    again = run(train_volumes(request))
    assert (again.output, again.card.metrics) == (done.output, done.card.metrics)
    assert (tmp_path / "blobs.safetensors").read_bytes() == before


def test_what_is_stopped_before_its_first_step_leaves_nothing(tmp_path: Path) -> None:
    job = train_volumes(_request(tmp_path, blob_recipe()))
    for event in job:
        if isinstance(event, Progress) and event.message == "Training":
            break
    job.close()
    assert not (tmp_path / "blobs.safetensors").exists()


def test_folds_hold_out_by_case(tmp_path: Path) -> None:
    recipe = blob_recipe(train={"steps": 1})
    held = []
    for fold in (1, 2, 3):
        hold_out = HoldOut(folds=3, fold=fold)
        card = run(train_volumes(_request(tmp_path, recipe, hold_out=hold_out))).card
        (record,) = card.metrics
        assert record.split.startswith(f"fold {fold} of 3")
        held.append(record.n)
    assert held == [2, 2, 2]


def test_a_fault_while_scoring_costs_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("scoring broke")

    monkeypatch.setattr("napari_selfreg.engine.volume.publish.score_cases", fail)
    with pytest.raises(RuntimeError, match="scoring broke"):
        run(train_volumes(_request(tmp_path, blob_recipe())))
    assert load_model(tmp_path / "blobs.safetensors").card.training["finished"] is True


def test_bad_requests_are_refused_before_any_work(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    with pytest.raises(BadInputError, match=r"\.safetensors"):
        run(train_volumes(replace(request, output=tmp_path / "x.pt")))
    with pytest.raises(DeviceError, match="abacus"):
        run(train_volumes(replace(request, device="abacus")))
    with pytest.raises(BadInputError, match="nowhere"):
        run(train_volumes(replace(request, data=tmp_path / "nowhere")))
    other = blob_recipe(network={"architecture": "nonet"})
    with pytest.raises(BadModelError, match="nonet"):
        run(train_volumes(replace(request, recipe=other)))
    silent = blob_recipe(card={"title": ""})
    with pytest.raises(BadInputError, match="title"):
        run(train_volumes(replace(request, recipe=silent)))
    assert not request.output.exists()


def test_a_wrong_data_folder_costs_no_old_state(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    run(train_volumes(request))
    state = tmp_path / "blobs.training" / "main" / "state.safetensors"
    with pytest.raises(BadInputError, match="typo"):
        run(train_volumes(replace(request, data=tmp_path / "typo")))
    assert state.is_file()


def _empty(data: Path, *stems: str) -> None:
    for stem in stems:
        nifti(data / "labels" / f"{stem}.nii.gz", np.zeros(SHAPE[::-1], np.uint8))


def test_a_case_without_any_class_is_told_and_teaches(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe(train={"steps": 1}))
    _empty(tmp_path / "data", "blob0", "blob1")
    events: list[Event] = []
    run(train_volumes(request), events.append)
    told = [event.message for event in events if isinstance(event, Notice)]
    (sentence,) = (each for each in told if "labels nothing" in each)
    assert "blob0.nii.gz" in sentence
    assert "blob1.nii.gz" in sentence


def test_cases_that_hold_no_class_at_all_are_refused(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    cases = open_volume_folder(tmp_path / "data").cases
    split = split_cases(cases, request.recipe.data)
    _empty(tmp_path / "data", *(case.stem for case in split.validation))
    with pytest.raises(BadInputError, match="The only volume to choose the best weights by has no"):
        run(train_volumes(request))
    _empty(tmp_path / "data", *(case.stem for case in split.training))
    with pytest.raises(BadInputError, match="None of the 4 volumes to learn from has a voxel"):
        run(train_volumes(request))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_damaged_held_out_case_is_found_before_the_training(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    (case,) = split_cases(open_volume_folder(tmp_path / "data").cases, request.recipe.data).held_out
    nifti(case.labels, np.full(SHAPE[::-1], 7, np.uint8))
    with pytest.raises(BadInputError, match=f"labels of {case.stem} hold the class 7"):
        run(train_volumes(request))
    case.image.write_bytes(case.image.read_bytes()[:-20])
    with pytest.raises(BadInputError, match=rf"{case.stem}\.nii\.gz is damaged"):
        run(train_volumes(request))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_two_steps_on_the_hippocampus(tmp_path: Path, shared_data: Path) -> None:
    recipe = load_any_recipe(RECIPE)
    assert isinstance(recipe, VolumeRecipe)
    short = recipe.train.model_copy(update={"steps": 2, "batch": 1})
    data = tmp_path / "data"
    for folder in ("images", "labels"):
        (data / folder).mkdir(parents=True)
        for path in sorted((shared_data / "hippocampus" / folder).glob("*.nii.gz"))[:5]:
            (data / folder / path.name).symlink_to(path)
    output = tmp_path / "hippocampus.safetensors"
    quick = recipe.model_copy(update={"train": short})
    card = run(train_volumes(VolumeTrainRequest(quick, data, output, device="cpu"))).card
    assert card.metrics[0].n == 1
    assert output.stat().st_size < 8_000_000
