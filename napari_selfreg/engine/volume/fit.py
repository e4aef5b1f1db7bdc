"""One training run on volumes: patches in, best averaged weights out.

Losses are cross-entropy + Dice over the classes and whatever the recipe's regularizers add. Every
random draw depends on the seed and the step alone, so a resumed run equals an unbroken one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.run_state import fingerprint
from napari_selfreg.engine.step import Addition, own_randomness, step_losses
from napari_selfreg.engine.training_loop import (
    FitResult,
    TrainingTask,
    on_device,
    run_task,
    training_precision,
)
from napari_selfreg.engine.volume.recipe import VolumeRecipe
from napari_selfreg.engine.volume.sampling import Case, Patches, PatchSampler
from napari_selfreg.engine.volume.validation import class_dice
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.regularization import Regularization
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class VolumeFitRequest:
    """What one run needs.

    Parameters
    ----------
    network : nn.Module
        Freshly initialised, on the CPU.
    tapspec : TapSpec
    recipe : VolumeRecipe
    training, validation : sequence of Case
        The second chooses the best weights and ends the run early.
    folder : Path
        Of the run's own state and log.
    resume : bool
        Go on from the state in `folder`, if there is one.
    device : torch.device
    """

    network: nn.Module
    tapspec: TapSpec
    recipe: VolumeRecipe
    training: Sequence[Case]
    validation: Sequence[Case]
    folder: Path
    resume: bool
    device: torch.device


def fit_volumes(request: VolumeFitRequest) -> Generator[Event, None, FitResult]:
    """Train a network on volumes.

    Parameters
    ----------
    request : VolumeFitRequest

    Yields
    ------
    StepDone, ValidationDone, CheckpointSaved

    Returns
    -------
    FitResult
        Of the network alone: the training-only heads stay behind.

    Raises
    ------
    SelfRegError
        If the loss is no longer a finite number.
    BadInputError
        If the state to resume from belongs to another recipe, or a regularizer cannot be used.
    """
    return (yield from run_task(_task(request)))


def build_regularization(
    recipe: VolumeRecipe, network: nn.Module, tapspec: TapSpec
) -> Regularization:
    """Build the recipe's regularizers for its network.

    Parameters
    ----------
    recipe : VolumeRecipe
    network : nn.Module
        Of the recipe.
    tapspec : TapSpec

    Returns
    -------
    Regularization
        On the network's device.

    Raises
    ------
    BadInputError
        If an option cannot be used.
    """
    return Regularization.build(
        recipe.regularization,
        network,
        tapspec,
        sample=(recipe.train.batch, 1, *recipe.train.patch),
        n_classes=len(recipe.data.classes),
        seed=recipe.train.seed,
    )


def patch_losses(
    network: nn.Module,
    patches: Patches,
    *,
    tapspec: TapSpec,
    loss: SegmentationLoss,
    regularize: Regularization | None,
    dtype: torch.dtype,
    device: torch.device,
    step: int,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what a step descends, and its named terms.

    Parameters
    ----------
    network : nn.Module
        In the mode it is to be trained in.
    patches : Patches
        On the CPU.
    tapspec : TapSpec
    loss : SegmentationLoss
    regularize : Regularization or None
        Without it no tap is opened: a plain step pays nothing.
    dtype : torch.dtype
        Of autocast; float32 switches it off.
    device : torch.device
    step : int

    Returns
    -------
    total : Tensor
        Scalar with gradient.
    terms : dict of str to Tensor
    """
    classes = patches.classes.to(device)
    addition = None
    if regularize is not None:
        addition = Addition(
            tapspec.open(network, regularize.blocks),
            lambda taps, logits: regularize(taps, logits=logits, target=classes, step=step),
        )
    return step_losses(
        network,
        patches.volumes.to(device),
        [classes],
        loss=loss,
        layout=torch.channels_last_3d,
        dtype=dtype,
        addition=addition,
    )


def _task(request: VolumeFitRequest) -> TrainingTask:
    """Return the steps and validations of a recipe on volumes."""
    train = request.recipe.train
    dtype = training_precision(train.precision, request.device)
    network = on_device(request.network, request.device, torch.channels_last_3d)
    heads = build_regularization(request.recipe, network, request.tapspec)
    return TrainingTask(
        network=network,
        losses=_losses(request, network, heads if heads.active else None, dtype),
        validate=_validation(request, dtype),
        schedule=train,
        steps=train.steps,
        folder=request.folder,
        resume=request.resume,
        fingerprint=_fingerprint(request),
        heads=heads,
    )


def _losses(
    request: VolumeFitRequest,
    network: nn.Module,
    regularize: Regularization | None,
    dtype: torch.dtype,
) -> Callable[[int], tuple[Tensor, dict[str, Tensor]]]:
    recipe, train, device = request.recipe, request.recipe.train, request.device
    n_classes = len(recipe.data.classes)
    sampler = PatchSampler(
        request.training, recipe.augment, train.patch, train.foreground, n_classes, recipe.spacing
    )
    loss = SegmentationLoss(n_classes, contour=False)

    def losses(step: int) -> tuple[Tensor, dict[str, Tensor]]:
        with own_randomness(train.seed, step, device):
            return patch_losses(
                network,
                sampler.draw(train.batch, train.seed, step),
                tapspec=request.tapspec,
                loss=loss,
                regularize=regularize,
                dtype=dtype,
                device=device,
                step=step,
            )

    return losses


def _validation(request: VolumeFitRequest, dtype: torch.dtype) -> Callable[[nn.Module], float]:
    def validate(judged: nn.Module) -> float:
        scores = class_dice(
            judged,
            request.validation,
            request.tapspec,
            len(request.recipe.data.classes),
            dtype=dtype,
            device=request.device,
        )
        return float(scores.mean())

    return validate


def _fingerprint(request: VolumeFitRequest) -> str:
    """Identify recipe, split and labels: a state of anything else must not be resumed."""
    parts = [request.training, request.validation]
    return fingerprint(
        request.recipe.model_dump_json(exclude={"card"}),
        *([case.stem for case in part] for part in parts),
        targets=(case.labels for part in parts for case in part),
    )
