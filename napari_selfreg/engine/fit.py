"""One training run: crops in, best averaged weights out.

Losses are cross-entropy + Dice (+ contour) + λ_scr · SCR + λ_ifd · IFD. Every random draw depends
on the seed and the step alone, so a resumed run equals an unbroken one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from napari_selfreg.engine.background import draw_mixed
from napari_selfreg.engine.events import Event
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.run_state import fingerprint
from napari_selfreg.engine.sampling import Batch, Field
from napari_selfreg.engine.step import Addition, own_randomness, step_losses
from napari_selfreg.engine.training_loop import (
    FitResult,
    TrainingTask,
    learning_rate,
    moving_average,
    on_device,
    run_task,
    training_precision,
)
from napari_selfreg.engine.validation import Normalizer, mean_dice
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import SelfRegularization
from napari_selfreg.nets.tapspec import TapSpec

__all__ = [
    "FitRequest",
    "FitResult",
    "fit",
    "learning_rate",
    "moving_average",
    "training_losses",
    "training_precision",
]


@dataclass(frozen=True)
class FitRequest:
    """What one run needs.

    Parameters
    ----------
    network : nn.Module
        Freshly initialised (or started from other weights), on the CPU.
    tapspec, recipe, normalizer : TapSpec, Recipe, Normalizer
    training, validation : sequence of Field
        Without validation the last averaged weights come out.
    folder : Path
        Of the run's own state and log.
    steps : int
        Length of the schedule.
    resume : bool
        Go on from the state in `folder`, if there is one.
    device : torch.device
    background : sequence of Field
        Tissue without any of the classes.
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
    background: Sequence[Field] = ()


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
    return (yield from run_task(_task(request)))


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
    addition = None
    if regularize is not None:
        addition = Addition(
            tapspec.open(network), lambda taps, _: regularize(taps, tapspec, step=step)
        )
    return step_losses(
        network,
        normalizer(batch.pictures.to(device)),
        [batch.classes.to(device), batch.contour.to(device)],
        loss=loss,
        layout=torch.channels_last,
        dtype=dtype,
        addition=addition,
    )


def _task(request: FitRequest) -> TrainingTask:
    """Return the steps and validations of a recipe on pictures."""
    train = request.recipe.train
    dtype = training_precision(train.precision, request.device)
    network = on_device(request.network, request.device, torch.channels_last)
    return TrainingTask(
        network=network,
        losses=_losses(request, network, dtype),
        validate=_validation(request, dtype) if request.validation else None,
        schedule=train,
        steps=request.steps,
        folder=request.folder,
        resume=request.resume,
        fingerprint=_fingerprint(request),
    )


def _losses(
    request: FitRequest, network: nn.Module, dtype: torch.dtype
) -> Callable[[int], tuple[Tensor, dict[str, Tensor]]]:
    recipe, device = request.recipe, request.device
    loss = SegmentationLoss(len(recipe.data.classes), recipe.target.contour_um is not None)
    regularize = _regularization(recipe)

    def losses(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        with own_randomness(recipe.train.seed, step, device):
            return training_losses(
                network,
                draw_mixed(request.training, request.background, recipe, step),
                tapspec=request.tapspec,
                normalizer=request.normalizer,
                loss=loss,
                regularize=regularize,
                dtype=dtype,
                device=device,
                step=step,
            )

    return losses


def _validation(request: FitRequest, dtype: torch.dtype) -> Callable[[nn.Module], float]:
    def validate(judged: nn.Module) -> float:
        return mean_dice(
            judged,
            request.validation,
            request.normalizer,
            len(request.recipe.data.classes),
            dtype,
            request.device,
            request.tapspec,
        )

    return validate


def _regularization(recipe: Recipe) -> SelfRegularization | None:
    """Return the regularizer, or None where all λ are 0: a plain run pays nothing."""
    section = recipe.regularization
    if not (section.lambda_scr or section.lambda_ifd or section.lambda_decorrelation):
        return None
    options = section.model_dump(
        exclude={"lambda_decorrelation"} if not section.lambda_decorrelation else None
    )
    return SelfRegularization(**options, seed=recipe.train.seed)


_NOT_LEARNED: Any = {
    "card": True,
    "postprocessing": True,
    "selection": True,
    "refit": True,
    "refit_steps": True,
    "data": {"working_um_per_px"},
}
"""What of a recipe no weight depends on."""

_NO_BACKGROUND: Any = {
    **_NOT_LEARNED,
    "data": {*_NOT_LEARNED["data"], "background", "background_share"},
}
"""The same where there is no background."""


def _fingerprint(request: FitRequest) -> str:
    """Identify recipe, schedule, split and labels: a state of anything else must not be resumed."""
    unused = _NOT_LEARNED if request.recipe.data.background else _NO_BACKGROUND
    recipe = request.recipe.model_dump_json(exclude=unused)
    parts = [request.training, request.validation, request.background]
    return fingerprint(
        f"{recipe}|{request.steps}",
        *([field.stem for field in part] for part in parts),
        targets=(field.targets for part in parts for field in part),
    )
