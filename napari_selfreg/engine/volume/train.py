"""Train a model for volumes from a recipe and write its bundle.

The run keeps its state in ``<output>.training/``, so an interrupted one goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import require_labelled
from napari_selfreg.engine import train
from napari_selfreg.engine.checkpoint import TrainingProgress
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.finished import keep_best, sparing
from napari_selfreg.engine.networks import fresh_network
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.run_state import set_aside, sole_run, state_folder
from napari_selfreg.engine.starting import check_patch, check_room
from napari_selfreg.engine.train import TrainResult
from napari_selfreg.engine.training_loop import FitResult
from napari_selfreg.engine.volume.cases import read_cases
from napari_selfreg.engine.volume.fit import VolumeFitRequest, fit_volumes
from napari_selfreg.engine.volume.publish import (
    VolumePublication,
    check_volume_card,
    publish_volumes,
    write_volume_bundle,
)
from napari_selfreg.engine.volume.recipe import VolumeRecipe
from napari_selfreg.engine.volume.sampling import (
    Case,
    case_of,
    check_classes,
)
from napari_selfreg.engine.volume.split import HoldOut, Split, split_cases
from napari_selfreg.io.volume.datasets import VolumeCase, open_volume_folder
from napari_selfreg.io.volume.grid import Volume
from napari_selfreg.nets.registry import tap_spec
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True, slots=True)
class VolumeTrainRequest:
    """A recipe, the data, and where the bundle goes.

    Parameters
    ----------
    recipe : VolumeRecipe
    data : str or Path
        Folder of volumes and labels, see `io.volume.datasets.open_volume_folder`.
    output : str or Path
        The ``.safetensors`` file to write.
    resume : bool
        Go on with the state beside `output`; without it an old state is deleted once the data are
        read.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    hold_out : HoldOut
        Which cases are only scored.
    """

    recipe: VolumeRecipe
    data: str | Path
    output: str | Path
    resume: bool = False
    device: str = "auto"
    hold_out: HoldOut = field(default_factory=HoldOut)


def train_volumes(request: VolumeTrainRequest) -> Generator[Event, None, TrainResult]:
    """Train a model for volumes and write its bundle.

    Parameters
    ----------
    request : VolumeTrainRequest

    Yields
    ------
    Progress, Notice, StepDone, ValidationDone, CheckpointSaved

    Returns
    -------
    TrainResult

    Raises
    ------
    BadInputError
        If data, recipe or state cannot be used.
    BadModelError
        If there is no such architecture.
    DeviceError
        If the device is unknown or absent, or memory runs out.
    WriteError
        If a file cannot be written.

    Notes
    -----
    When the job is closed or interrupted while it trains, a bundle with the best weights so far is
    written before it ends.
    """
    device = resolve_device(request.device)
    recipe, output = request.recipe, Path(request.output)
    folder = state_folder(output)
    check_volume_card(recipe)
    network, tapspec = new_volume_network(recipe)
    split = split_cases(open_volume_folder(request.data).cases, recipe.data, request.hold_out)
    training, validation = yield from _load(split, recipe)
    yield Notice(
        f"{len(training)} volumes to learn from, {len(validation)} to choose the best weights by, "
        f"{len(split.held_out)} held out."
    )
    fit_request = VolumeFitRequest(
        network=network,
        tapspec=tapspec,
        recipe=recipe,
        training=training,
        validation=validation,
        folder=folder / "main",
        resume=request.resume,
        device=device,
    )
    so_far = VolumePublication(
        recipe, split, request.hold_out, FitResult({}, TrainingProgress()), device
    )
    with sole_run(folder):
        if not request.resume and (moved := set_aside(folder)):  # the data proved readable
            yield Notice(moved)
        with sparing(output, fit_request.folder, resume=request.resume) as target:
            spared = target != output
            result = yield from _train_and_write(so_far, fit_request, target, spared=spared)
    return replace(result, output=output)


def _train_and_write(
    so_far: VolumePublication, request: VolumeFitRequest, target: Path, *, spared: bool
) -> Generator[Event, None, TrainResult]:
    """Train, score and write `target`: the output, or a draft where the output is spared."""
    try:
        yield Progress(0, request.recipe.train.steps, "Training")
        done = replace(so_far, result=(yield from fit_volumes(request)))
        return (yield from publish_volumes(done, request.network, request.tapspec, target))
    except (GeneratorExit, KeyboardInterrupt):
        if not spared:
            _keep_best(so_far, request, target)
        raise


def training(
    recipe: Recipe | VolumeRecipe,
    hold_out: Mapping[str, Any],
    *,
    data: str | Path,
    output: str | Path,
    resume: bool = False,
    device: str = "auto",
) -> Generator[Event, None, TrainResult]:
    """Return the job that trains from a recipe, for pictures or for volumes.

    Parameters
    ----------
    recipe : Recipe or VolumeRecipe
    hold_out : mapping of str to object
        Fields of `HoldOut`; all None for pictures.
    data, output, resume, device
        See `VolumeTrainRequest`.

    Returns
    -------
    generator of Event
        The result is a `TrainResult`.

    Raises
    ------
    BadInputError
        If cases of pictures are to be held out: their recipe says what is.
    """
    if isinstance(recipe, VolumeRecipe):
        choice = HoldOut(**hold_out)
        return train_volumes(VolumeTrainRequest(recipe, data, output, resume, device, choice))
    if any(value is not None for value in hold_out.values()):
        raise BadInputError(
            "--held-out, --folds and --fold are for volumes: the recipe of pictures says what is "
            "held out."
        )
    return train.train(train.TrainRequest(recipe, data, output, resume, device))


def new_volume_network(recipe: VolumeRecipe) -> tuple[nn.Module, TapSpec]:
    """Build the recipe's network with weights that depend on its seed alone.

    Parameters
    ----------
    recipe : VolumeRecipe

    Returns
    -------
    network : nn.Module
    tapspec : TapSpec

    Raises
    ------
    BadInputError
        If the network does not take the recipe's patches.
    BadModelError
        If there is no such architecture.
    """
    section = recipe.network
    spec = tap_spec(section.architecture, spatial_dims=3, **section.arguments)
    patch = recipe.train.patch
    check_room(recipe.train.batch, patch, "train.patch")
    check_patch(spec, patch, f"train.patch is {' x '.join(map(str, patch))}")
    network = fresh_network(
        section.architecture,
        section.arguments,
        seed=recipe.train.seed,
        in_channels=1,
        out_channels=1 + len(recipe.data.classes),
        spatial_dims=3,
    )
    return network, spec


def _load(
    split: Split, recipe: VolumeRecipe
) -> Generator[Event, None, tuple[list[Case], list[Case]]]:
    """Return what teaches and what chooses the weights; the rest is only looked through.

    A held-out file that cannot be read must be found now, not after hours of training.
    """
    n_classes, kept = len(recipe.data.classes), {*split.training, *split.validation}

    def use(case: VolumeCase, image: Volume, labels: npt.NDArray[np.int32]) -> Case | None:
        if case not in kept:
            check_classes(case.stem, labels, n_classes)
            return None
        spacing = image.spacing
        return case_of(case.stem, image.voxels, labels, spacing, recipe.spacing, n_classes)

    cases = (*split.training, *split.validation, *split.held_out)
    found = [case for case in (yield from read_cases(cases, use)) if case is not None]
    count = len(split.training)
    targets = [case.labels for case in found]
    require_labelled(targets[:count], "to learn from", "volume", "voxel")
    require_labelled(targets[count:], "to choose the best weights by", "volume", "voxel")
    return found[:count], found[count:]


def _keep_best(so_far: VolumePublication, request: VolumeFitRequest, output: Path) -> None:
    """Write what an interrupted run has reached, without scoring it."""

    def write(kept: FitResult) -> None:
        publication = replace(so_far, result=kept)
        write_volume_bundle(publication, request.network, request.tapspec, (), output)

    keep_best(request.folder, output, write)
