"""One training run: crops in, best averaged weights out.

Losses are cross-entropy + Dice (+ contour) + λ_scr · SCR + λ_ifd · IFD. Every random draw depends
on the seed and the step alone, so a resumed run equals an unbroken one.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.checkpoint import (
    TrainingProgress,
    load_state,
    read_progress,
    read_tensors,
    save_state,
    write_tensors,
)
from napari_selfreg.engine.events import CheckpointSaved, Event, StepDone, ValidationDone
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.sampling import Batch, Field, draw_batch
from napari_selfreg.engine.training_log import TrainingLog
from napari_selfreg.engine.validation import Normalizer, mean_dice
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import SelfRegularization
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class FitRequest:
    """What one run needs.

    Parameters
    ----------
    network : nn.Module
        Freshly initialised (or started from other weights), on the CPU.
    tapspec, recipe, normalizer : TapSpec, Recipe, Normalizer
    training, validation : sequence of Field
    folder : Path
        Of the run's own state and log.
    steps : int
        Length of the schedule.
    resume : bool
        Go on from the state in `folder`, if there is one.
    device : torch.device
    """

    network: nn.Module
    tapspec: TapSpec
    recipe: Recipe
    training: Sequence[Field]
    validation: Sequence[Field]
    normalizer: Normalizer
    folder: Path
    steps: int
    resume: bool
    device: torch.device


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


def fit(request: FitRequest) -> Generator[Event, None, FitResult]:
    """Train a network.

    Parameters
    ----------
    request : FitRequest

    Yields
    ------
    StepDone, ValidationDone, CheckpointSaved

    Returns
    -------
    FitResult

    Raises
    ------
    SelfRegError
        If the loss is no longer a finite number.
    BadInputError
        If the state to resume from belongs to another recipe.
    """
    loop = _Loop(request)
    try:
        with freed_memory_kept():
            yield from loop.run()
    except (GeneratorExit, KeyboardInterrupt):
        loop.save()
        raise
    return loop.result()


def best_weights(folder: Path) -> dict[str, Tensor]:
    """Return the best weights a run has found so far.

    Raises
    ------
    BadInputError
        If there are none yet.
    """
    return read_tensors(folder / "best.safetensors")[0]


def last_progress(folder: Path) -> TrainingProgress:
    """Return how far the run of a folder came.

    Raises
    ------
    BadInputError
        If it never saved its state.
    """
    return read_progress(folder / "state.safetensors")


def training_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the autocast type: bfloat16 where the hardware multiplies it, else float32.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16"}
    device : torch.device
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    # Private in torch, and the only way to ask; without it float32 is always right.
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if device.type == "cpu" and probe() else torch.float32


def training_losses(
    network: nn.Module,
    batch: Batch,
    *,
    tapspec: TapSpec,
    normalizer: Normalizer,
    loss: SegmentationLoss,
    regularize: SelfRegularization | None,
    dtype: torch.dtype,
    device: torch.device,
    step: int,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what a step descends, and its named terms.

    Parameters
    ----------
    network : nn.Module
        In the mode it is to be trained in.
    batch : Batch
        On the CPU.
    tapspec : TapSpec
    normalizer : Normalizer
    loss : SegmentationLoss
    regularize : SelfRegularization or None
        Without it no tap is opened: a plain step pays nothing.
    dtype : torch.dtype
        Of autocast; float32 switches it off.
    device : torch.device
    step : int
        Seeds the regularizer's channel choice.

    Returns
    -------
    total : Tensor
        Scalar with gradient.
    terms : dict of str to Tensor
        Losses weighted, regularizers not.
    """
    pictures = normalizer(batch.pictures.to(device))
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    taps_open = tapspec.open(network) if regularize else nullcontext()
    autocast = torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)
    with taps_open as taps, autocast:
        logits = network(pictures)
        classes, contour = batch.classes.to(logits.device), batch.contour.to(logits.device)
        terms = loss(logits, classes, contour)
        total = torch.stack(list(terms.values())).sum()
        if regularize is not None and taps is not None:
            extra = regularize(taps, tapspec, step=step)
            total, terms = total + extra.total, terms | extra.terms
    return total, terms


