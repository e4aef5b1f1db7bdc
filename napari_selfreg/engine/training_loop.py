"""The loop of every training: steps, moving average, validation, checkpoints, resumption.

What a step descends and how weights are judged is handed in (`TrainingTask`). Where both depend on
nothing but the seed and the step, a resumed run equals an unbroken one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.batching import told_of_memory
from napari_selfreg.engine.checkpoint import (
    TrainingProgress,
    load_state,
    read_tensors,
    save_state,
    write_tensors,
)
from napari_selfreg.engine.events import CheckpointSaved, Event, StepDone, ValidationDone
from napari_selfreg.engine.training_log import TrainingLog
from napari_selfreg.engine.whole_steps import WholeSteps

_LESS = "lower batch, or the size of crops, in the recipe, or choose the device cpu."
"""What to do where memory runs out."""


class Schedule(Protocol):
    """What the loop reads of a recipe's section ``train``."""

    @property
    def learning_rate(self) -> float:
        """Of the peak."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def weight_average(self) -> float:
        """Decay of the averaged weights."""

    @property
    def validate_every(self) -> int:
        """Steps between two validations."""

    @property
    def patience(self) -> int:
        """Validations without a better score after which a run ends."""

    @property
    def checkpoint_minutes(self) -> float:
        """Between two saved states."""


@dataclass(frozen=True)
class TrainingTask:
    """What a loop trains, and by what.

    Parameters
    ----------
    network : nn.Module
        On its device.
    losses : callable
        ``losses(step) -> (total, terms)``: the scalar to descend, with gradient, and the named
        terms to log.
    validate : callable or None
        ``validate(network) -> float``: the score of the averaged weights; higher is better. Without
        it nothing chooses: the run goes to its end, and the averaged weights of the last step come
        out.
    schedule : Schedule
    steps : int
        Length of the schedule.
    folder : Path
        Of the run's own state and log.
    resume : bool
        Go on from the state in `folder`, if there is one.
    fingerprint : str
        Of recipe and data; a state with another one is refused.
    heads : nn.Module, optional
        Training-only modules beside the network: they learn and are part of the state, never of
        the weights that come out.
    """

    network: nn.Module
    losses: Callable[[int], tuple[Tensor, dict[str, Tensor]]]
    validate: Callable[[nn.Module], float] | None
    schedule: Schedule
    steps: int
    folder: Path
    resume: bool
    fingerprint: str
    heads: nn.Module | None = None

    def parameters(self) -> list[nn.Parameter]:
        """Return all that the optimiser changes."""
        heads = [] if self.heads is None else list(self.heads.parameters())
        return [*self.network.parameters(), *heads]


@dataclass(frozen=True)
class FitResult:
    """Best averaged weights of a run and how they were reached."""

    weights: dict[str, Tensor]
    progress: TrainingProgress


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Return the rate of a step: linear warm-up over the first tenth, then a cosine to 0.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        Length of the schedule.
    peak : float

    Returns
    -------
    float
    """
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def moving_average(
    decay: float,
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Return an exponential moving average that starts fast.

    torch's own weighs the first weights like all later ones: after 100 steps at a decay of 0.99 a
    third of the average would still be the random start. Here the decay of step n is at most
    ``(1 + n) / (10 + n)``.

    Parameters
    ----------
    decay : float
        In [0, 1): the weight of the past in the long run.

    Returns
    -------
    callable
        For ``AveragedModel(multi_avg_fn=...)``.
    """

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        past = min(decay, (1.0 + float(count)) / (10.0 + float(count)))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.dtype), 1.0 - past)
            else:  # counters of batches seen
                mean.copy_(value)

    return update


def training_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the autocast type: bfloat16 where the hardware multiplies it, else float32.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16"}
    device : torch.device

    Returns
    -------
    torch.dtype
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    # Private in torch, and the only way to ask; without it float32 is always right.
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if device.type == "cpu" and probe() else torch.float32


def on_device(network: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """Return a network, moved where it is trained.

    Parameters
    ----------
    network : nn.Module
    device : torch.device
    layout : torch.memory_format
        Of its weights in memory.

    Returns
    -------
    nn.Module
    """
    # torch's annotations of `to` leave memory_format out
    moved: nn.Module = network.to(device, memory_format=layout)  # type: ignore[call-overload]
    return moved


def run_task(task: TrainingTask) -> Generator[Event, None, FitResult]:
    """Train.

    Parameters
    ----------
    task : TrainingTask

    Yields
    ------
    StepDone, ValidationDone, CheckpointSaved

    Returns
    -------
    FitResult

    Raises
    ------
    SelfRegError
        If the loss or its gradient is no longer a finite number.
    BadInputError
        If the state to resume from belongs to another recipe.
    DeviceError
        If memory runs out.
    """
    loop = _Loop(task)
    try:
        with freed_memory_kept(), told_of_memory(_LESS):
            yield from loop.run()
    except (GeneratorExit, KeyboardInterrupt):
        if loop.whole_steps.sound:  # else the last saved state stays
            loop.save()
        raise
    return loop.result()


class _Loop:
    """State of a run between its steps."""

    def __init__(self, task: TrainingTask) -> None:
        self.task, schedule = task, task.schedule
        self.network = task.network
        self.average = AveragedModel(
            self.network, multi_avg_fn=moving_average(schedule.weight_average), use_buffers=True
        )
        self.parameters = task.parameters()
        self.whole_steps = WholeSteps(self.network, *([] if task.heads is None else [task.heads]))
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self.progress = TrainingProgress(fingerprint=task.fingerprint)
        self.state_path = task.folder / "state.safetensors"
        self.best_path = task.folder / "best.safetensors"
        if task.resume and self.state_path.is_file():
            self._restore()
        self.log = TrainingLog(task.folder / "log.csv", self.progress.step)

    def _restore(self) -> None:
        expected = self.progress.fingerprint
        self.progress = load_state(
            self.state_path, self.network, self.average, self.optimizer, self.task.heads
        )
        if self.progress.fingerprint != expected:
            raise BadInputError(
                "The training state belongs to another version of the recipe, or labels have "
                "changed since: start without --resume."
            )

    def run(self) -> Generator[Event, None, None]:
        saved = time.monotonic()
        while True:
            # Asked before the step, so that a run interrupted at this point makes it up.
            if self.task.validate is None:
                self._keep_last()
            elif self._validation_is_due():
                yield self._validate(self.task.validate)
            if self.progress.finished:
                break
            started = time.monotonic()
            with self.whole_steps.step():
                losses = self._step()
                self.log.add(self.progress.step, losses)
            self.progress.seconds += time.monotonic() - started
            yield StepDone(self.progress.step, self.task.steps, losses)
            if time.monotonic() - saved > 60.0 * self.task.schedule.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
                yield CheckpointSaved(self.progress.step)
        self.save()

    def _validation_is_due(self) -> bool:
        step = self.progress.step
        if step in (0, self.progress.validated_step):
            return False
        return step % self.task.schedule.validate_every == 0 or step >= self.task.steps

    def _step(self) -> dict[str, float]:
        task, progress = self.task, self.progress
        rate = learning_rate(progress.step, task.steps, task.schedule.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        total, terms = task.losses(progress.step)
        self._descend(total)
        progress.step += 1
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return {"total": float(total.detach()), **losses, "learning_rate": rate}

    def _descend(self, total: Tensor) -> None:
        if not torch.isfinite(total):
            raise self._diverged("choose")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, 5.0)
        # Clipped by infinity every gradient would be 0 and the network would learn nothing.
        if not torch.isfinite(norm):
            raise self._diverged("choose smaller weights of the regularizers, or")
        self.whole_steps.change_weights()
        self.optimizer.step()
        self.average.update_parameters(self.network)

    def _diverged(self, remedy: str) -> SelfRegError:
        return SelfRegError(
            f"The training diverged at step {self.progress.step}: {remedy} a smaller "
            "learning_rate in the recipe."
        )

    def _keep_last(self) -> None:
        """End a run that nothing judges, once all its steps are done."""
        progress = self.progress
        if progress.step >= self.task.steps:
            write_tensors(self.best_path, self.average.module.state_dict(), {})
            progress.best_step, progress.finished = progress.step, True

    def _validate(self, validate: Callable[[nn.Module], float]) -> ValidationDone:
        progress = self.progress
        started = time.monotonic()
        dice = validate(self.average.module)
        best = dice > progress.best_dice
        stale = 0 if best else progress.stale + 1
        if best:
            write_tensors(self.best_path, self.average.module.state_dict(), {})
        self.log.validated(progress.step, dice)
        # At once and last: a run interrupted before this line validates again.
        self.progress = replace(
            progress,
            validated_step=progress.step,
            stale=stale,
            best_dice=dice if best else progress.best_dice,
            best_step=progress.step if best else progress.best_step,
            finished=stale >= self.task.schedule.patience or progress.step >= self.task.steps,
            seconds=progress.seconds + time.monotonic() - started,
        )
        return ValidationDone(progress.step, dice, best)

    def save(self) -> None:
        """Write state and log, and keep some weights even before the first validation."""
        if not self.best_path.is_file():
            write_tensors(self.best_path, self.average.module.state_dict(), {})
        save_state(
            self.state_path,
            self.network,
            self.average,
            self.optimizer,
            self.progress,
            self.task.heads,
        )
        self.log.flush()

    def result(self) -> FitResult:
        return FitResult(read_tensors(self.best_path)[0], self.progress)
