"""Job: probabilities of each class for a volume, on the volume's own grid.

Intensities are normalised over the whole volume, it is resampled to the model's voxel size and
predicted, and the **probabilities** are resampled back. Networks of convolutions, pooling and batch
normalisation are computed in parts that give exactly what one forward of the whole gives
(`napari_selfreg.engine.volume.stream`); others of that kind in tiles of core and halo, and networks
that see their whole window are averaged over overlapping windows.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_selfreg.core.blocks import Spans, common, sides, slices, whole
from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.core.volume.resample import resample, sources, to_shape
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.forward import Floats, Mode, Outputs
from napari_selfreg.engine.predict import require_numbers
from napari_selfreg.engine.volume.events import VolumeTileDone, preview
from napari_selfreg.engine.volume.forward import (
    VolumeForward,
    choose_volume_mode,
    layout_of,
    probabilities,
    record_volume,
)
from napari_selfreg.engine.volume.graph import Graph, NotLocalError
from napari_selfreg.engine.volume.room import check_room, room_on
from napari_selfreg.engine.volume.stream import Part, Streamed
from napari_selfreg.engine.volume.tiling import VolumeTiling
from napari_selfreg.engine.volume.windows import Predicted, predict_windows
from napari_selfreg.io.volume.checks import require_voxel_size

Triple = tuple[float, float, float]

_HUNDRED = 100


@dataclass(frozen=True, eq=False)
class VolumePredictRequest:
    """What to predict, with what.

    Parameters
    ----------
    volume : ndarray of any real type, shape (Z, Y, X)
        Intensities as stored.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    region : tuple of (int, int), optional
        First and one after the last voxel along each axis; all by default. What lies around it is
        read too.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision : str, default "auto"
        ``fp32``, or ``auto``/``bf16``/``fp16``: half precision where a short probe says it pays.
    roi : tuple of int, optional
        Sides of a window in voxels of the model, for networks that see their whole window; the
        size the model was trained on, or 96, by default.
    """

    volume: npt.NDArray[Any]
    spacing: Triple
    model: Model | str | Path
    region: Spans | None = None
    device: str = "auto"
    precision: str = "auto"
    roi: tuple[int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class VolumePrediction:
    """The result.

    Parameters
    ----------
    probability : ndarray of float32, shape (K[+1], z, y, x)
        Probability of each foreground class, then of the contour where the model has one; on the
        volume's grid, of `region`.
    region : tuple of (int, int)
        What was predicted.
    notes : tuple of str
        What the person should know.
    device, precision : str
        What computed it, and how: facts for the record.
    """

    probability: Floats
    region: Spans
    notes: tuple[str, ...] = ()
    device: str = "cpu"
    precision: str = "fp32"


@dataclass(frozen=True, eq=False)
class _Job:
    """A request, checked and made ready."""

    voxels: Floats
    """Normalised, of the model's voxel size and padded."""
    grid: tuple[int, int, int]
    """Shape on the model's grid before padding."""
    shape: tuple[int, int, int]
    """Shape of the volume."""
    region: Spans
    model: Model
    outputs: Outputs
    tiling: VolumeTiling
    device: torch.device
    mode: Mode

    @property
    def resampled(self) -> bool:
        """Whether the model's grid is another than the volume's."""
        return self.grid != self.shape

    @property
    def wanted(self) -> Spans:
        """What the region needs, on the model's grid."""
        if not self.resampled:
            return self.region
        return sources(self.grid, self.shape, self.region)


def predict_volume(request: VolumePredictRequest) -> Generator[Event, None, VolumePrediction]:
    """Predict a volume; closing the generator cancels after the current tile.

    Parameters
    ----------
    request : VolumePredictRequest

    Yields
    ------
    VolumeTileDone, Progress or Notice
        `Progress` in hundredths, with a `VolumeTileDone` for every part that is predicted; a
        notice where memory ran out and tiles became smaller.

    Returns
    -------
    VolumePrediction

    Raises
    ------
    BadInputError
        If the array is no volume, the region lies outside it, an option is unknown, or the volume
        is too large for the memory.
    BadModelError
        If the model cannot be read, is not for volumes or answers with what is no number.
    DeviceError
        If the device is unknown, absent or out of memory.
    """
    yield Progress(0, _HUNDRED, "Preparing the volume")
    with freed_memory_kept():
        job = _prepare(request)
        notes: list[str] = []
        out = np.zeros((job.outputs.channels, *sides(job.wanted)), np.float32)
        with closing(_parts(job, out)) as steps:
            for step in steps:
                if isinstance(step, Predicted):
                    require_numbers(step.values)
                    if step.values is not None:
                        yield _shown(job, step.place, step.values, step.done)
                    yield Progress(int(_HUNDRED * step.done), _HUNDRED, "Segmenting the volume")
                else:
                    notes += [step.message] if isinstance(step, Notice) else []
                    yield step
        return VolumePrediction(
            _back(job, out), job.region, tuple(notes), str(job.device), job.mode.precision
        )


