"""From weights trained on volumes to a bundle: the card, and the scores on it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.checkpoint import TrainingProgress
from napari_selfreg.engine.events import Event, Notice
from napari_selfreg.engine.networks import require_card, write_trained
from napari_selfreg.engine.publish import run_record, what_a_recipe_says
from napari_selfreg.engine.train import TrainResult
from napari_selfreg.engine.training_loop import FitResult
from napari_selfreg.engine.volume.recipe import VolumeRecipe
from napari_selfreg.engine.volume.scoring import record_of, score_cases
from napari_selfreg.engine.volume.split import HoldOut, Split
from napari_selfreg.io.card import Card, MetricRecord, Normalisation
from napari_selfreg.nets.tapspec import TapSpec

UM_PER_MM = 1000.0


@dataclass(frozen=True)
class VolumePublication:
    """What goes into the bundle of a run.

    Parameters
    ----------
    recipe : VolumeRecipe
    split : Split
    hold_out : HoldOut
        How the split was made.
    result : FitResult
    device : torch.device
    """

    recipe: VolumeRecipe
    split: Split
    hold_out: HoldOut
    result: FitResult
    device: torch.device


def publish_volumes(
    publication: VolumePublication, network: nn.Module, tapspec: TapSpec, output: Path
) -> Generator[Event, None, TrainResult]:
    """Write the bundle, score it on the held-out cases, and write it again with the scores.

    Parameters
    ----------
    publication : VolumePublication
    network : nn.Module
        Of the recipe; its weights are replaced.
    tapspec : TapSpec
    output : Path

    Yields
    ------
    Event

    Returns
    -------
    TrainResult

    Raises
    ------
    WriteError
        If the bundle cannot be written.
    """
    # First without scores: hours of training must not hang on a fault while scoring. What is scored
    # then is what ships, read back from the file.
    write_volume_bundle(publication, network, tapspec, (), output)
    yield Notice("Scoring on the held-out cases")
    model = load_model(output, publication.device)
    scores = yield from score_cases(model, publication.split.held_out, publication.device.type)
    note = f"regularizers in training: {publication.recipe.summary()}"
    record = record_of(scores, publication.hold_out.sentence(), note)
    card = write_volume_bundle(publication, network, tapspec, [record], output)
    return TrainResult(output, card, scores)


def write_volume_bundle(
    publication: VolumePublication,
    network: nn.Module,
    tapspec: TapSpec,
    metrics: Sequence[MetricRecord],
    output: Path,
) -> Card:
    """Write the bundle of a run.

    Parameters
    ----------
    publication : VolumePublication
    network : nn.Module
        Of the recipe; its weights are replaced.
    tapspec : TapSpec
    metrics : sequence of MetricRecord
        Empty for a run that was interrupted.
    output : Path

    Returns
    -------
    Card
    """
    card = volume_card(publication, metrics)
    return write_trained(network, tapspec, publication.result.weights, card, output)


def check_volume_card(recipe: VolumeRecipe) -> None:
    """Find out before the training whether the recipe makes a valid card.

    Parameters
    ----------
    recipe : VolumeRecipe

    Raises
    ------
    BadInputError
        Naming the field of the card and what is wrong with it.
    """
    empty = FitResult({}, TrainingProgress())
    cpu = torch.device("cpu")
    trial = VolumePublication(recipe, Split((), (), ()), HoldOut(), empty, cpu)
    require_card(lambda: volume_card(trial, ()))


def volume_card(publication: VolumePublication, metrics: Sequence[MetricRecord]) -> Card:
    """Return the card of a run.

    Parameters
    ----------
    publication : VolumePublication
    metrics : sequence of MetricRecord

    Returns
    -------
    Card
    """
    recipe, split = publication.recipe, publication.split
    z, y, x = (UM_PER_MM * side for side in recipe.spacing)
    progress = publication.result.progress
    return Card(
        **what_a_recipe_says(recipe, len(split.training)),
        spatial_dims=3,
        in_channels=1,
        um_per_px=(z, y, x),
        # Nothing is left to do: the intensities of every volume are on one scale.
        normalisation=Normalisation(mean=(0.0,), std=(1.0,)),
        intensity="volume",
        training={
            **run_record(progress, publication.device),
            "validation_cases": len(split.validation),
            "patch": list(recipe.train.patch),
        },
        metrics=tuple(metrics),
    )
