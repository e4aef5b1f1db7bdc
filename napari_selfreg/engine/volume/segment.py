"""Jobs: classes of a volume, from a file or from an array that is already open.

Every voxel gets the likeliest class: labels are class ids, not objects. What is counted as
``objects`` are the classes of the model that were found.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.blocks import Spans, slices
from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.volume.measurements import Measurements, measure_classes
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.forward import Floats
from napari_selfreg.engine.volume.labelling import to_labels
from napari_selfreg.engine.volume.predict import (
    Triple,
    VolumePredictRequest,
    model_for_volumes,
    predict_volume,
)
from napari_selfreg.io.geojson import six_digits
from napari_selfreg.io.handmade import require_replaceable, why_kept_volume
from napari_selfreg.io.outputs import check_writable
from napari_selfreg.io.pixel_size import Um, as_pixel_size
from napari_selfreg.io.volume.checks import require_voxel_size
from napari_selfreg.io.volume.grid import Grid
from napari_selfreg.io.volume.names import is_nifti, volume_stem
from napari_selfreg.io.volume.outputs import write_volume_results
from napari_selfreg.io.volume.reading import is_volume_path, read_volume


class VolumeOutputFiles(TypedDict):
    """Files of one volume."""

    labels: str
    measurements: str


class VolumeSegmentResult(TypedDict):
    """What ``segment --json`` prints for one volume.

    ``objects`` counts the classes that were found; megapixels are millions of voxels.
    """

    image: str
    objects: int
    seconds: float
    megapixels_per_second: float
    outputs: VolumeOutputFiles


@dataclass(frozen=True, eq=False)
class VolumeSegmentRequest:
    """Which file to segment, with what, and where the results go.

    Parameters
    ----------
    image_path : str or Path
        NIfTI, or a TIFF that holds a grey stack.
    model : Model, str or Path
        A loaded model (its loading is then not part of ``seconds``), or name or file of a bundle.
    output_dir : str or Path
        Folder for the results; made if it is missing.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, for files that do not state their place in space.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision : str, default "auto"
        ``fp32``, or ``auto``: half precision where it pays.
    """

    image_path: str | Path
    model: Model | str | Path
    output_dir: str | Path
    spacing: Triple | None = None
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, eq=False)
class VolumeArrayRequest:
    """A volume in memory, and what to segment of it.

    Parameters
    ----------
    volume : ndarray of any real type, shape (Z, Y, X)
        Intensities as stored.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    model : Model, str or Path
        A loaded model, or name or file of a bundle.
    region : tuple of (int, int), optional
        First and one after the last voxel along each axis; all by default.
    affine : ndarray of float64, shape (4, 4), optional
        Takes the index (x, y, z, 1) of a voxel to millimetres in space, for centroids.
    device, precision : str
        As in `VolumeSegmentRequest`.
    """

    volume: npt.NDArray[Any]
    spacing: Triple
    model: Model | str | Path
    region: Spans | None = None
    affine: npt.NDArray[np.float64] | None = None
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, eq=False)
class VolumeResult:
    """Classes of a region.

    Parameters
    ----------
    labels : ndarray of int32, shape (z, y, x)
        Class ids, 0 = background, of `region`.
    region : tuple of (int, int)
        What was segmented.
    table : dict of str to ndarray
        Measurements, one row per class; see `napari_selfreg.core.volume.measurements`.
    probability : ndarray of float32, shape (K[+1], z, y, x)
        Each class, then the contour where the model has one.
    notes : tuple of str
        What the person should know.
    """

    labels: npt.NDArray[np.int32]
    region: Spans
    table: Measurements
    probability: Floats
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class VolumeFileResult:
    """A file that was segmented, without its voxels.

    Parameters
    ----------
    document : dict
        What ``segment --json`` prints.
    grid : Grid
        Where its voxels lie.
    table : dict of str to ndarray
        Measurements, one row per class.
    """

    document: VolumeSegmentResult
    grid: Grid
    table: Measurements


def segment_volume(request: VolumeSegmentRequest) -> Generator[Event, None, VolumeSegmentResult]:
    """Segment a file as `segment_volume_file` does.

    Returns
    -------
    dict
        ``image``, ``objects``, ``seconds`` (from opening the file to the last file written),
        ``megapixels_per_second`` and ``outputs``.
    """
    return (yield from segment_volume_file(request)).document


def segment_volume_file(request: VolumeSegmentRequest) -> Generator[Event, None, VolumeFileResult]:
    """Segment a file; write ``<stem>_labels.nii.gz`` and ``<stem>_measurements.csv``.

    Parameters
    ----------
    request : VolumeSegmentRequest

    Yields
    ------
    Event
        As `predict_volume`, and a notice for what was assumed about the file.

    Returns
    -------
    VolumeFileResult

    Raises
    ------
    BadInputError
        If the file is no volume, cannot be read or is too large for the memory.
    CorrectedError
        If a person has corrected an earlier result in that folder, or may have.
    BadModelError, DeviceError, WriteError
        If the model, the device or the folder cannot be used; nothing is left half-written.
    """
    model = model_for_volumes(request.model)
    path = Path(request.image_path)
    check_writable(request.output_dir)
    began = time.perf_counter()
    require_volume_file(path, model)
    require_replaceable(why_kept_volume(request.output_dir, volume_stem(path)))
    volume = read_volume(path, request.spacing)
    for sentence in volume.notes:
        yield Notice(sentence)
    found = yield from segment_volume_array(
        VolumeArrayRequest(
            volume.voxels,
            volume.spacing,
            model,
            affine=volume.affine,
            device=request.device,
            precision=request.precision,
        )
    )
    yield Progress(0, 0, "Writing results")
    require_replaceable(
        why_kept_volume(request.output_dir, volume.stem)
    )  # saved meanwhile, perhaps
    files = write_volume_results(
        request.output_dir, found.labels, found.table, volume, model=model.card.name
    )
    seconds = time.perf_counter() - began
    document: VolumeSegmentResult = {
        "image": str(request.image_path),
        "objects": int(np.count_nonzero(found.table["voxels"])),
        "seconds": round(seconds, 4),
        "megapixels_per_second": six_digits(volume.voxels.size / 1e6 / seconds),
        "outputs": {"labels": str(files["labels"]), "measurements": str(files["measurements"])},
    }
    return VolumeFileResult(document, volume.grid, found.table)


def segment_volume_array(request: VolumeArrayRequest) -> Generator[Event, None, VolumeResult]:
    """Find and measure the classes of a volume or of a part of it.

    Parameters
    ----------
    request : VolumeArrayRequest

    Yields
    ------
    Event
        As `predict_volume`; closing the job there cancels it.

    Returns
    -------
    VolumeResult

    Raises
    ------
    BadInputError, BadModelError, DeviceError
        As `predict_volume`.
    """
    model = model_for_volumes(request.model)
    prediction = yield from predict_volume(
        VolumePredictRequest(
            request.volume,
            request.spacing,
            model,
            region=request.region,
            device=request.device,
            precision=request.precision,
        )
    )
    yield Progress(0, 0, "Measuring")
    labels = to_labels(prediction.probability, model.card.n_classes)
    table = measure_classes(
        labels,
        request.volume[slices(prediction.region)],
        request.spacing,
        model.card.classes,
        _moved(request, prediction.region),
    )
    return VolumeResult(labels, prediction.region, table, prediction.probability, prediction.notes)


def require_volume_file(path: Path, model: Model) -> None:
    """Refuse a picture for a model of volumes.

    Raises
    ------
    BadInputError
        If the file exists and is no volume.
    """
    if path.exists() and not is_volume_path(path):
        raise BadInputError(
            f"{path.name} is no volume and the model {model.card.name} is for volumes: choose a "
            "model for pictures, or a NIfTI file."
        )


def require_picture_file(path: Path, model: Model) -> None:
    """Refuse a volume for a model of pictures.

    Raises
    ------
    BadModelError
        If the file is a NIfTI file.
    """
    if is_nifti(path):
        raise BadModelError(
            f"{path.name} is a volume and the model {model.card.name} is for pictures: choose a "
            "model for volumes."
        )


def spacing_of(um_per_px: Um | None) -> Triple | None:
    """Return millimetres per voxel for a pixel size in µm, which then holds for slices too.

    Raises
    ------
    BadInputError
        If pixels are not square (nothing is said about slices then), or no scanner makes them.
    """
    if um_per_px is None:
        return None
    size = as_pixel_size(um_per_px)
    if size.y != size.x:
        raise BadInputError("Voxels of a volume need one size: give one number of micrometres.")
    spacing = (size.x / 1000,) * 3
    require_voxel_size(spacing)
    return spacing


def _moved(request: VolumeArrayRequest, region: Spans) -> npt.NDArray[np.float64]:
    """Return the affine of the region, whose first voxel is not that of the volume."""
    affine = request.affine
    if affine is None:
        affine = np.diag([*request.spacing[::-1], 1.0])
    moved: npt.NDArray[np.float64] = affine.copy()
    first = np.array([start for start, _ in reversed(region)], dtype=np.float64)
    moved[:3, 3] += affine[:3, :3] @ first
    return moved
