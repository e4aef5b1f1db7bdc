"""Train a model from a recipe: choose λ, train, train the plain twin, score both, write a bundle.

Where the recipe says so the run is then made once more with the patients it was scored on.

Every phase keeps its own state in ``<output>.training/``, so an interrupted run goes on where it
stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from napari_selfreg.core.targets import require_labelled
from napari_selfreg.engine.background import load_background
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.finished import keep_best, sparing
from napari_selfreg.engine.fit import FitRequest, FitResult, fit
from napari_selfreg.engine.publish import (
    LambdaChoice,
    Publication,
    check_card,
    publish,
    write_bundle_of,
)
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.run_state import SELECTION, set_aside, sole_run, state_folder
from napari_selfreg.engine.sampling import Field, load_field
from napari_selfreg.engine.starting import check_crop, check_start, new_network
from napari_selfreg.engine.training_sizes import what_is_assumed
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.card import Card
from napari_selfreg.io.datasets import Dataset, Sample, open_dataset, split_by_patient

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """A recipe, the data, and where the bundle goes.

    Parameters
    ----------
    recipe : Recipe
    data : str or Path
        Folder of the data set.
    output : str or Path
        The ``.safetensors`` file to write.
    resume : bool
        Go on with the state beside `output`; without it an old state is set aside once the data
        are read.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    recipe: Recipe
    data: str | Path
    output: str | Path
    resume: bool = False
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The written bundle and its card; for volumes also the scores of every held-out case."""

    output: Path
    card: Card
    cases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Prepared:
    dataset: Dataset
    training: Sequence[Field]
    validation: Sequence[Field]
    held_out: Sequence[Sample]
    normalizer: Normalizer
    folder: Path
    device: torch.device
    background: Sequence[Field]


def train(request: TrainRequest) -> Generator[Event, None, TrainResult]:
    """Train a model and write its bundle.

    Parameters
    ----------
    request : TrainRequest

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
    DeviceError
        If the device is unknown or absent, or memory runs out.
    WriteError
        If a file cannot be written.

    Notes
    -----
    When the job is closed or interrupted after λ was chosen, a bundle with the best weights so far
    is written before it ends.
    """
    device = resolve_device(request.device)
    folder = state_folder(Path(request.output))
    check_crop(request.recipe)
    start = check_start(request.recipe, Path(request.output).parent)
    require_apart([request.output], [start] if start is not None else [])
    check_card(request.recipe)
    new_network(request.recipe, Path(request.output).parent)  # before hours, and old states move
    prepared = yield from _prepare(request, folder, device)
    with sole_run(folder):
        return (yield from _all_runs(request, prepared))


def _all_runs(request: TrainRequest, prepared: _Prepared) -> Generator[Event, None, TrainResult]:
    """Choose λ, make all other runs and write the output."""
    folder, output = prepared.folder, Path(request.output)
    if not request.resume and (moved := set_aside(folder)):  # the data proved readable
        yield Notice(moved)
    choice = yield from _choose_lambda(request, prepared)
    with sparing(output, folder / "main", resume=request.resume) as target:
        card = yield from _train_and_write(request, prepared, choice, target)
    return TrainResult(output, card)


def _train_and_write(
    request: TrainRequest, prepared: _Prepared, choice: LambdaChoice | None, target: Path
) -> Generator[Event, None, Card]:
    """Make all runs but the choice of λ; `target` is the output, or its draft."""
    recipe = request.recipe
    chosen = recipe if choice is None else _with_lambda(recipe, choice.chosen)
    try:
        publication, card = yield from _train_chosen(request, prepared, chosen, choice, target)
    except (GeneratorExit, KeyboardInterrupt):
        _keep_best(request, prepared, chosen, choice, target)
        raise
    if chosen.refit:
        card = yield from _refit(request, prepared, publication, card, target)
    return card


def _train_chosen(
    request: TrainRequest,
    prepared: _Prepared,
    chosen: Recipe,
    choice: LambdaChoice | None,
    target: Path,
) -> Generator[Event, None, tuple[Publication, Card]]:
    """Train with the chosen λ, train the plain twin, score both and write the bundle."""
    main = yield from _phase(request, prepared, chosen, "main", chosen.train.steps)
    twin = None
    if chosen.plain_twin and chosen.regularization.active:
        plain = _with_lambda(chosen, 0.0)
        twin = yield from _phase(request, prepared, plain, "plain", plain.train.steps)
    publication = _publication(prepared, chosen, choice, main, twin)
    network, tapspec = new_network(chosen, Path(request.output).parent)
    card = yield from publish(publication, network, tapspec, target)
    return publication, card


def _refit(
    request: TrainRequest,
    prepared: _Prepared,
    publication: Publication,
    scored: Card,
    target: Path,
) -> Generator[Event, None, Card]:
    """Make the run again, perhaps longer, with all patients; write its weights and the scores."""
    recipe = publication.recipe
    fields = [*prepared.training, *prepared.validation]
    everyone = replace(prepared, training=fields, validation=(), normalizer=Normalizer.of(fields))
    try:
        steps = recipe.refit_steps or recipe.train.steps
        again = yield from _phase(request, everyone, recipe, "refit", steps)
    except (GeneratorExit, KeyboardInterrupt):
        _LOG.warning("refit interrupted: the model that was scored was kept")
        raise
    whole = replace(publication, refit=again, images=len(fields), normalizer=everyone.normalizer)
    network, tapspec = new_network(recipe, Path(request.output).parent)
    return write_bundle_of(whole, network, tapspec, scored.metrics, target)


def _prepare(
    request: TrainRequest, folder: Path, device: torch.device
) -> Generator[Event, None, _Prepared]:
    recipe = request.recipe
    background = load_background(recipe)
    dataset = open_dataset(Path(request.data))
    training, held_out = split_by_patient(
        dataset.samples, recipe.data.validation_fraction, recipe.data.split_seed
    )
    fields: list[Field] = []
    for sample in [*training, *held_out]:
        yield Progress(len(fields), len(training) + len(held_out), "Reading images")
        fields.append(load_field(sample, dataset, recipe))
    count = len(training)
    targets = [field.targets[0] for field in fields]
    require_labelled(targets[:count], "to learn from")
    require_labelled(targets[count:], "to choose the best weights by")
    patients = len({s.patient for s in held_out})
    yield Notice(
        f"{count} images to learn from, {len(held_out)} of {patients} other patients to check."
    )
    origins = [field.size_stated_by for field in fields]
    if assumed := what_is_assumed(origins, dataset, recipe):
        yield Notice(assumed)
    normalizer = Normalizer.of(fields[:count])
    return _Prepared(
        dataset,
        fields[:count],
        fields[count:],
        held_out,
        normalizer,
        folder,
        device,
        background,
    )


def _choose_lambda(
    request: TrainRequest, prepared: _Prepared
) -> Generator[Event, None, LambdaChoice | None]:
    """Run a short schedule for every λ of the grid and take the best positive one.

    Without a grid there is nothing to choose: the recipe's own weights hold.
    """
    recipe = request.recipe
    grid = recipe.selection.lambdas
    if not grid:
        return None
    record = prepared.folder / SELECTION
    scores: dict[str, float] = {}
    for value in grid:
        # A phase that is done gives its result at once, or refuses the state of another recipe.
        result = yield from _phase(
            request,
            prepared,
            _with_lambda(recipe, value),
            f"lambda-{value:g}",
            recipe.selection.steps,
        )
        scores[f"{value:g}"] = result.progress.best_dice
        yield Notice(f"λ = {value:g}: validation Dice {result.progress.best_dice:.4f}")
        with atomic_write(record) as file:
            file.write(json.dumps(scores).encode())
    positive = [value for value in grid if value > 0]
    return LambdaChoice(max(positive, key=lambda value: scores[f"{value:g}"]), scores)


def _with_lambda(recipe: Recipe, value: float) -> Recipe:
    """Return the recipe with both λ at `value`, seeds and all else as they are.

    At 0 it is plain: our own decorrelation, which has a weight of its own, is off, too.
    """
    changes: dict[str, float] = {"lambda_scr": value, "lambda_ifd": value}
    if value == 0:
        changes["lambda_decorrelation"] = 0.0
    section = recipe.regularization.model_copy(update=changes)
    return recipe.model_copy(update={"regularization": section})


def _phase(
    request: TrainRequest, prepared: _Prepared, recipe: Recipe, name: str, steps: int
) -> Generator[Event, None, FitResult]:
    yield Progress(0, steps, f"Training ({name})")
    network, tapspec = new_network(recipe, Path(request.output).parent)
    fit_request = FitRequest(
        network=network,
        tapspec=tapspec,
        recipe=recipe,
        training=prepared.training,
        validation=prepared.validation,
        normalizer=prepared.normalizer,
        folder=prepared.folder / name,
        steps=steps,
        resume=request.resume,
        device=prepared.device,
        background=prepared.background,
    )
    return (yield from fit(fit_request))


def _publication(
    prepared: _Prepared,
    chosen: Recipe,
    choice: LambdaChoice | None,
    main: FitResult,
    twin: FitResult | None,
) -> Publication:
    return Publication(
        recipe=chosen,
        dataset=prepared.dataset,
        images=len(prepared.training),
        held_out=prepared.held_out,
        normalizer=prepared.normalizer,
        choice=choice,
        main=main,
        twin=twin,
        device=prepared.device,
    )


def _keep_best(
    request: TrainRequest,
    prepared: _Prepared,
    chosen: Recipe,
    choice: LambdaChoice | None,
    target: Path,
) -> None:
    """Write what an interrupted run has reached, without scoring it."""
    if target != Path(request.output):
        return  # more than that is there

    def write(main: FitResult) -> None:
        publication = _publication(prepared, chosen, choice, main, None)
        network, tapspec = new_network(chosen, Path(request.output).parent)
        write_bundle_of(publication, network, tapspec, (), target)

    keep_best(prepared.folder / "main", target, write)
