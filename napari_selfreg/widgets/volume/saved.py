"""Results of volumes that were saved earlier, back as a layer."""

from __future__ import annotations

import csv
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.card import Card
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.outputs import CORRECTED
from napari_selfreg.io.volume import Grid, read_volume_labels, same_grid, volume_stem
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.widgets.result_info import mark_touched
from napari_selfreg.widgets.volume.layers import volume_of
from napari_selfreg.widgets.volume.result_info import VolumeResultInfo
from napari_selfreg.widgets.volume.run import add_classes, info_of
from napari_selfreg.widgets.volume.segment_job import VolumeFound


@dataclass(frozen=True, slots=True, eq=False)
class SavedVolume:
    """What the two files of a result say.

    Parameters
    ----------
    labels : ndarray of int32, shape (Z, Y, X)
        Class ids.
    grid : Grid
        Where they lie.
    classes : tuple of str
        Names of the class ids 1 … K.
    model, version : str
        What found them.
    corrected : bool
        Whether a person has changed them.
    """

    labels: npt.NDArray[np.int32]
    grid: Grid
    classes: tuple[str, ...]
    model: str
    version: str
    corrected: bool = False


def load_saved_volume(
    path: Path, directory: Path | None
) -> Generator[Event, None, SavedVolume | None]:
    """Read what was saved of a volume earlier, None if nothing was.

    Raises
    ------
    BadInputError
        If its files cannot be read.
    """
    yield Progress(0, 0, f"Reading the results of {path.name}")
    folder = directory if directory is not None else results_folder(path)
    files = volume_output_paths(folder, volume_stem(path))
    if not files["labels"].is_file():
        return None
    labels, grid = read_volume_labels(files["labels"])
    try:
        with files["measurements"].open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        names = {int(row["label"]): row["class"] for row in rows}
        model = rows[0]["model"] if rows else ""
        version = rows[0].get("model_version", "") if rows else ""
        corrected = bool(rows and rows[0].get(CORRECTED))
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise BadInputError(
            f"The saved measurements of {path.name} cannot be read: segment it again."
        ) from error
    last = max([*names, int(labels.max(initial=0))], default=0)
    classes = tuple(names.get(number, f"class {number}") for number in range(1, last + 1))
    return SavedVolume(labels, grid, classes, model, version, corrected)


def show_saved_volume(
    viewer: Any, image: Any, saved: SavedVolume, card: Card | None = None, version: str = ""
) -> Any:
    """Add saved classes to their volume.

    Parameters
    ----------
    viewer : napari.Viewer
    image : napari.layers.Image
        The volume.
    saved : SavedVolume
        What its files say.
    card : Card, optional
        Of the model that has just found them; the files say less of it.
    version : str
        First digits of that model's SHA-256.

    Returns
    -------
    napari.layers.Labels or None
        None where they do not lie on it.
    """
    try:
        view = volume_of(image)
    except SelfRegError:
        return None
    if not same_grid(view.grid, saved.grid):
        return None
    table = measure_classes(
        saved.labels, None, saved.grid.spacing, saved.classes, saved.grid.affine
    )
    if card is not None:
        info = info_of(view, image, card, version)
    else:
        info = VolumeResultInfo(
            model_name=saved.model,
            model_title=saved.model,
            model_version=saved.version,
            classes=saved.classes,
            image_layer_id=image.unique_id,
            grid=view.grid,
            order=view.order,
        )
    found = VolumeFound(view.as_layer(saved.labels), table, (), info.model_version)
    added = add_classes(viewer, image, found, info)
    if saved.corrected:
        mark_touched(added)
    return added
