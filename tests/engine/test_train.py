"""Training from a recipe to a bundle: phases, choice of λ, twin, resume, interruption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError, DeviceError, WriteError
from napari_selfreg.engine.bundles import load_model, save_bundle
from napari_selfreg.engine.events import Event, Notice, Progress, StepDone, run
from napari_selfreg.engine.publish import REFIT_NOTE
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.train import TrainRequest, train
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.datasets import open_dataset, split_by_patient
from tests.engine.recipes import squares, tiny_recipe

GRID = {"lambdas": [0.0, 0.02, 0.05], "steps": 2}


def _request(tmp_path: Path, recipe: Recipe, resume: bool = False) -> TrainRequest:
    data = squares(tmp_path / "data")
    return TrainRequest(recipe, data, tmp_path / "tiny.safetensors", resume, "cpu")


def test_a_bundle_with_grid_and_twin_on_its_card(tmp_path: Path) -> None:
    recipe = tiny_recipe(selection=GRID, plain_twin=True)
    result = run(train(_request(tmp_path, recipe)))
    card = read_card(result.output)
    assert set(card.training["lambda_grid"]) == {"0", "0.02", "0.05"}
    assert {(m.protocol, m.lambda_scr > 0) for m in card.metrics} == {
        (protocol, regularized)
        for protocol in ("native", "uctransnet224")
        for regularized in (True, False)
    }
    best = max((0.02, 0.05), key=lambda value: card.training["lambda_grid"][f"{value:g}"])
    assert card.recipe["regularization"]["lambda_ifd"] == best
    assert " lambda = 0 on the validation" in card.training["lambda_choice"]
    assert card.metrics[0].n == 1
    assert card.separation == "contour"
    assert card.training["steps"] == 4
    model = load_model(result.output)
    assert model.network(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_no_path_or_user_reaches_the_card(tmp_path: Path) -> None:
    result = run(train(_request(tmp_path, tiny_recipe())))
    text = read_card(result.output).to_json()
    assert str(tmp_path) not in text
    assert tmp_path.name not in text
    assert "0.png" not in text


def test_resume_skips_what_is_done_and_ends_the_same(tmp_path: Path) -> None:
    recipe = tiny_recipe(selection=GRID, plain_twin=True)
    whole = run(train(_request(tmp_path / "a", recipe)))
    job = train(_request(tmp_path / "b", recipe))
    steps = 0
    for event in job:
        steps += isinstance(event, StepDone)
        if steps == 8:  # two phases of the grid are done, main is under way
            break
    job.close()
    events: list[Event] = []
    parts = run(train(_request(tmp_path / "b", recipe, resume=True)), events.append)
    assert sum(isinstance(event, StepDone) for event in events) == 3 * 2 + 4 + 4 - 8
    first, second = load_model(whole.output), load_model(parts.output)
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name])
    assert first.card.metrics == second.card.metrics


def test_an_interrupted_main_run_leaves_the_best_so_far(tmp_path: Path) -> None:
    job = train(_request(tmp_path, tiny_recipe()))
    for event in job:
        if isinstance(event, StepDone) and event.step == 3:
            break
    job.close()
    card = load_model(tmp_path / "tiny.safetensors").card
    assert card.training["steps"] == 3
    assert card.training["finished"] is False
    assert card.metrics == ()


def test_a_run_that_nothing_judged_yet_replaces_no_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(train(_request(tmp_path, tiny_recipe())))
    before = (tmp_path / "tiny.safetensors").read_bytes()
    job = train(_request(tmp_path, tiny_recipe(train={"learning_rate": 5e-3})))
    next(event for event in job if isinstance(event, StepDone))
    job.close()
    assert (tmp_path / "tiny.safetensors").read_bytes() == before
    assert "nothing was written yet" in caplog.text


def test_a_run_interrupted_before_its_first_step_ends_quietly(tmp_path: Path) -> None:
    job = train(_request(tmp_path, tiny_recipe()))
    next(event for event in job if isinstance(event, Progress) and "main" in event.message)
    job.close()
    assert not (tmp_path / "tiny.safetensors").exists()


@pytest.mark.parametrize(
    ("empty", "sentence"),
    [
        ((0, 1, 2), "None of the 2 images to learn from has a pixel of a class"),
        (None, "The only image to choose the best weights by has no pixel of a class"),
    ],
)
def test_labels_that_teach_or_choose_nothing_are_refused_before_the_training(
    tmp_path: Path, empty: tuple[int, ...] | None, sentence: str
) -> None:
    request = _request(tmp_path, tiny_recipe())
    section = request.recipe.data
    dataset = open_dataset(tmp_path / "data")
    _, held = split_by_patient(dataset.samples, section.validation_fraction, section.split_seed)
    for path in [tmp_path / "data" / "labels" / f"{n}.png" for n in empty or ()] or [held[0].label]:
        Image.fromarray(np.zeros((48, 48), np.uint8)).save(path)
    with pytest.raises(BadInputError, match=sentence):
        run(train(request))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_for_the_same_output_is_refused_while_the_first_goes_on(
    tmp_path: Path, resume: bool
) -> None:
    first = train(_request(tmp_path, tiny_recipe()))
    next(event for event in first if isinstance(event, StepDone))
    with pytest.raises(BadInputError, match=r"Another training is writing tiny\.safetensors"):
        run(train(_request(tmp_path, tiny_recipe(), resume)))
    assert [event.step for event in first if isinstance(event, StepDone)] == [2, 3, 4]
    assert read_card(tmp_path / "tiny.safetensors").metrics
    assert not (tmp_path / "tiny.training-before").exists()


@pytest.mark.parametrize("term", ["lambda_scr", "lambda_ifd", "lambda_decorrelation"])
def test_without_a_grid_the_weights_of_the_recipe_hold(tmp_path: Path, term: str) -> None:
    weights = {"lambda_scr": 0.0, "lambda_ifd": 0.0, term: 0.1}
    events: list[Event] = []
    recipe = tiny_recipe(regularization=weights, plain_twin=True)
    card = run(train(_request(tmp_path, recipe)), events.append).card
    used = card.recipe["regularization"]
    assert {name: used[name] for name in weights} == weights
    losses = [event.losses for event in events if isinstance(event, StepDone)]
    assert any(term.removeprefix("lambda_") in name for name in losses[0])
    assert "plain_twin" in card.training


@pytest.mark.parametrize("phase", ["plain", "Scoring"])
def test_what_is_interrupted_after_the_main_run_keeps_its_result(
    tmp_path: Path, phase: str
) -> None:
    job = train(_request(tmp_path, tiny_recipe(plain_twin=True)))
    for event in job:
        if isinstance(event, Progress | Notice) and phase in event.message:
            break
    else:
        pytest.fail("the phase never came")
    job.close()
    card = load_model(tmp_path / "tiny.safetensors").card
    assert card.training["finished"] is True
    assert card.recipe["regularization"]["lambda_scr"] > 0
    assert card.metrics == ()


@pytest.mark.parametrize("phase", ["main", "Scoring", "refit"])
def test_a_finished_model_is_left_alone_until_a_resumed_run_is_complete(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, phase: str
) -> None:
    request = _request(tmp_path, tiny_recipe(refit=True), resume=True)
    run(train(request))
    before = (tmp_path / "tiny.safetensors").read_bytes()
    job = train(request)
    next(e for e in job if isinstance(e, Progress | Notice) and phase in e.message)
    job.close()
    assert (tmp_path / "tiny.safetensors").read_bytes() == before
    assert "the finished model was left as it was" in caplog.text
    assert load_model(run(train(request)).output).card.training["refit_steps"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data",
        "tiny.safetensors",
        "tiny.training",
    ]


def test_a_refit_learns_from_the_held_out_too_and_says_what_was_scored(tmp_path: Path) -> None:
    plain = run(train(_request(tmp_path / "a", tiny_recipe(plain_twin=True))))
    refit = run(train(_request(tmp_path / "b", tiny_recipe(plain_twin=True, refit=True))))
    assert (plain.card.data[0].images, refit.card.data[0].images) == (2, 3)
    assert refit.card.training["refit_steps"] == 4
    # The scores are those of the run that had not seen these patients.
    assert [m.values for m in refit.card.metrics] == [m.values for m in plain.card.metrics]
    assert all(m.note.endswith(REFIT_NOTE) for m in refit.card.metrics)
    assert [m.note.startswith("plain twin") for m in refit.card.metrics] == [False] * 2 + [True] * 2
    before, after = (load_model(result.output).network.state_dict() for result in (plain, refit))
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_refit_may_take_more_steps(tmp_path: Path) -> None:
    card = run(train(_request(tmp_path, tiny_recipe(refit=True, refit_steps=6)))).card
    assert (card.training["steps"], card.training["refit_steps"]) == (4, 6)
    with pytest.raises(ValidationError, match="refit_steps needs refit = true"):
        tiny_recipe(refit_steps=6)


def test_an_interrupted_refit_keeps_what_was_scored_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = tiny_recipe(refit=True)
    job = train(_request(tmp_path, recipe))
    scored = False
    for event in job:
        scored |= isinstance(event, Notice) and "Scoring" in event.message
        if scored and isinstance(event, StepDone) and event.step == 2:
            break
    job.close()
    assert "the model that was scored was kept" in caplog.text
    card = load_model(tmp_path / "tiny.safetensors").card
    assert card.metrics
    assert "refit_steps" not in card.training
    events: list[Event] = []
    parts = run(train(_request(tmp_path, recipe, resume=True)), events.append)
    assert sum(isinstance(event, StepDone) for event in events) == 2
    whole = run(train(_request(tmp_path / "whole", recipe)))
    tensors = [load_model(result.output).network.state_dict() for result in (parts, whole)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    assert parts.card.metrics == whole.card.metrics


def test_a_changed_recipe_does_not_take_over_the_old_choice(tmp_path: Path) -> None:
    grid = tiny_recipe(selection=GRID)
    job = train(_request(tmp_path, grid))
    for event in job:
        if isinstance(event, Notice) and "validation Dice" in event.message:
            break
    job.close()
    changed = tiny_recipe(selection=GRID, train={"learning_rate": 0.5})
    with pytest.raises(BadInputError, match="another version of the recipe"):
        run(train(_request(tmp_path, changed, resume=True)))


def test_labels_that_changed_under_their_names_are_not_taken_over(tmp_path: Path) -> None:
    job = train(_request(tmp_path, tiny_recipe()))
    for event in job:
        if isinstance(event, StepDone):
            break
    job.close()
    again = _request(tmp_path, tiny_recipe(), resume=True)
    Image.fromarray(np.full((48, 48), 3, np.uint8)).save(again.data / "labels" / "1.png")
    with pytest.raises(BadInputError, match="labels have changed"):
        run(train(again))


def test_a_wrong_data_folder_costs_no_old_state(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe())
    run(train(request))
    kept = tmp_path / "tiny.training" / "main" / "state.safetensors"
    wrong = TrainRequest(request.recipe, tmp_path / "typo", request.output, False, "cpu")
    with pytest.raises(BadInputError, match="typo"):
        run(train(wrong))
    assert kept.is_file()


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe())
    (tmp_path / "file").write_text("in the way")
    output = tmp_path / "file" / "tiny.safetensors"
    job = train(TrainRequest(request.recipe, request.data, output, False, "cpu"))
    with pytest.raises(WriteError, match="file"):
        next(job)


def test_a_fault_while_scoring_costs_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("scoring broke")

    monkeypatch.setattr("napari_selfreg.engine.scoring.score_held_out", fail)
    with pytest.raises(RuntimeError, match="scoring broke"):
        run(train(_request(tmp_path, tiny_recipe())))
    assert load_model(tmp_path / "tiny.safetensors").card.training["finished"] is True
    monkeypatch.undo()
    events: list[Event] = []
    result = run(train(_request(tmp_path, tiny_recipe(), resume=True)), events.append)
    assert not any(isinstance(event, StepDone) for event in events)
    assert result.card.metrics


def test_paths_may_be_text(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe())
    texts = TrainRequest(request.recipe, str(request.data), str(request.output), False, "cpu")
    assert run(train(texts)).output == request.output


def test_without_resume_the_old_state_is_not_used_but_kept(tmp_path: Path) -> None:
    run(train(_request(tmp_path, tiny_recipe())))
    stale = tmp_path / "tiny.training" / "selection.json"
    stale.write_text(json.dumps({"0": 1.0}))
    events: list[Event] = []
    run(train(_request(tmp_path, tiny_recipe())), events.append)
    assert not stale.exists()
    assert (tmp_path / "tiny.training-before" / "selection.json").is_file()
    assert any("tiny.training-before" in e.message for e in events if isinstance(e, Notice))


def test_a_folder_of_another_is_never_touched(tmp_path: Path) -> None:
    mine = tmp_path / "tiny.training" / "photos" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    for resume in (False, True):
        with pytest.raises(BadInputError, match="no training wrote"):
            run(train(_request(tmp_path, tiny_recipe(), resume)))
    assert mine.read_text() == "mine"


def test_reading_images_is_progress(tmp_path: Path) -> None:
    events: list[Event] = []
    run(train(_request(tmp_path, tiny_recipe())), events.append)
    reading = [e for e in events if isinstance(e, Progress) and e.message == "Reading images"]
    assert [e.done for e in reading] == [0, 1, 2]


def test_bad_requests_are_refused_before_any_work(tmp_path: Path) -> None:
    request = _request(tmp_path, tiny_recipe())
    with pytest.raises(BadInputError, match=r"\.safetensors"):
        run(train(TrainRequest(request.recipe, request.data, tmp_path / "x.pt", False, "cpu")))
    with pytest.raises(DeviceError, match="abacus"):
        run(train(TrainRequest(request.recipe, request.data, request.output, False, "abacus")))
    with pytest.raises(BadInputError, match="nowhere"):
        run(train(TrainRequest(request.recipe, tmp_path / "nowhere", request.output, False, "cpu")))
    assert not request.output.exists()


def test_the_saved_bundle_can_be_saved_again(tmp_path: Path) -> None:
    result = run(train(_request(tmp_path, tiny_recipe())))
    model = load_model(result.output)
    card = save_bundle(model.network, model.tapspec, model.card, tmp_path / "copy.safetensors")
    assert card == result.card


def test_a_model_never_replaces_the_one_it_starts_from(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    first = run(train(_request(tmp_path, recipe))).output
    network = recipe.network.model_copy(update={"start_from": first.stem})
    again = recipe.model_copy(update={"network": network})
    with pytest.raises(BadInputError, match="would be replaced"):
        run(train(TrainRequest(again, tmp_path / "data", first, device="cpu")))
