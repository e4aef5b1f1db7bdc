"""Volumes from files: as layers, as rows of the field list, and as the parts of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError, SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.fields import THUMBNAIL_SIDE, FieldFacts, results_folder
from napari_selfreg.io.images import image_paths, natural_order
from napari_selfreg.io.volume import layer_scale, layer_translate, read_volume
from napari_selfreg.io.volume.datasets import open_volume_folder
from napari_selfreg.io.volume.grid import Volume
from napari_selfreg.io.volume.outputs import volume_output_paths
from napari_selfreg.io.volume.paths import volume_paths
from napari_selfreg.widgets.image_layers import SOURCE_KEY, LayerDataTuple, SourceInfo
from napari_selfreg.widgets.volume.layers import AXES, VOLUME_KEY

_PERCENTILES = (0.5, 99.5)
"""A few voxels of 1e6 would leave everything else black."""

_UM_PER_MM = 1000.0


def open_volume_layer(path: Path, folder: Path | None = None, *, name: str = "") -> LayerDataTuple:
    """Open a volume as a grey layer; safe in any thread.

    It is in millimetres, or in pixels while nobody has said how large its voxels are.

    Parameters
    ----------
    path : Path
        NIfTI, or a TIFF that holds a grey stack.
    folder : Path, optional
        The folder it was opened with.
    name : str
        Name of the layer; the stem without it.

    Raises
    ------
    BadInputError
        One sentence with the file and the remedy.
    """
    volume = read_volume(path)
    info = SourceInfo(
        path, volume.stem, stated_size(volume), False, folder=folder, warnings=volume.notes
    )
    arguments = {
        "name": name or volume.stem,
        "rgb": False,
        "multiscale": False,
        "scale": layer_scale(volume),
        "translate": layer_translate(volume),
        "units": ("millimeter" if info.stated is not None else "pixel",) * 3,
        "axis_labels": AXES,
        "contrast_limits": contrast_limits(volume.voxels),
        "metadata": {SOURCE_KEY: info, VOLUME_KEY: volume.grid},
    }
    return volume.voxels, arguments, "image"


def contrast_limits(voxels: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the lowest and highest intensity but for a few voxels, never the same."""
    low, high = (float(each) for each in np.percentile(voxels, _PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def read_volume_facts(path: Path) -> FieldFacts:
    """Look at a volume for the field list; its thumbnail is the middle slice.

    Raises
    ------
    BadInputError
        If it cannot be read.
    """
    volume = read_volume(path)
    slices, rows, columns = volume.shape
    return FieldFacts((rows, columns), stated_size(volume), thumbnail(volume), slices)


def stated_size(volume: Volume) -> PixelSize | None:
    """Return the size of pixels in a slice, in micrometres, if the file states it.

    Voxels of 1 × 1 × 1 mm without a place are what is taken, or written, where nobody knows.
    """
    if volume.affine is None and volume.spacing == (1.0, 1.0, 1.0):
        return None
    return PixelSize(volume.spacing[1] * _UM_PER_MM, volume.spacing[2] * _UM_PER_MM)


def thumbnail(volume: Volume) -> npt.NDArray[np.uint8]:
    """Return the middle slice as a small grey picture (y, x, 3), the way the window shows it."""
    plane = volume.voxels[volume.shape[0] // 2]
    step = max(1, -(-max(plane.shape) // THUMBNAIL_SIDE))
    low, high = contrast_limits(plane)
    grey = np.clip((plane[::step, ::step] - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    if volume.affine is not None:  # rows run to the front, which is shown at the top
        grey = grey[::-1]
    return np.repeat(grey[..., None], 3, axis=2)


def has_volume_results(path: Path, stem: str, directory: Path | None = None) -> bool:
    """Tell whether the files of a result lie in a folder, or in the usual one beside the volume."""
    folder = directory if directory is not None else results_folder(path)
    return all(file.is_file() for file in volume_output_paths(folder, stem).values())


def paths_in(path: Path) -> list[Path]:
    """List a file, or the pictures and volumes of a folder.

    Folders of data sets (``imagesTr`` or ``images`` beside labels) are listed by their volumes.

    Raises
    ------
    BadInputError
        If a folder holds neither.
    """
    if not path.is_dir():
        return image_paths(path)
    found: dict[Path, None] = {}
    problem: SelfRegError | None = None
    for look in (image_paths, volume_paths):
        try:
            found.update(dict.fromkeys(look([path])))
        except BadInputError as error:
            problem = problem or error
    if found:
        return sorted(found, key=natural_order)
    cases = _cases(path)
    if not cases and problem is not None:
        raise problem
    return cases


def _cases(folder: Path) -> list[Path]:
    try:
        return [case.image for case in open_volume_folder(folder).cases]
    except SelfRegError:
        return []
