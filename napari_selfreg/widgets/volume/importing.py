"""Labels of other programs onto an open volume: NIfTI files and TIFF stacks of class ids."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.volume import read_volume_labels, require_same_grid
from napari_selfreg.io.volume.names import VOLUME_SUFFIXES
from napari_selfreg.widgets.result_info import IMPORTED
from napari_selfreg.widgets.volume.layers import VolumeView, volume_of
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo
from napari_selfreg.widgets.volume.run import add_classes
from napari_selfreg.widgets.volume.segment_job import VolumeFound

VOLUME_IMPORT_FILTER = (
    f"Labels of volumes ({' '.join(f'*{each}' for each in VOLUME_SUFFIXES)});;All files (*)"
)
"""For file dialogs."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeImport:
    """Which labels go onto which volume.

    Parameters
    ----------
    path : Path
        The label file.
    view : VolumeView
        The volume.
    """

    path: Path
    view: VolumeView


def take_volume_import(image: Any, path: Path) -> VolumeImport:
    """Return what is needed to read labels onto a volume layer.

    Raises
    ------
    BadInputError
        If the layer is no volume, or a single slice.
    """
    return VolumeImport(path, volume_of(image))


def run_volume_import(request: VolumeImport) -> Generator[Event, None, VolumeFound]:
    """Read labels and measure them; runs in a thread.

    Raises
    ------
    BadInputError
        If the file cannot be read, labels nothing, or does not lie on the volume voxel for voxel.
    """
    path, view = request.path, request.view
    yield Progress(0, 0, f"Reading {path.name}")
    labels, grid = read_volume_labels(path)
    if grid.affine is None and grid.notes:  # what it does not state itself cannot disagree
        grid = replace(grid, spacing=view.grid.spacing)
    require_same_grid(view.grid, grid)
    if not labels.any():
        raise BadInputError(
            f"{path.name} labels nothing: choose the label file of {view.grid.stem}."
        )
    yield Progress(0, 0, "Measuring")
    names = tuple(f"class {number}" for number in range(1, int(labels.max()) + 1))
    table = measure_classes(labels, view.read(), view.grid.spacing, names, view.grid.affine)
    return VolumeFound(view.as_layer(labels), table)


def add_imported(viewer: Any, image: Any, request: VolumeImport, found: VolumeFound) -> Any:
    """Add imported classes to their volume.

    Returns
    -------
    napari.layers.Labels
    """
    info = VolumeResultInfo(
        model_name=IMPORTED,
        model_title="Imported labels",
        model_version="",
        classes=tuple(map(str, found.table["class"].tolist())),
        image_layer_id=image.unique_id,
        grid=request.view.grid,
        order=request.view.order,
    )
    return add_classes(viewer, image, found, info)


def describe_import(request: VolumeImport, found: VolumeFound) -> str:
    """Return what was imported, in one sentence."""
    count = sum(1 for voxels in found.table["voxels"].tolist() if voxels)
    return f"{count} class{'es' * (count != 1)} imported from {request.path.name}."
