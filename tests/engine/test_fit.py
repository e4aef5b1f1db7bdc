"""Training on pictures: resumption bit for bit, λ = 0, divergence, interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_selfreg.core.errors import BadInputError, DeviceError
from napari_selfreg.engine.checkpoint import read_progress, read_tensors
from napari_selfreg.engine.events import CheckpointSaved, Event, StepDone, ValidationDone, run
from napari_selfreg.engine.fit import (
    FitRequest,
    fit,
)
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.sampling import load_field
from napari_selfreg.engine.starting import new_network
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.datasets import open_dataset
from tests.engine.fitting import FROZEN, check_divergence, check_patience, check_resumption, equal
from tests.engine.recipes import squares, tiny_recipe


def _request(tmp_path: Path, recipe: Recipe, name: str = "run", resume: bool = False) -> FitRequest:
    dataset = open_dataset(squares(tmp_path / "data"))
    fields = [load_field(sample, dataset, recipe) for sample in dataset.samples]
    network, tapspec = new_network(recipe)
    return FitRequest(
        network=network,
        tapspec=tapspec,
        recipe=recipe,
        training=fields[:2],
        validation=fields[2:],
        normalizer=Normalizer.of(fields),
        folder=tmp_path / name,
        steps=recipe.train.steps,
        resume=resume,
        device=torch.device("cpu"),
    )


def test_training_learns_dark_squares(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        train={"steps": 40, "learning_rate": 0.02, "validate_every": 20, "weight_average": 0.5}
    )
    events: list[Event] = []
    result = run(fit(_request(tmp_path, recipe)), events.append)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert len(steps) == 40
    assert {"total", "ce", "dice", "contour", "scr", "ifd", "scr/E2"} <= steps[0].losses.keys()
    assert steps[-1].losses["dice"] < steps[0].losses["dice"]
    assert sum(isinstance(event, ValidationDone) for event in events) == 2
    assert result.progress.finished
    assert result.progress.best_dice > 0.8


def test_an_interrupted_run_goes_on_as_if_nothing_happened(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    check_resumption(
        tmp_path, lambda name, resume: fit(_request(tmp_path, recipe, name, resume=resume))
    )


@pytest.mark.parametrize(
    ("owner", "method"), [(torch.Tensor, "backward"), (torch.optim.AdamW, "step")]
)
def test_an_interruption_inside_a_step_saves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    recipe = tiny_recipe(train={"checkpoint_minutes": 1e-9})
    whole = run(fit(_request(tmp_path, recipe, "whole")))
    real, calls = getattr(owner, method), iter(range(9))

    def interrupted(*args: Any, **options: Any) -> None:
        real(*args, **options)
        if next(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(owner, method, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(fit(_request(tmp_path, recipe, "parts")))
    monkeypatch.undo()
    assert read_progress(tmp_path / "parts/state.safetensors").step == 2
    assert equal(whole, run(fit(_request(tmp_path, recipe, "parts", resume=True))))
    states = [read_tensors(tmp_path / n / "state.safetensors")[0] for n in ("whole", "parts")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_same_request_gives_the_same_weights(tmp_path: Path) -> None:
    first = run(fit(_request(tmp_path, tiny_recipe(), "a")))
    assert equal(first, run(fit(_request(tmp_path, tiny_recipe(), "b"))))
    other = run(fit(_request(tmp_path, tiny_recipe(train={"seed": 1}), "c")))
    assert not equal(first, other)


def test_dropout_draws_from_seed_and_step_too(tmp_path: Path) -> None:
    dropping = {"arguments": {"features": [8, 8, 8, 8, 8, 8], "dropout": 0.3}}
    recipe = tiny_recipe(network=dropping, train={"steps": 3})
    first = run(fit(_request(tmp_path, recipe, "a")))
    job = fit(_request(tmp_path, recipe, "b"))
    next(event for event in job if isinstance(event, StepDone))
    job.close()
    torch.rand(7)
    state = torch.random.get_rng_state()
    request = _request(tmp_path, recipe, "b", resume=True)
    assert equal(first, run(fit(request)))
    assert torch.equal(state, torch.random.get_rng_state())


def test_lambda_changes_the_weights_and_zero_opens_no_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {"lambda_scr": 0.0, "lambda_ifd": 0.0}
    request = _request(tmp_path, tiny_recipe(regularization=none), "plain")
    monkeypatch.setattr(type(request.tapspec), "open", None)
    plain = run(fit(request))
    monkeypatch.undo()
    assert not equal(plain, run(fit(_request(tmp_path, tiny_recipe(), "both"))))


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    check_patience(fit(_request(tmp_path, tiny_recipe(train=FROZEN))))


def test_checkpoints_are_announced(tmp_path: Path) -> None:
    events: list[Event] = []
    often = tiny_recipe(train={"checkpoint_minutes": 1e-9})
    run(fit(_request(tmp_path, often)), events.append)
    assert any(isinstance(event, CheckpointSaved) for event in events)


def test_divergence_is_said(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe())
    check_divergence(request.network, fit(request))


def test_a_step_that_memory_does_not_hold_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("napari_selfreg.engine.fit.training_losses", too_large)
    with pytest.raises(DeviceError, match=r"^Memory does not suffice.* lower batch"):
        run(fit(_request(tmp_path, tiny_recipe())))


def test_weights_exist_even_before_the_first_validation(tmp_path: Path) -> None:
    job = fit(_request(tmp_path, tiny_recipe()))
    next(job)
    job.close()
    assert read_tensors(tmp_path / "run/best.safetensors")[0]


def test_a_state_of_another_recipe_is_refused(tmp_path: Path) -> None:
    run(fit(_request(tmp_path, tiny_recipe())))
    changed = tiny_recipe(train={"learning_rate": 5e-3})
    with pytest.raises(BadInputError, match="--resume"):
        run(fit(_request(tmp_path, changed, resume=True)))


@pytest.mark.parametrize("part", ["training", "validation", "background"])
def test_a_state_of_other_images_is_refused(tmp_path: Path, part: str) -> None:
    request = _request(tmp_path, tiny_recipe(train={"steps": 1}))
    request = replace(request, background=request.training[:1])
    run(fit(request))
    renamed = [replace(field, stem=f"other {field.stem}") for field in getattr(request, part)]
    with pytest.raises(BadInputError, match="--resume"):
        run(fit(replace(request, resume=True, **{part: renamed})))


def test_a_state_of_another_split_is_refused(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe(train={"steps": 1}))
    run(fit(request))
    first, *rest = request.validation
    moved = replace(request, training=[*request.training, first], validation=rest, resume=True)
    with pytest.raises(BadInputError, match="--resume"):
        run(fit(moved))


def test_a_run_goes_on_whatever_its_model_will_work_at(tmp_path: Path) -> None:
    first = run(fit(_request(tmp_path, tiny_recipe())))
    other = tiny_recipe(data={"working_um_per_px": 1.5})
    assert equal(first, run(fit(_request(tmp_path, other, resume=True))))


def test_bfloat16_training_runs(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe(train={"precision": "bf16"}))
    result = run(fit(replace(request, steps=2)))
    assert all(w.dtype in (torch.float32, torch.int64) for w in result.weights.values())
