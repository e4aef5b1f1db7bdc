"""Training on volumes: resumption bit for bit, early stop, regularizers by name, divergence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.checkpoint import read_tensors
from napari_selfreg.engine.events import Event, StepDone, run
from napari_selfreg.engine.volume.fit import VolumeFitRequest, build_regularization, fit_volumes
from napari_selfreg.engine.volume.recipe import VolumeRecipe
from napari_selfreg.engine.volume.train import new_volume_network
from tests.engine.fitting import FROZEN, check_divergence, check_patience, check_resumption, equal
from tests.engine.volume.blobs import REGULARIZERS, blob_case, blob_recipe
from tests.engine.volume.models import note_samplers


def _request(
    tmp_path: Path, recipe: VolumeRecipe, name: str = "run", resume: bool = False
) -> VolumeFitRequest:
    network, tapspec = new_volume_network(recipe)
    return VolumeFitRequest(
        network=network,
        tapspec=tapspec,
        recipe=recipe,
        training=[blob_case(seed) for seed in range(3)],
        validation=[blob_case(seed) for seed in (10, 11)],
        folder=tmp_path / name,
        resume=resume,
        device=torch.device("cpu"),
    )


def test_training_learns_blobs(tmp_path: Path) -> None:
    train = {"steps": 40, "learning_rate": 0.02, "validate_every": 20, "weight_average": 0.5}
    result = run(fit_volumes(_request(tmp_path, blob_recipe(train=train))))
    assert result.progress.finished
    assert result.progress.best_dice > 0.4


def test_patches_are_turned_at_the_spacing_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = note_samplers(monkeypatch, "napari_selfreg.engine.volume.fit.PatchSampler")
    recipe = blob_recipe(data={"spacing_mm": [4.0, 1.0, 0.5]}, train={"steps": 1})
    run(fit_volumes(_request(tmp_path, recipe)))
    assert [arguments[-1] for arguments in asked] == [(4.0, 1.0, 0.5)]


@pytest.mark.parametrize("terms", REGULARIZERS.values(), ids=REGULARIZERS)
def test_an_interrupted_run_goes_on_as_if_nothing_happened(
    tmp_path: Path, terms: dict[str, Any]
) -> None:
    recipe = blob_recipe(regularization=terms)
    check_resumption(
        tmp_path, lambda name, resume: fit_volumes(_request(tmp_path, recipe, name, resume=resume))
    )


def test_dropout_draws_from_seed_and_step_too(tmp_path: Path) -> None:
    dropping = {"arguments": {"filters": [4, 8, 8], "dropout": 0.3}}
    recipe = blob_recipe(network=dropping, train={"steps": 2})
    first = run(fit_volumes(_request(tmp_path, recipe, "a")))
    torch.rand(7)
    state = torch.random.get_rng_state()
    assert equal(first, run(fit_volumes(_request(tmp_path, recipe, "b"))))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("terms", REGULARIZERS.values(), ids=REGULARIZERS)
def test_every_regularizer_is_in_the_log_and_none_in_the_weights(
    tmp_path: Path, terms: dict[str, Any]
) -> None:
    recipe = blob_recipe(regularization=terms, train={"steps": 1})
    request = _request(tmp_path, recipe)
    heads = build_regularization(recipe, request.network, request.tapspec)
    events: list[Event] = []
    result = run(fit_volumes(request), events.append)
    losses = next(event.losses for event in events if isinstance(event, StepDone))
    assert {"total", "ce", "dice", "learning_rate"} <= losses.keys()
    assert {name.split("/")[0] for name in losses} & {"scr", "ifd", "dsd", "missu"} == set(terms)
    assert result.weights.keys() == request.network.state_dict().keys()
    assert bool(list(heads.parameters())) == bool({"dsd", "missu"} & set(terms))
    plain = run(fit_volumes(_request(tmp_path, blob_recipe(train={"steps": 1}), "plain")))
    assert equal(plain, result) == (not terms)


def test_the_heads_learn_and_are_part_of_the_state(tmp_path: Path) -> None:
    recipe = blob_recipe(regularization={"dsd": {}})
    request = _request(tmp_path, recipe)
    before = build_regularization(recipe, request.network, request.tapspec).state_dict()
    run(fit_volumes(request))
    saved, _ = read_tensors(request.folder / "state.safetensors")
    kept = {name.removeprefix("heads."): t for name, t in saved.items() if "heads." in name[:6]}
    assert kept.keys() == before.keys()
    assert any(not torch.equal(kept[name], before[name]) for name in before)


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    check_patience(fit_volumes(_request(tmp_path, blob_recipe(train=FROZEN))))


def test_divergence_is_said(tmp_path: Path) -> None:
    request = _request(tmp_path, blob_recipe())
    check_divergence(request.network, fit_volumes(request))


@pytest.mark.parametrize(
    "change",
    [{"train": {"learning_rate": 5e-3}}, {"regularization": {"dsd": {}}}, {"augment": {"gain": 0}}],
)
def test_a_state_of_another_recipe_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    run(fit_volumes(_request(tmp_path, blob_recipe())))
    with pytest.raises(BadInputError, match="--resume"):
        run(fit_volumes(_request(tmp_path, blob_recipe(**change), resume=True)))


def test_an_option_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(ValidationError, match="no option 'strength'"):
        blob_recipe(regularization={"dsd": {"strength": 1}})
