"""Fine-tuning a model for volumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Notice, StepDone, run
from napari_selfreg.engine.finetune import FinetuneField, FinetuneRequest, FinetuneVolume, finetune
from napari_selfreg.engine.finetune_types import BlocksMeasured
from napari_selfreg.engine.volume.finetune import corrected, settings_for_volumes
from napari_selfreg.engine.volume.finetune_fields import prepare_volumes
from napari_selfreg.engine.volume.train import VolumeTrainRequest, train_volumes
from tests.bundles import tiny_bundle
from tests.engine.volume.blobs import blob_folder, blob_recipe, blobs
from tests.engine.volume.models import note_samplers, volume_bundle


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("base")
    recipe = blob_recipe(train={"steps": 2})
    request = VolumeTrainRequest(recipe, blob_folder(folder / "d", 3), folder / "b.safetensors")
    return load_model(run(train_volumes(replace(request, device="cpu"))).output)


def _request(base: Model, count: int = 2, **changes: Any) -> FinetuneRequest:
    fields = tuple(FinetuneVolume(*blobs(seed), name=f"blob{seed}") for seed in range(count))
    return FinetuneRequest(**{"model": base, "fields": fields, "device": "cpu", **changes})


def test_a_model_learns_from_corrected_volumes(
    base: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faster(*request: Any) -> Any:  # the base has not seen more than two steps
        return replace(settings_for_volumes(*request), learning_rate=5e-3)

    monkeypatch.setattr("napari_selfreg.engine.volume.finetune.settings_for_volumes", faster)
    output = tmp_path / "mine.safetensors"
    result = run(finetune(_request(base, 3, steps=25, output=output)))
    scores = result.validation()
    assert scores["n"] == 3
    assert scores["tuned"] > scores["base"]
    card = load_model(output).card
    assert (card.spatial_dims, card.intensity, card.um_per_px) == (3, "volume", (1000.0,) * 3)
    record: Any = card.training
    assert record["fields"]["count"] == 3
    assert "slab" in record["validation"]["how"]
    assert card.metrics[0].protocol == "slabs"
    tuned: Any = card.recipe["finetune"]
    assert tuned["patch"] == [16, 16, 16]  # the size the base was trained on
    assert tuned["augment"] == blob_recipe().augment.model_dump(mode="json")


def test_the_same_request_gives_the_same_weights(base: Model) -> None:
    first, again = (run(finetune(_request(base, steps=2, seed=4))) for _ in range(2))
    other = run(finetune(_request(base, steps=2, seed=5)))
    weights = [result.model.network.state_dict() for result in (first, again, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_dropout_draws_from_seed_and_step_too(tmp_path: Path) -> None:
    arguments = {"filters": [4, 8, 8], "norm": "BATCH", "dropout": 0.3}
    base = load_model(volume_bundle(tmp_path / "b.safetensors", architecture_args=arguments))
    first = run(finetune(_request(base, 1, steps=2))).model.network.state_dict()
    torch.rand(7)
    again = run(finetune(_request(base, 1, steps=2))).model.network.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_patches_are_turned_at_the_spacing_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = note_samplers(monkeypatch, "napari_selfreg.engine.volume.finetune.PatchSampler")
    thick = load_model(volume_bundle(tmp_path / "b.safetensors", um_per_px=(4000.0, 1000.0, 500.0)))
    run(finetune(_request(thick, 1, steps=1)))
    assert [arguments[-1] for arguments in asked] == [(4.0, 1.0, 0.5)]


def test_regularizers_and_watched_blocks(base: Model) -> None:
    events: list[Any] = []
    request = _request(base, 1, steps=1, lambda_scr=0.1, lambda_ifd=0.1, watch_blocks=True)
    run(finetune(request), events.append)
    losses = next(event.losses for event in events if isinstance(event, StepDone))
    assert {"scr", "ifd"} <= losses.keys()
    assert any(isinstance(event, BlocksMeasured) for event in events)
    assert not {"scr", "ifd"} & run(finetune(_request(base, 1, steps=1))).history[0].keys()


def test_a_stop_keeps_the_best_so_far(base: Model) -> None:
    result = run(finetune(_request(base, steps=30, enough=lambda: True)))
    assert result.stopped
    assert result.steps == 1


def test_pictures_and_volumes_do_not_mix(base: Model, tmp_path: Path) -> None:
    field = FinetuneField(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.int32))
    with pytest.raises(BadInputError, match="one of the two"):
        run(finetune(_request(base, fields=(field, *_request(base).fields))))
    with pytest.raises(BadModelError, match="not for RGB pictures"):
        run(finetune(_request(base, fields=(field,))))
    flat = load_model(tiny_bundle(tmp_path / "flat.safetensors"))
    with pytest.raises(BadModelError, match="not for volumes"):
        run(finetune(_request(flat)))


def test_volumes_without_any_class_are_refused_if_there_is_no_other(
    base: Model, tmp_path: Path
) -> None:
    voxels, labels = blobs(0)
    empty = FinetuneVolume(voxels, np.zeros_like(labels))
    output = tmp_path / "mine.safetensors"
    with pytest.raises(BadInputError, match="The only volume to learn from has no voxel of a"):
        run(finetune(_request(base, fields=(empty,), steps=1, output=output)))
    assert not list(tmp_path.iterdir())
    fields = (empty, FinetuneVolume(voxels, labels))
    assert run(finetune(_request(base, fields=fields, steps=1))).steps == 1


def test_what_teaches_nothing_is_told(base: Model) -> None:
    voxels, labels = blobs(0)
    unseen = FinetuneVolume(voxels, labels, np.zeros(labels.shape, bool), name="unseen")
    events: list[Any] = []
    fields = (unseen, FinetuneVolume(voxels, labels))
    run(finetune(_request(base, fields=fields, steps=1)), events.append)
    told = [event.message for event in events if isinstance(event, Notice)]
    assert told == ["Too little is reviewed in unseen to learn from: review more there."]


def test_patches_suit_a_base_that_does_not_name_its_own(base: Model) -> None:
    card = base.card.model_copy(update={"training": {}, "recipe": {"augment": {"what": 1}}})
    silent = replace(base, card=card)
    request = _request(silent)
    material = prepare_volumes([f for f in request.fields if isinstance(f, FinetuneVolume)], card)
    settings = settings_for_volumes(request, silent, material)
    assert settings.patch == (20, 24, 20)  # (18, 22, 20) up to multiples of 4
    assert settings.augment.flip == (0.0, 0.0, 0.0)


def test_folders_of_volumes_are_read(base: Model, tmp_path: Path) -> None:
    data = blob_folder(tmp_path, 3)
    (data / "labels" / "blob2.nii.gz").unlink()
    events: list[Any] = []
    fields = run(corrected(base.card, data / "images", data / "labels"), events.append)
    assert [field.name for field in fields] == ["blob0", "blob1"]
    assert any("1 volumes have no label" in e.message for e in events if isinstance(e, Notice))
    voxels, labels = blobs(1)
    assert np.allclose(fields[1].picture, voxels)
    assert np.array_equal(fields[1].labels, labels)
    assert fields[1].spacing == (1.0, 1.0, 1.0)
    with pytest.raises(BadInputError, match="for pictures"):
        run(corrected(base.card, data / "images", data / "labels", regions=data))


def test_stacks_have_the_stated_size(base: Model, tmp_path: Path) -> None:
    voxels, labels = blobs(0)
    for kind, stack in (("images", voxels), ("labels", labels)):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "a.tif", stack, photometric="minisblack")
    job = corrected(base.card, tmp_path / "images", tmp_path / "labels", um_per_px=500.0)
    (field,) = run(job)
    assert isinstance(field, FinetuneVolume)
    assert field.spacing == (0.5, 0.5, 0.5)
