"""From trained weights to a bundle: scores of the run and of its plain twin, then the card."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.engine.background import background_sources
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.checkpoint import TrainingProgress
from napari_selfreg.engine.events import Event, Notice
from napari_selfreg.engine.fit import FitResult
from napari_selfreg.engine.networks import require_card, write_trained
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.card import Card, DataSource, MetricRecord, Normalisation
from napari_selfreg.io.datasets import Dataset, Sample
from napari_selfreg.nets.tapspec import TapSpec

if TYPE_CHECKING:
    from napari_selfreg.engine.volume.recipe import VolumeRecipe


@dataclass(frozen=True, slots=True)
class LambdaChoice:
    """The chosen λ and the validation Dice of every value of the grid (by its text)."""

    chosen: float
    scores: dict[str, float]

    def sentence(self, none: str = "lambda = 0") -> str:
        """Say how the chosen λ compares with none, whichever won.

        Parameters
        ----------
        none : str
            What the run with λ = 0 did without.

        Returns
        -------
        str
        """
        return _compared(
            f"In the short runs lambda = {self.chosen:g} was",
            self.scores[f"{self.chosen:g}"] - self.scores["0"],
            none,
        )


def _compared(subject: str, difference: float, other: str) -> str:
    """Say how a validation Dice differs from another."""
    difference = round(difference, 4)
    verdict = "better" if difference > 0 else "worse"
    how = f"{abs(difference):.4f} Dice {verdict} than" if difference else "as good as"
    return f"{subject} {how} {other} on the validation patients."


REFIT_NOTE = "scored before the last training, which took in these patients too"


@dataclass(frozen=True)
class Publication:
    """What goes into a bundle.

    Its scores are those of `main` (and `twin`), its weights those of `refit` where there is one:
    the same run again, perhaps longer, with the held-out patients among the `images` that teach.
    """

    recipe: Recipe
    dataset: Dataset
    images: int
    held_out: Sequence[Sample]
    normalizer: Normalizer
    choice: LambdaChoice | None
    main: FitResult
    twin: FitResult | None
    device: torch.device
    refit: FitResult | None = None


def publish(
    publication: Publication, network: nn.Module, tapspec: TapSpec, output: Path
) -> Generator[Event, None, Card]:
    """Score both runs on the held-out patients and write the bundle of the first.

    Parameters
    ----------
    publication : Publication
    network : nn.Module
        Of the recipe; its weights are replaced.
    tapspec : TapSpec
    output : Path

    Yields
    ------
    Event

    Returns
    -------
    Card

    Raises
    ------
    WriteError
        If the bundle cannot be written.
    """
    # Imported here: evaluation needs the whole prediction engine, an interrupted run does not.
    from napari_selfreg.engine.scoring import score_held_out

    # First without scores: hours of training must not hang on a fault while scoring. What is scored
    # then is what ships, read back from the file.
    write_bundle_of(publication, network, tapspec, (), output)
    models = [load_model(output, publication.device)]
    if publication.twin is not None:
        network.load_state_dict(publication.twin.weights)
        card = models[0].card
        models.append(Model(card, network.to(publication.device).eval(), tapspec, output))
    metrics: list[MetricRecord] = []
    for model, plain in zip(models, (False, True), strict=False):
        yield Notice("Scoring on the held-out patients" + (" (plain twin)" if plain else ""))
        metrics += yield from score_held_out(
            model,
            publication.held_out,
            publication.dataset,
            publication.recipe,
            plain=plain,
            device=publication.device.type,
        )
    return write_bundle_of(publication, network, tapspec, metrics, output)


def write_bundle_of(
    publication: Publication,
    network: nn.Module,
    tapspec: TapSpec,
    metrics: Sequence[MetricRecord],
    output: Path,
) -> Card:
    """Write the bundle of the main run, or of its refit.

    Parameters
    ----------
    publication : Publication
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
    card = make_card(publication, metrics)
    shipped = publication.refit or publication.main
    return write_trained(network, tapspec, shipped.weights, card, output)