def model_for_volumes(model: Model | str | Path) -> Model:
    """Return the model, loaded if it is a name or a file.

    Raises
    ------
    BadModelError
        If it cannot be read or is not for volumes of one channel.
    """
    model = load_model(model) if isinstance(model, str | Path) else model
    card = model.card
    if card.spatial_dims != 3 or card.in_channels != 1:
        raise BadModelError(
            f"The model {card.name!r} is not for volumes: choose one of 3 dimensions and 1 channel."
        )
    return model


def _prepare(request: VolumePredictRequest) -> _Job:
    shape, region = _checked(request)
    device = resolve_device(request.device)
    model = model_for_volumes(request.model)
    outputs = Outputs.of(model.card)
    target = (
        model.card.um_per_px[0] / 1000,
        model.card.um_per_px[1] / 1000,
        model.card.um_per_px[2] / 1000,
    )
    voxels = resample(normalise(request.volume), request.spacing, target, 1)
    grid = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    tiling = VolumeTiling.of(model.network, model.tapspec, grid, request.roi or trained_on(model))
    behind = [(0, limit - side) for limit, side in zip(tiling.limits, grid, strict=True)]
    mode = choose_volume_mode(model.network, outputs, device, request.precision, tiling.sample)
    return _Job(
        np.pad(voxels, behind, mode="edge"), grid, shape, region, model, outputs, tiling, device,
        mode,
    )  # fmt: skip


def _checked(request: VolumePredictRequest) -> tuple[tuple[int, int, int], Spans]:
    shape = tuple(request.volume.shape)
    if len(shape) != 3:
        text = " x ".join(map(str, shape))
        raise BadInputError(f"A volume (Z, Y, X) of one channel is needed; this array is {text}.")
    if 0 in shape:
        raise BadInputError("The volume has no voxels: choose another file.")
    require_voxel_size(request.spacing)
    if request.region is not None and len(request.region) != 3:
        raise BadInputError("The region of a volume needs a range for each of z, y and x.")
    region = whole(shape) if request.region is None else common(request.region, whole(shape))
    if 0 in sides(region):
        raise BadInputError("The region lies outside the volume: choose a part of the volume.")
    return (shape[0], shape[1], shape[2]), region


def trained_on(model: Model) -> tuple[int, int, int] | None:
    """Return the sides of the windows a model was trained on, if its card says."""
    for table in (model.card.training, model.card.recipe):
        patch = table.get("patch")
        if isinstance(patch, list) and len(patch) == 3 and all(isinstance(n, int) for n in patch):
            z, y, x = (int(str(side)) for side in patch)
            return z, y, x
    return None


def _parts(job: _Job, out: Floats) -> Generator[Predicted | Event, None, None]:
    """Predict what is wanted, in the way that suits the network."""
    graph = None if job.tiling.blends else _graph(job)
    if graph is None:
        forward = VolumeForward(job.model.network, job.outputs, job.mode, job.device)
        return predict_windows(job.voxels, job.wanted, job.tiling, forward, out)
    return _streamed(job, graph, out)


def _graph(job: _Job) -> Graph | None:
    try:
        return record_volume(job.model.network, job.mode, job.device, job.tiling.sample)
    except NotLocalError:
        return None


def _streamed(job: _Job, graph: Graph, out: Floats) -> Generator[Predicted | Event, None, None]:
    room = room_on(job.device)
    check_room(graph, job.voxels.shape, job.wanted, room)
    layout = layout_of(job.mode)
    image = torch.from_numpy(job.voxels)[None, None].to(job.device, graph.dtype)
    stream = Streamed(graph, image.contiguous(memory_format=layout), room, layout)
    with closing(stream.run(job.wanted)) as steps:
        for step in steps:
            if not isinstance(step, Part):
                yield step
                continue
            values = None
            if step.values is not None:
                values = probabilities(step.values, job.outputs)
                out[(slice(None), *slices(step.place, job.wanted))] = values
            yield Predicted(step.place, values, step.done)


def _back(job: _Job, out: Floats) -> Floats:
    """Return probabilities of the region on the volume's grid."""
    if not job.resampled:
        return out
    if job.wanted == whole(job.grid):
        found = to_shape(out, job.shape)
    else:
        everywhere = np.zeros((len(out), *job.grid), np.float32)
        everywhere[(slice(None), *slices(job.wanted))] = out
        found = to_shape(everywhere, job.shape)
    return found[(slice(None), *slices(job.region))]


def _shown(job: _Job, part: Spans, values: Floats, done: float) -> VolumeTileDone:
    """Return what a person may see of a part, placed on the volume's own grid."""
    axes = zip(part, job.grid, job.shape, strict=True)
    place = tuple(
        (round(start * own / new), round(stop * own / new)) for (start, stop), new, own in axes
    )
    classes = values[: job.outputs.n_classes]
    return VolumeTileDone(common(place, job.region), preview(classes), done)
