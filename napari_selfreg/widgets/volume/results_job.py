"""Measure the classes of a volume as they are now, and save them; runs in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.volume.measurements import Measurements, measure_classes
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.volume.outputs import write_volume_results
from napari_selfreg.widgets.volume.layers import VolumeView
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo

ANOTHER = "another class"


@dataclass(frozen=True, slots=True, eq=False)
class VolumeSnapshot:
    """What a job needs to know of a result layer; taken on the main thread.

    Parameters
    ----------
    labels : ndarray of int
        Class ids, in the axes of the layer.
    info : VolumeResultInfo
    view : VolumeView or None
        The volume, while it is there.
    touched : bool
        Whether a person has changed the classes.
    """

    labels: npt.NDArray[np.integer[Any]]
    info: VolumeResultInfo
    view: VolumeView | None = None
    touched: bool = False

    def classes(self) -> npt.NDArray[np.int32]:
        """Return the class ids, shape (Z, Y, X)."""
        turned = np.asarray(self.labels).transpose(self.info.order)
        return np.ascontiguousarray(turned, dtype=np.int32)


def measure_volume(snapshot: VolumeSnapshot) -> Generator[Event, None, Measurements]:
    """Measure every class of the model, and those that a person has drawn beside them."""
    yield Progress(0, 0, "Measuring")
    return table_of_volume(snapshot, snapshot.classes())


def table_of_volume(snapshot: VolumeSnapshot, labels: npt.NDArray[np.int32]) -> Measurements:
    """Return one row per class; ids beyond those of the model have rows too."""
    info, view = snapshot.info, snapshot.view
    more = range(len(info.classes) + 1, int(labels.max(initial=0)) + 1)
    names = (*info.classes, *(f"{ANOTHER} {number}" for number in more))
    voxels = None if view is None else view.read()
    return measure_classes(labels, voxels, info.grid.spacing, names, info.grid.affine)


def save_volume(snapshot: VolumeSnapshot, folder: Path) -> Generator[Event, None, dict[str, Path]]:
    """Write ``<stem>_labels.nii.gz`` and ``<stem>_measurements.csv`` together.

    Raises
    ------
    WriteError
        If the folder cannot be written; every file stays as it was.
    """
    yield Progress(0, 0, "Measuring")
    labels, info = snapshot.classes(), snapshot.info
    table = table_of_volume(snapshot, labels)
    yield Progress(0, 0, "Writing the files")
    return write_volume_results(
        folder,
        labels,
        table,
        info.grid,
        model=info.model_name,
        version=info.model_version,
        corrected=snapshot.touched,
    )
