"""Job: fine-tune a model on corrected fields, and say whether it got better.

The base is scored first on strips that are held out; then the network learns from everything else
that is reviewed; the best weights found are compared with the base, whatever comes out.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.verdict import verdict
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.batching import told_of_memory
from napari_selfreg.engine.bundles import Model, save_bundle
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.finetune_card import Learned, Run, tuned_card
from napari_selfreg.engine.finetune_fields import Material, prepare, what_is_odd
from napari_selfreg.engine.finetune_fit import FinetuneLoop, FinetuneSettings
from napari_selfreg.engine.finetune_loop import Clock, Kept, TuningLoop
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.finetune_types import (
    LAMBDA,
    BaseScored,
    FinetuneField,
    FinetuneRequest,
    FinetuneResult,
    FinetuneVolume,
    Planned,
    RolledBack,
    usual_stay_close,
)
from napari_selfreg.engine.held_out import STRIPS, STRIPS_PROTOCOL
from napari_selfreg.engine.predict import model_for_pictures
from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.bundle import SUFFIX
from napari_selfreg.io.card import Card
from napari_selfreg.io.models import find_model
from napari_selfreg.io.outputs import check_writable_file
from napari_selfreg.nets.tapspec import TapSpec

__all__ = [
    "BaseScored",
    "FinetuneField",
    "FinetuneRequest",
    "FinetuneResult",
    "FinetuneVolume",
    "Planned",
    "RolledBack",
    "finetune",
]

_LESS = "close other programs, or choose the device cpu."
"""What to do where memory runs out."""

_CLOSING = 0.8
"""Seconds for writing the bundle and coming to an end."""

FEW_PIXELS = 20_000_000
"""Pictures of fewer pixels, at the network's scale, are too little to estimate batch statistics
from: with five GlaS fields the frozen ones gave 5 points more on other patients."""

_FOR_STATISTICS = 8
"""Crops of a step whose batch statistics are estimated: from two they would be noise."""


_SPARSE = FinetuneSettings(batch=4, crop=160, learning_rate=5e-4)
"""Where only parts of the pictures are reviewed: more and smaller crops, since little of a large
one would teach, and a lower rate."""


@dataclass(frozen=True)
class Kind:
    """What differs between fine-tuning on pictures and on volumes.

    Parameters
    ----------
    model : callable
        Loads the base, and refuses one that is not for this.
    prepare : callable
        ``prepare(fields, card)``: what is learned from, with what is held out.
    odd : callable
        Says what a person should know of that; empty if nothing.
    settings : callable
        ``settings(request, base, material)``.
    loop : callable
        Makes the loop, a `TuningLoop`.
    held_out, protocol : str
        What the scores are measured on: in a sentence, and in a word.
    """

    model: Callable[[Model | str | Path], Model]
    prepare: Callable[[Sequence[Any], Card], Any]
    odd: Callable[[Any], str]
    settings: Callable[[FinetuneRequest, Model, Any], Any]
    loop: Callable[..., TuningLoop]
    held_out: str = STRIPS
    protocol: str = STRIPS_PROTOCOL


def finetune(request: FinetuneRequest) -> Generator[Event, None, FinetuneResult]:
    """Fine-tune a model.

    Parameters
    ----------
    request : FinetuneRequest

    Yields
    ------
    Progress, Notice, BaseScored, Planned, StepDone, ValidationDone, RolledBack, BlocksMeasured

    Returns
    -------
    FinetuneResult

    Raises
    ------
    BadInputError
        If a field or option cannot be used, or nothing is reviewed.
    BadModelError
        If the base cannot be used.
    DeviceError
        If the device is unknown or absent, or memory runs out.
    WriteError
        If the bundle cannot be written.

    Notes
    -----
    When the job is closed after its first step and an output was asked for, the best weights so
    far are written before it ends. To stop and keep the result use ``request.enough``.
    """
    begun = time.monotonic() if request.begun is None else request.begun
    request.check()
    output = _checked_output(request)
    device = resolve_device(request.device)
    kind = _kind(request)
    base = kind.model(request.model)
    yield Progress(0, 0, "Preparing the fields")
    material = kind.prepare(request.fields, base.card)
    if odd := kind.odd(material):
        yield Notice(odd)
    settings = kind.settings(request, base, material)
    clock = Clock(closing=_CLOSING)
    if request.steps is None and not request.plan:
        clock.deadline = begun + 60.0 * request.minutes
    pieces = ((0, request.steps),) if request.steps is not None else request.plan
    start = base if request.start is None else request.start
    loop = kind.loop(base, start, material, settings, Plan(pieces), clock, device, request.enough)
    yield Progress(0, 0, "Scoring the old model")
    base_scores = score_base(loop)
    yield BaseScored(float(np.mean(base_scores)), base_scores)
    yield Progress(0, loop.plan.total, "Fine-tuning")
    tuning = _Tuning(request, kind, material, loop, base_scores, begun, output)
    try:
        with freed_memory_kept(), told_of_memory(_LESS):
            yield from loop.run()
    except (GeneratorExit, KeyboardInterrupt):
        if output is not None and loop.plan.step:
            loop.stopped = True
            _finish(tuning)
        raise
    yield Progress(0, 0, "Writing the new model" if output else "Comparing with the old model")
    return _finish(tuning)


def _kind(request: FinetuneRequest) -> Kind:
    volumes = [isinstance(field, FinetuneVolume) for field in request.fields]
    if not any(volumes):
        return Kind(model_for_pictures, prepare, what_is_odd, settings_of, FinetuneLoop)
    if not all(volumes):
        raise BadInputError("A model learns from pictures or from volumes: give one of the two.")
    from napari_selfreg.engine.volume.finetune import volume_kind

    return volume_kind()


def _checked_output(request: FinetuneRequest) -> Path | None:
    if request.output is None:
        return None
    output = Path(request.output)
    if output.suffix != SUFFIX:
        raise BadInputError(f"{output.name} is no name for a model: end it with {SUFFIX}.")
    check_writable_file(output)
    models = [one for one in (request.model, request.start) if one is not None]
    require_apart([output], [path for one in models if (path := _file_of(one)) is not None])
    return output


def _file_of(model: Model | str | Path) -> Path | None:
    return find_model(model) if isinstance(model, str | Path) else model.path


def settings_of(request: FinetuneRequest, base: Model, material: Material) -> FinetuneSettings:
    """Return the settings of a request's run: what it leaves open comes from base and data."""
    pixels = sum(field.rgb[..., 0].size for field in material.training)
    sparse = any(field.anchors is not None for field in material.training)
    usual = _SPARSE if sparse else FinetuneSettings()
    keep = pixels < FEW_PIXELS
    return replace(
        usual,
        batch=usual.batch if keep else _FOR_STATISTICS,
        crop=_crop(base.tapspec, material, usual.crop),
        what=request.what,
        lambda_scr=LAMBDA if request.lambda_scr is None else request.lambda_scr,
        lambda_ifd=LAMBDA if request.lambda_ifd is None else request.lambda_ifd,
        stay_close=stay_close_of(request, material.reviewed),
        keep_statistics=keep,
        seed=request.seed,
        watch_blocks=request.watch_blocks,
    )


