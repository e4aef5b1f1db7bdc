"""The job behind Start: read the corrections, fine-tune, keep the new version."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.finetune_titles import making, tuned_title
from napari_selfreg.engine.finetune_types import FinetuneField, FinetuneRequest, FinetuneResult
from napari_selfreg.io.bundle import SUFFIX, read_card
from napari_selfreg.io.project import VersionRecord
from napari_selfreg.widgets.finetune.advanced import TuneOptions
from napari_selfreg.widgets.finetune.source import Corrections
from napari_selfreg.widgets.segment_job import start_engine

if TYPE_CHECKING:
    from napari_selfreg.io.card import Card


@dataclass(frozen=True, slots=True, eq=False)
class TuneRequest:
    """A snapshot of what a person has set; it never touches a layer.

    Parameters
    ----------
    corrections : Corrections
        What to learn from.
    fields : tuple of str
        Ids of the fields in which something is reviewed.
    base : Path
        Bundle of the model to start from.
    parent : str, optional
        Id of the version that the base, or what is gone on from, is.
    number : int
        Of the new version in its project, from 1 on.
    minutes : float
        Wall time in all.
    steps : int, optional
        Instead of `minutes`.
    options : TuneOptions
        What is set under Advanced.
    go_on : FinetuneResult, optional
        What to train longer.
    enough : Event
        Set it to stop and keep the best so far.
    dropped : Event
        Set it as well when nothing is to be kept.
    """

    corrections: Corrections
    fields: tuple[str, ...]
    base: Path
    parent: str | None
    number: int
    minutes: float = 1.0
    steps: int | None = None
    options: TuneOptions = field(default_factory=TuneOptions)
    go_on: FinetuneResult | None = None
    enough: threading.Event = field(default_factory=threading.Event)
    dropped: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A new version, and how it compares with its base.

    Parameters
    ----------
    result : FinetuneResult
        Its output is the version's file.
    version : VersionRecord
        As it is kept.
    """

    result: FinetuneResult
    version: VersionRecord


def run_tuning(request: TuneRequest) -> Generator[Event, None, Tuned]:
    """Fine-tune a model and keep it as a version that is not yet in use.

    When the window is closed meanwhile, the best model so far is kept; what a person has dropped
    is not.

    Returns
    -------
    Tuned

    Raises
    ------
    SelfRegError
        Whatever the engine refuses, and if the project cannot be written.
    """
    begun = time.monotonic()
    yield from start_engine()
    card = read_card(request.base)
    fields = yield from read_fields(request.corrections, request.fields, card.classes)
    with TemporaryDirectory(prefix="selfreg-") as folder:
        output = Path(folder) / f"{next_name(card, request.number)}{SUFFIX}"
        ending = making(len(fields), request.number)
        asked = engine_request(request, fields, output, begun, tuned_title(card.title, ending))
        try:
            result = yield from _tune(asked)
        except GeneratorExit:
            if output.is_file() and not request.dropped.is_set():
                _keep(request, output, ending, {"stopped": True})
            raise
        version = _keep(request, output, ending, facts_of(result))
        return Tuned(replace(result, output=output), version)


def _tune(request: FinetuneRequest) -> Generator[Event, None, FinetuneResult]:
    from napari_selfreg.engine.finetune import finetune

    result = yield from finetune(request)
    return result


def engine_request(
    request: TuneRequest,
    fields: tuple[FinetuneField, ...],
    output: Path | None = None,
    begun: float | None = None,
    title: str | None = None,
) -> FinetuneRequest:
    """Return what the engine is asked."""
    options, go_on = request.options, request.go_on
    return FinetuneRequest(
        model=request.base if go_on is None else go_on.base,
        fields=fields,
        minutes=request.minutes,
        steps=request.steps,
        what=options.what,
        lambda_scr=options.lambda_scr,
        lambda_ifd=options.lambda_ifd,
        stay_close=options.stay_close,
        seed=options.seed if go_on is None else go_on.seed + 1,
        device=options.device,
        output=output,
        title=title,
        start=None if go_on is None else go_on.model,
        begun=begun,
        enough=request.enough.is_set,
        watch_blocks=options.blocks,
    )


def read_fields(
    corrections: Corrections, fields: tuple[str, ...], classes: tuple[str, ...]
) -> Generator[Event, None, tuple[FinetuneField, ...]]:
    """Read fields for a model of some classes; those that cannot be read are told and left out.

    Raises
    ------
    BadInputError
        If none can be read.
    """
    found = []
    for number, identity in enumerate(fields):
        yield Progress(number, len(fields), "Reading the corrections")
        try:
            found.append(corrections.read(identity, classes))
        except BadInputError as error:
            if len(fields) == 1:
                raise
            yield Notice(f"{error} This field is left out.")
    if not found:
        raise BadInputError("No field can be read: locate the images in the Correct panel.")
    return tuple(found)


def next_name(card: Card, number: int) -> str:
    """Return the name of a model made from another: no two versions of a project share one.

    Examples
    --------
    glands → glands-tuned-1 → glands-tuned-2
    """
    stem = re.sub(r"-tuned(-\d+)?$", "", card.name)
    return f"{stem[:50]}-tuned-{number}"


def facts_of(result: FinetuneResult) -> dict[str, Any]:
    """Return what a version records about its making, fit for JSON."""
    return {
        "base": result.base.card.name,
        "title": result.model.card.title,
        "verdict": result.verdict.kind,
        "sentence": result.verdict.sentence,
        "validation": result.validation(),
        "steps": result.steps,
        "best_step": result.best_step,
        "seconds": round(result.seconds, 1),
        "seed": result.seed,
        "stopped": result.stopped,
    }


def _keep(request: TuneRequest, output: Path, ending: str, facts: dict[str, Any]) -> VersionRecord:
    """Keep a version under the words that its card's title ends with."""
    title = ending[:1].upper() + ending[1:]
    return request.corrections.keep(output, title, request.parent, facts)