class _Loop:
    """State of a run between its steps."""

    def __init__(self, request: FitRequest) -> None:
        self.request = request
        recipe, train = request.recipe, request.recipe.train
        # torch's annotations of `to` leave memory_format out
        self.network: nn.Module = request.network.to(  # type: ignore[call-overload]
            request.device, memory_format=torch.channels_last
        )
        self.average = AveragedModel(
            self.network, multi_avg_fn=moving_average(train.weight_average), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=train.learning_rate, weight_decay=train.weight_decay
        )
        self.dtype = training_precision(train.precision, request.device)
        contour = recipe.target.contour_um is not None
        self.loss = SegmentationLoss(len(recipe.data.classes), contour)
        self.regularize = _regularization(recipe)
        self.progress = TrainingProgress(fingerprint=_fingerprint(request))
        self.state_path = request.folder / "state.safetensors"
        self.best_path = request.folder / "best.safetensors"
        if request.resume and self.state_path.is_file():
            self._restore()
        self.log = TrainingLog(request.folder / "log.csv", self.progress.step)

    def _restore(self) -> None:
        expected = self.progress.fingerprint
        self.progress = load_state(self.state_path, self.network, self.average, self.optimizer)
        if self.progress.fingerprint != expected:
            raise BadInputError(
                "The training state belongs to another version of the recipe: start without "
                "--resume."
            )

    def run(self) -> Generator[Event, None, None]:
        saved = time.monotonic()
        while True:
            # Asked before the step, so that a run interrupted at this point makes it up.
            if self._validation_is_due():
                yield self._validate()
            if self.progress.finished:
                break
            started = time.monotonic()
            losses = self._step()
            self.log.add(self.progress.step, losses)
            self.progress.seconds += time.monotonic() - started
            yield StepDone(self.progress.step, self.request.steps, losses)
            if time.monotonic() - saved > 60.0 * self.request.recipe.train.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
                yield CheckpointSaved(self.progress.step)
        self.save()

    def _validation_is_due(self) -> bool:
        step = self.progress.step
        if step in (0, self.progress.validated_step):
            return False
        return step % self.request.recipe.train.validate_every == 0 or step >= self.request.steps

    def _step(self) -> dict[str, float]:
        request, progress = self.request, self.progress
        train = request.recipe.train
        rate = learning_rate(progress.step, request.steps, train.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = draw_batch(request.training, request.recipe, train.seed, progress.step)
        self.network.train()
        total, terms = training_losses(
            self.network,
            batch,
            tapspec=request.tapspec,
            normalizer=request.normalizer,
            loss=self.loss,
            regularize=self.regularize,
            dtype=self.dtype,
            device=request.device,
            step=progress.step,
        )
        self._descend(total)
        progress.step += 1
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return {"total": float(total.detach()), **losses, "learning_rate": rate}

    def _descend(self, total: Tensor) -> None:
        if not torch.isfinite(total):
            raise SelfRegError(
                f"The training diverged at step {self.progress.step}: choose a smaller "
                "learning_rate in the recipe."
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)

    def _validate(self) -> ValidationDone:
        request, progress = self.request, self.progress
        started = time.monotonic()
        dice = mean_dice(
            self.average.module,
            request.validation,
            request.normalizer,
            len(request.recipe.data.classes),
            self.dtype,
            request.device,
            request.tapspec,
        )
        best = dice > progress.best_dice
        progress.validated_step = progress.step
        progress.stale = 0 if best else progress.stale + 1
        if best:
            progress.best_dice, progress.best_step = dice, progress.step
            write_tensors(self.best_path, self.average.module.state_dict(), {})
        out_of_patience = progress.stale >= request.recipe.train.patience
        progress.finished = out_of_patience or progress.step >= request.steps
        progress.seconds += time.monotonic() - started
        self.log.validated(progress.step, dice)
        return ValidationDone(progress.step, dice, best)

    def save(self) -> None:
        """Write state and log, and keep some weights even before the first validation."""
        if not self.best_path.is_file():
            write_tensors(self.best_path, self.average.module.state_dict(), {})
        save_state(self.state_path, self.network, self.average, self.optimizer, self.progress)
        self.log.flush()

    def result(self) -> FitResult:
        return FitResult(read_tensors(self.best_path)[0], self.progress)


def _regularization(recipe: Recipe) -> SelfRegularization | None:
    """Return the regularizer, or None where all λ are 0: a plain run pays nothing."""
    section = recipe.regularization
    if not (section.lambda_scr or section.lambda_ifd or section.lambda_decorrelation):
        return None
    options = section.model_dump(
        exclude={"lambda_decorrelation"} if not section.lambda_decorrelation else None
    )
    return SelfRegularization(**options, seed=recipe.train.seed)


def _fingerprint(request: FitRequest) -> str:
    """Identify recipe, schedule and split: a state of anything else must not be resumed."""
    recipe = request.recipe.model_dump_json(exclude={"card", "postprocessing", "selection"})
    stems = ",".join(field.stem for field in request.training)
    return hashlib.sha256(f"{recipe}|{request.steps}|{stems}".encode()).hexdigest()[:16]