def stay_close_of(request: FinetuneRequest, reviewed: int) -> float:
    """Return how far a run is drawn back: as asked for, or as usual where so much is reviewed."""
    return usual_stay_close(reviewed) if request.stay_close is None else request.stay_close


def _crop(spec: TapSpec, material: Material, usual: int) -> int:
    """Return a side that the network accepts, no larger than the pictures need."""
    if spec.fixed_size is not None:
        return max(spec.fixed_size)
    longest = max(max(field.rgb.shape[:2]) for field in material.training)
    wanted = max(spec.min_size, min(usual, longest))
    return int(wanted + -wanted % spec.size_multiple)


def score_base(loop: TuningLoop) -> tuple[float, ...]:
    """Score the untouched base on what is held out, and time it."""
    network = copy.deepcopy(loop.base.network).to(loop.device)
    started = time.monotonic()
    scores = loop.score(network)
    loop.clock.check = time.monotonic() - started
    return scores


@dataclass(frozen=True)
class _Tuning:
    """A run, and what its result is made of."""

    request: FinetuneRequest
    kind: Kind
    material: Learned
    loop: TuningLoop
    base_scores: tuple[float, ...]
    begun: float
    output: Path | None


def _finish(tuning: _Tuning) -> FinetuneResult:
    """Compare, make the card, and write the bundle if one was asked for."""
    loop = tuning.loop
    if loop.kept is None:
        loop.check()
    kept = loop.kept or _untouched(loop)
    run = _run(tuning, kept)
    return FinetuneResult(
        model=_tuned(tuning, run, kept),
        base=loop.base,
        verdict=run.verdict,
        base_scores=tuning.base_scores,
        tuned_scores=kept.scores,
        steps=run.steps,
        best_step=run.best_step,
        seconds=time.monotonic() - tuning.begun,
        seed=tuning.request.seed,
        output=tuning.output,
        stopped=loop.stopped,
        notes=tuple(loop.notes),
        history=tuple(loop.history),
    )


def _run(tuning: _Tuning, kept: Kept) -> Run:
    """Return what the card tells of a run."""
    loop = tuning.loop
    return Run(
        settings=loop.settings,
        material=tuning.material,
        plan=loop.plan.pieces,
        steps=loop.plan.step,
        best_step=kept.step,
        seconds=time.monotonic() - tuning.begun,
        verdict=verdict(tuning.base_scores, kept.scores),
        base_scores=tuning.base_scores,
        tuned_scores=kept.scores,
        device=loop.device,
        rollbacks=loop.rollbacks,
        stopped=loop.stopped,
        continued=tuning.request.start is not None,
        held_out=tuning.kind.held_out,
        protocol=tuning.kind.protocol,
    )


def _tuned(tuning: _Tuning, run: Run, kept: Kept) -> Model:
    """Return the new model, written if an output was asked for."""
    request, output, base = tuning.request, tuning.output, tuning.loop.base
    name = request.name or (output.stem if output else None)
    model = _model(base, kept.weights, tuned_card(base, run, name, request.title))
    if output is None:
        return model
    card = save_bundle(model.network, model.tapspec, model.card, output, storage="float16")
    return Model(card, model.network, model.tapspec, output)


def _untouched(loop: TuningLoop) -> Kept:
    """Return the weights it began with: every one found after them was unusable."""
    loop.notes.append("No usable weights were found: the new model equals the old one.")
    weights = dict(loop.start.network.state_dict())
    loop.judged.load_state_dict(weights)
    return Kept(weights, loop.score(loop.judged), 0)


def _model(base: Model, weights: dict[str, Tensor], card: Card) -> Model:
    network = copy.deepcopy(base.network).to("cpu", torch.float32)
    network.load_state_dict(weights)
    network.requires_grad_(True)
    return Model(card, network.eval(), base.tapspec, base.path)
