"""The loop of every training, with a network of one number per channel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.engine import training_loop
from napari_selfreg.engine.checkpoint import read_progress, read_tensors
from napari_selfreg.engine.events import StepDone, ValidationDone, run
from napari_selfreg.engine.recipe import TrainSection
from napari_selfreg.engine.training_loop import (
    TrainingTask,
    learning_rate,
    moving_average,
    run_task,
    training_precision,
)


def _task(
    folder: Path, *, heads: bool = False, resume: bool = False, **train: object
) -> TrainingTask:
    """Fit weights, through a head if there is one, to a target that moves with the step."""
    section = TrainSection.model_validate(
        {"steps": 6, "learning_rate": 0.1, "validate_every": 2, "weight_average": 0.5, **train}
    )
    network, head = nn.Linear(3, 1, bias=False), nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(0.5)
        head.weight.fill_(1.0)
        head.bias.zero_()

    def losses(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        found = network(torch.tensor([1.0, step, -2.0]))
        found = head(found) if heads else found
        loss = (found - 3.0).square().sum()
        return loss, {"square": loss}

    def validate(judged: nn.Module) -> float:
        return 1.0 / (1.0 + abs(judged(torch.ones(3)).item() - 3.0))

    return TrainingTask(
        network=network,
        losses=losses,
        validate=validate,
        schedule=section,
        steps=section.steps,
        folder=folder,
        resume=resume,
        fingerprint="one",
        heads=head if heads else None,
    )


@given(st.integers(1, 5000), st.data())
def test_the_rate_rises_to_its_peak_and_falls(steps: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, steps - 1))
    assert 0 <= learning_rate(step, steps, 2.0) <= 2.0
    warm_up = max(1, steps // 10)
    assert learning_rate(warm_up - 1, steps, 2.0) == pytest.approx(2.0)
    if step >= warm_up:
        assert learning_rate(step + 1, steps, 2.0) <= learning_rate(step, steps, 2.0)


def test_the_average_forgets_its_start_fast_and_copies_counters() -> None:
    mean, counter = torch.zeros(1), torch.zeros(1, dtype=torch.int64)
    update = moving_average(0.99)
    for count in range(1, 101):
        update([mean, counter], [torch.ones(1), torch.tensor([count])], count)
    assert mean.item() > 0.999
    assert counter.item() == 100
    update([mean], [torch.zeros(1)], 10_000)
    assert mean.item() == pytest.approx(0.99, abs=1e-3)


def test_precision_can_be_forced_and_gpus_are_asked() -> None:
    cpu = torch.device("cpu")
    assert training_precision("fp32", cpu) == torch.float32
    assert training_precision("bf16", cpu) == torch.bfloat16
    assert training_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize("heads", [False, True])
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_an_interrupted_run_goes_on_as_if_nothing_happened(
    tmp_path: Path, heads: bool, stop: int
) -> None:
    whole = run(run_task(_task(tmp_path / "whole", heads=heads)))
    job = run_task(_task(tmp_path / "parts", heads=heads))
    for event in job:
        if isinstance(event, StepDone) and event.step == stop:
            break
    job.close()
    assert read_progress(tmp_path / "parts/state.safetensors").step == stop
    parts = run(run_task(_task(tmp_path / "parts", heads=heads, resume=True)))
    assert torch.equal(whole.weights["weight"], parts.weights["weight"])
    states = [read_tensors(tmp_path / n / "state.safetensors")[0] for n in ("whole", "parts")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_an_interruption_while_the_best_are_written_forgets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = training_loop.write_tensors
    writes: list[Path] = []

    def interrupted(path: Path, *rest: Any) -> None:
        writes.append(path)
        if len(writes) == 2 * count:  # the last of the second run
            raise KeyboardInterrupt
        real(path, *rest)

    count = 9
    monkeypatch.setattr(training_loop, "write_tensors", interrupted)
    whole = run(run_task(_task(tmp_path / "whole")))
    count = len(writes)
    assert whole.progress.best_step == 6
    with pytest.raises(KeyboardInterrupt):
        run(run_task(_task(tmp_path / "parts")))
    monkeypatch.undo()
    parts = run(run_task(_task(tmp_path / "parts", resume=True)))
    assert torch.equal(whole.weights["weight"], parts.weights["weight"])
    assert parts.progress == replace(whole.progress, seconds=parts.progress.seconds)


def test_heads_learn_and_stay_behind(tmp_path: Path) -> None:
    task = _task(tmp_path, heads=True)
    result = run(run_task(task))
    assert result.weights.keys() == {"weight"}
    state, _ = read_tensors(tmp_path / "state.safetensors")
    assert state["heads.bias"].item() != 0
    best, _ = read_tensors(tmp_path / "best.safetensors")
    assert best.keys() == {"weight"}


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.7])
    kept: list[float] = []

    def validate(judged: nn.Module) -> float:
        kept.append(float(judged(torch.ones(3)).detach()))
        return next(scores)

    events: list[ValidationDone] = []
    task = replace(_task(tmp_path), validate=validate)
    result = run(
        run_task(task), lambda e: events.append(e) if isinstance(e, ValidationDone) else None
    )
    assert [event.best for event in events] == [True, True, False]
    assert result.progress.best_step == 4
    assert float(result.weights["weight"].sum()) == pytest.approx(kept[1])


def test_without_a_judge_the_last_average_comes_out(tmp_path: Path) -> None:
    judged = replace(_task(tmp_path / "judged"), validate=lambda _: 0.5)  # the first stays best
    steps: list[int] = []
    state = run(run_task(judged)) and read_tensors(tmp_path / "judged" / "state.safetensors")[0]
    blind = replace(_task(tmp_path / "blind"), validate=None)
    result = run(
        run_task(blind), lambda e: steps.append(e.step) if isinstance(e, StepDone) else None
    )
    assert steps == [1, 2, 3, 4, 5, 6]
    assert result.progress.finished
    assert result.progress.best_step == 6
    assert torch.equal(result.weights["weight"], state["average.module.weight"])
    again = run(run_task(replace(_task(tmp_path / "blind", resume=True), validate=None)))
    assert torch.equal(result.weights["weight"], again.weights["weight"])


def test_patience_ends_a_run(tmp_path: Path) -> None:
    task = replace(_task(tmp_path, steps=50, patience=2), validate=lambda _: 0.5)
    progress = run(run_task(task)).progress
    assert progress.finished
    assert progress.step == 6  # the best at 2, nothing better at 4 and 6


def test_a_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    broken = replace(
        _task(tmp_path), losses=lambda step: (torch.tensor(float("nan"), requires_grad=True), {})
    )
    with pytest.raises(SelfRegError, match="diverged at step 0"):
        run(run_task(broken))


def test_a_gradient_that_is_no_number_is_said(tmp_path: Path) -> None:
    task = _task(tmp_path)

    def steep(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        total, terms = task.losses(step)
        return total * 1e25, terms

    with pytest.raises(SelfRegError, match="diverged at step 0: choose smaller weights"):
        run(run_task(replace(task, losses=steep)))


def test_a_state_of_something_else_is_refused(tmp_path: Path) -> None:
    run(run_task(_task(tmp_path)))
    with pytest.raises(BadInputError, match="another version"):
        run(run_task(replace(_task(tmp_path, resume=True), fingerprint="two")))
    with pytest.raises(BadInputError, match="--resume"):
        run(run_task(_task(tmp_path, heads=True, resume=True)))
