"""What the Segment panel asks for a volume, and the job that does it in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.bundle import sha256
from napari_selfreg.widgets.segment_job import VERSION_DIGITS, start_engine
from napari_selfreg.widgets.volume.layers import VolumeView


@dataclass(frozen=True, slots=True, eq=False)
class VolumeRequest:
    """A snapshot of everything the job needs; it never touches a layer.

    Parameters
    ----------
    view : VolumeView
        What to segment.
    model : Path
        A bundle.
    device, precision : str
        As in the Segment panel.
    """

    view: VolumeView
    model: Path
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class VolumeFound:
    """What the job has found.

    Parameters
    ----------
    labels : ndarray of int32
        Class ids, on the voxels and in the axes of the layer.
    table : dict of str to ndarray
        One row per class, as `napari_selfreg.core.volume.measurements` has them.
    notes : tuple of str
        What a person should know.
    version : str
        First digits of the bundle's SHA-256.
    """

    labels: npt.NDArray[np.int32]
    table: dict[str, npt.NDArray[Any]]
    notes: tuple[str, ...] = ()
    version: str = ""


def run_volume_segment(request: VolumeRequest) -> Generator[Event, None, VolumeFound]:
    """Find the classes of a volume; the engine is first imported here, in the job's thread."""
    yield from start_engine()
    from napari_selfreg.engine.volume.segment import VolumeArrayRequest, segment_volume_array

    yield Progress(0, 0, "Reading the volume")
    view = request.view
    found = yield from segment_volume_array(
        VolumeArrayRequest(
            view.read(),
            view.spacing,
            request.model,
            affine=view.grid.affine,
            device=request.device,
            precision=request.precision,
        )
    )
    notes = (*view.notes, *found.notes)
    version = sha256(request.model)[:VERSION_DIGITS]
    return VolumeFound(view.as_layer(found.labels), found.table, notes, version)
