"""Job: probabilities of each class for an image, on the image's own grid.

The image is resampled to the model's pixel size, cut into tiles, predicted, and the
**probabilities** are resampled back. A tile is a core and its halo; its origin is a multiple of
the network's total stride, so that it equals the crop of one forward of the whole image. Networks
that see their whole tile at once are averaged over overlapping tiles instead.

Colours are normalised with the card's constants: nothing depends on where a tile was cut.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.batching import BatchSize
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress, TileDone
from napari_selfreg.engine.forward import Floats, Forward, Mode, Outputs, build_forward
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.planning import Tiling, largest_side, make_plan
from napari_selfreg.engine.precision import choose_mode
from napari_selfreg.engine.sinks import BlendedSink, DirectSink, Sink, Target, preview
from napari_selfreg.engine.tile_loop import Plan, run_tiles
from napari_selfreg.engine.tta import VIEWS, AugmentedForward
from napari_selfreg.nets.modes import evaluating


@dataclass(frozen=True, eq=False)
class PredictRequest:
    """What to predict, with what.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        RGB; numpy, or anything sliced into numpy (then read tile by tile, in another thread).
    pixel_size : PixelSize
        Micrometres per pixel of `image`.
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    region : Box, optional
        The part to predict, in image pixels; all of it by default. Pixels around it are read too.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision : str, default "auto"
        ``fp32``, or ``auto``/``bf16``/``fp16``: half precision where a short probe says it pays.
    tta : bool, default False
        Average over eight turned and mirrored views (eight times as slow).
    uncertainty : bool, default False
        Also return how undecided the probabilities are.
    skip_glass : bool, default True
        Leave out tiles that surely show nothing but glass.
    focus : Box, optional
        The part on screen, in image pixels: predicted first, and in smaller windows throughout.
    out : array-like of a floating type, shape (K[+1], y, x), optional
        Where to write; a new float32 array by default. A memmap or zarr array keeps memory flat.
    tile : int, optional
        A window holds at most ``tile ** 2`` model pixels; chosen by device by default.
    halo : int, optional
        Context around a core in model pixels; chosen by network by default.
    """

    image: ArrayLike
    pixel_size: PixelSize
    model: Model | str | Path
    region: Box | None = None
    device: str = "auto"
    precision: str = "auto"
    tta: bool = False
    uncertainty: bool = False
    skip_glass: bool = True
    focus: Box | None = None
    out: Any = None
    tile: int | None = None
    halo: int | None = None


@dataclass(frozen=True, eq=False)
class Prediction:
    """The result.

    Parameters
    ----------
    probability : ndarray of float32, shape (K[+1], y, x)
        Probability of each foreground class, then of the contour where the model has one; on the
        image's grid, of `region`. It is the request's `out` if there was one.
    region : Box
        What was predicted, in image pixels.
    uncertainty : ndarray of float32, shape (y, x), optional
        Entropy over background and classes, from 0 (certain) to 1 (undecided).
    notes : tuple of str
        What the person should know.
    device, precision : str
        What computed it, and how: facts for the record.
    """

    probability: Any
    region: Box
    uncertainty: Floats | None = None
    notes: tuple[str, ...] = ()
    device: str = "cpu"
    precision: str = "fp32"


@dataclass(frozen=True)
class _Job:
    """A request, checked and made ready."""

    plan: Plan
    sink: Sink
    forward: Forward
    batch: BatchSize
    result: Prediction
    n_classes: int


def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
    """Predict an image; closing the generator cancels after the current tile.

    Yields
    ------
    TileDone, Notice or Progress
        A preview for every tile, visible ones first; what the person should know; a last step
        where tiles are averaged.

    Returns
    -------
    Prediction

    Raises
    ------
    BadInputError
        If the image is not RGB of uint8, the region lies outside it or an option is unknown.
    BadModelError
        If the model cannot be read, is not for RGB pictures or answers with what is no number.
    DeviceError
        If the device is unknown, absent or out of memory.
    """
    with freed_memory_kept():
        return (yield from _predict(request))


def _predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
    job = _prepare(request)
    notes = list(job.result.notes)
    for note in notes:
        yield Notice(note)
    done = 0
    with closing(run_tiles(job.plan, job.forward, job.batch)) as steps:
        for step in steps:
            if isinstance(step, Notice):
                notes.append(step.message)
                yield step
                continue
            require_numbers(step.values)
            place, part = job.sink.take(step.tile, step.values, step.box)
            done += 1
            shown = preview(None if part is None else part[: job.n_classes], place.shape)
            computed = step.values is not None
            yield TileDone(place, shown, done, done + step.remaining, computed)
    for share in job.sink.finish():
        yield Progress(round(share * done), done, "Averaging tiles")
    return replace(job.result, notes=tuple(notes))


def _prepare(request: PredictRequest) -> _Job:
    region = region_of(request.image, request.region)
    _require_bytes(request.image)
    device = resolve_device(request.device)
    model = model_for_pictures(request.model)
    # The caller may be training this network: the job runs a copy of it.
    with evaluating(model.network):
        return _made_ready(request, model, region, device)


def _made_ready(request: PredictRequest, model: Model, region: Box, device: torch.device) -> _Job:
    network, card, spec = model.network, model.card, model.tapspec
    shape = request.image.shape[0], request.image.shape[1]
    outputs = Outputs.of(card)
    grids = Grids.between(shape, request.pixel_size, PixelSize(*card.um_per_px))
    tiling = Tiling.of(network, spec, grids.model, halo=request.halo)
    mode = choose_mode(network, outputs, device, request.precision, tiling.probe_shape)
    views = len(VIEWS) if request.tta else 1
    side = largest_side(
        device,
        fused=mode.fused,
        blends=tiling.blends,
        views=views,
        watched=request.focus is not None,
    )
    tiling = tiling.sized(request.tile or side)
    prediction = Prediction(
        probability=_output(request.out, (outputs.channels, *region.shape)),
        region=region,
        uncertainty=np.zeros(region.shape, np.float32) if request.uncertainty else None,
        notes=_notes(request.precision, mode, device),
        device=str(device),
        precision=mode.precision,
    )
    target = Target(prediction.probability, prediction.uncertainty, region, outputs.n_classes)
    sink: Sink = DirectSink(grids, target)
    if tiling.blends:
        sink = BlendedSink(grids, target, outputs.channels)
    forward = build_forward(network, outputs, mode, device)
    if request.tta:
        forward = AugmentedForward(forward, turns=tiling.may_turn)
    plan = make_plan(
        tiling, grids, region, request.image, sink.wanted, request.focus, request.skip_glass
    )
    if len(plan.tiles) > 1 and not tiling.blends and grids.margin > tiling.halo:
        raise BadInputError(
            f"Pixels of {request.pixel_size.y:g} x {request.pixel_size.x:g} µm are too large for "
            "this model's tiles: correct the pixel size, or ask for a larger halo."
        )
    return _Job(plan, sink, forward, BatchSize(device), prediction, outputs.n_classes)


def region_of(image: ArrayLike, region: Box | None, channels: int = 3) -> Box:
    """Return the part of an image that is predicted.

    Parameters
    ----------
    image : array-like, shape (Y, X, channels)
        RGB, or what a network of another number of channels takes.
    region : Box, optional
        In image pixels; all of it by default.
    channels : int, default 3
        Channels the network takes.

    Returns
    -------
    Box

    Raises
    ------
    BadInputError
        If the image has other channels or no pixels, or the region lies outside it.
    """
    if len(image.shape) != 3 or image.shape[2] != channels:
        shape = " x ".join(str(side) for side in image.shape)
        kind = "An RGB image" if channels == 3 else "An image"
        raise BadInputError(f"{kind} (Y, X, {channels}) is needed; this array is {shape}.")
    if 0 in image.shape:
        raise BadInputError("The image has no pixels: choose another file.")
    whole = Box(0, 0, image.shape[0], image.shape[1])
    region = whole if region is None else region.intersect(whole)
    if region.empty:
        raise BadInputError("The region lies outside the image: choose a part of the image.")
    return region


def _require_bytes(image: ArrayLike) -> None:
    """Raise unless an image holds what cards are made for: colours from 0 to 255."""
    # Whatever is sliced into numpy may do without a dtype.
    kind = str(getattr(image, "dtype", "uint8")).removeprefix("torch.")
    if kind != "uint8":
        raise BadInputError(
            f"An image of uint8, with values from 0 to 255, is needed; this array is of {kind}: "
            'scale its values to that range, then convert it with astype("uint8").'
        )


def model_for_pictures(model: Model | str | Path) -> Model:
    """Return the model, loaded if it is a name or a file.

    Raises
    ------
    BadModelError
        If it cannot be read or is not for RGB pictures.
    """
    model = load_model(model) if isinstance(model, str | Path) else model
    card = model.card
    if card.spatial_dims != 2 or card.in_channels != 3 or len(card.um_per_px) != 2:
        raise BadModelError(
            f"The model {card.name!r} is not for RGB pictures: choose one of 2 dimensions "
            "and 3 channels."
        )
    return model


def require_numbers(values: Floats | None) -> None:
    """Raise if a network answered with what is no number: it would pass for background.

    Parameters
    ----------
    values : ndarray of float32, optional
        Probabilities of a tile; none where the network did not look.

    Raises
    ------
    BadModelError
        If one of them is not finite.
    """
    # A sum is not finite as soon as one part is not, and probabilities cannot overflow it.
    if values is not None and not np.isfinite(values.sum()):
        raise BadModelError(
            "The model's answer is not a number: its weights are damaged, or half precision is "
            "too coarse for it. Ask for precision fp32, or choose another model."
        )


def _output(out: Any, shape: tuple[int, ...]) -> Any:
    if out is None:
        return np.zeros(shape, np.float32)
    if tuple(out.shape) != shape:
        raise BadInputError(f"`out` must have shape {shape}, it has {tuple(out.shape)}.")
    if not np.issubdtype(getattr(out, "dtype", np.float32), np.floating):
        raise BadInputError(
            f"`out` takes probabilities from 0 to 1: it must be of float32, not of {out.dtype}."
        )
    return out


def _notes(wanted: str, mode: Mode, device: torch.device) -> tuple[str, ...]:
    if wanted in ("auto", mode.precision):
        return ()
    return (f"{wanted} is not faster on this {device.type}: {mode.precision} is used.",)