def check_card(recipe: Recipe) -> None:
    """Find out before hours of training whether the recipe makes a valid card.

    Parameters
    ----------
    recipe : Recipe

    Raises
    ------
    BadInputError
        Naming the field of the card and what is wrong with it.
    """
    trial = Publication(
        recipe=recipe,
        dataset=Dataset("", ()),
        images=0,
        held_out=(),
        normalizer=Normalizer((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        choice=None,
        main=FitResult({}, TrainingProgress()),
        twin=None,
        device=torch.device("cpu"),
    )
    require_card(lambda: make_card(trial, ()))


def make_card(publication: Publication, metrics: Sequence[MetricRecord]) -> Card:
    """Return the card of the main run.

    Parameters
    ----------
    publication : Publication
    metrics : sequence of MetricRecord

    Returns
    -------
    Card
    """
    recipe, about = publication.recipe, publication.recipe.card
    size = recipe.data.working_um_per_px or recipe.data.um_per_px
    said = what_a_recipe_says(recipe, publication.images)
    return Card(
        **{**said, "data": (*said["data"], *background_sources(recipe))},
        separation=None if recipe.target.contour_um is None else "contour",
        um_per_px=(size, size),
        normalisation=Normalisation(
            mean=publication.normalizer.mean, std=publication.normalizer.std
        ),
        postprocessing=PostProcessing(**recipe.postprocessing.model_dump()),
        typical_area_um2=about.typical_area_um2,
        training=_training_record(publication),
        metrics=tuple(_before_refit(metrics) if publication.refit else metrics),
    )


def _before_refit(metrics: Sequence[MetricRecord]) -> list[MetricRecord]:
    """Say of each score that the weights which ship have seen its images."""
    notes = ["; ".join(filter(None, (record.note, REFIT_NOTE))) for record in metrics]
    return [
        record.model_copy(update={"note": note})
        for record, note in zip(metrics, notes, strict=True)
    ]


def what_a_recipe_says(recipe: Recipe | VolumeRecipe, images: int) -> dict[str, Any]:
    """Return the fields of a card that are the same for pictures and for volumes.

    Parameters
    ----------
    recipe : Recipe or VolumeRecipe
    images : int
        How many taught.

    Returns
    -------
    dict of str to object
    """
    about = recipe.card
    source = DataSource(
        name=about.data_name, licence=about.data_licence, citation=about.citation, images=images
    )
    return {
        "name": recipe.name,
        "title": about.title,
        "tissue": about.tissue,
        "description": about.description,
        "architecture": recipe.network.architecture,
        "architecture_args": recipe.network.arguments,
        "classes": tuple(recipe.data.classes),
        "data": (source,),
        "licence": about.licence,
        "terms": about.terms,
        "research_only": about.research_only,
        "bad_at": about.bad_at,
        "recipe": recipe.model_dump(mode="json", exclude={"card"}),
        "seed": recipe.train.seed,
    }


def _training_record(publication: Publication) -> dict[str, object]:
    record: dict[str, object] = {
        **run_record(publication.main.progress, publication.device),
        "lambda_grid": {},
    }
    if publication.choice is not None:
        scores = publication.choice.scores
        record["lambda_grid"] = {k: round(v, 5) for k, v in scores.items()}
        own = publication.recipe.regularization.lambda_decorrelation
        none = "lambda = 0 without decorrelation" if own else "lambda = 0"
        record["lambda_choice"] = publication.choice.sentence(none)
    if publication.twin is not None:
        twin = publication.twin.progress.best_dice
        record["plain_twin_best_validation_dice"] = round(twin, 5)
        record["plain_twin"] = twin_sentence(publication.main.progress.best_dice, twin)
    if publication.refit is not None:
        record["refit_steps"] = publication.refit.progress.step
    return record


def twin_sentence(regularized: float, plain: float) -> str:
    """Say how the whole run compares with its twin without regularizers, whichever won.

    Parameters
    ----------
    regularized, plain : float
        Best validation Dice of each.

    Returns
    -------
    str
    """
    return _compared("The whole run was", regularized - plain, "its plain twin")


def run_record(progress: TrainingProgress, device: torch.device) -> dict[str, object]:
    """Return what every card says of its training run.

    Parameters
    ----------
    progress : TrainingProgress
    device : torch.device

    Returns
    -------
    dict of str to object
    """
    return {
        "steps": progress.step,
        "best_step": progress.best_step,
        "best_validation_dice": round(progress.best_dice, 5),
        "finished": progress.finished,
        "seconds": round(progress.seconds),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "device": device.type,
        "torch": torch.__version__.split("+")[0],
    }
