"""What the segmentation jobs are asked and what they return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.measurements import Measurements
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.bundles import Model
from napari_selfreg.io.outputs import Origin
from napari_selfreg.io.pixel_size import Um
from napari_selfreg.io.qupath_tiles import SlidePlace


@dataclass(frozen=True)
class SegmentRequest:
    """Which file to segment, with what, and where the results go.

    Parameters
    ----------
    image_path : str or Path
        An image or slide.
    model : Model, str or Path
        A loaded model (its loading is then not part of ``seconds``), or name or file of a bundle.
    output_dir : str or Path
        Folder for the results; made if it is missing.
    um_per_px : float, (float, float) or PixelSize, optional
        Pixel size in µm, one number or y and x; wins over what the file states.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    tta : bool, default False
        Average over eight turned and mirrored views (eight times as slow).
    place : SlidePlace, optional
        Where the image lies on a slide, whose pixels the outlines are then in; read from the names
        that QuPath's tile exporter gives.
    compressed : bool, default False
        Write outlines as ``.geojson.gz``.
    settings : PostProcessing, optional
        How probabilities become objects; the model's own way by default.
    require_pixel_size : bool, default False
        Refuse an image whose pixel size nobody states, instead of assuming the model's.
    precision : str, default "auto"
        ``fp32``, or ``auto``: half precision where it pays.
    skip_glass : bool, default True
        Leave out windows that surely show nothing but glass.
    """

    image_path: str | Path
    model: Model | str | Path
    output_dir: str | Path
    um_per_px: Um | None = None
    device: str = "auto"
    tta: bool = False
    place: SlidePlace | None = None
    compressed: bool = False
    settings: PostProcessing | None = None
    require_pixel_size: bool = False
    precision: str = "auto"
    skip_glass: bool = True


class OutputFiles(TypedDict):
    """Files of one image."""

    objects: str
    geojson: str
    measurements: str


class SegmentResult(TypedDict):
    """What ``segment --json`` prints for one image."""

    image: str
    objects: int
    seconds: float
    megapixels_per_second: float
    outputs: OutputFiles


@dataclass(frozen=True)
class ArraySegmentRequest:
    """A picture in memory, or anything that slices into numpy, and what to segment of it.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        RGB.
    pixel_size : PixelSize
        Of `image`.
    model : Model, str or Path
        A loaded model, or name or file of a bundle.
    region : Box, optional
        Part of the image in pixels; all of it by default.
    mask : ndarray of bool, shape of `region`, optional
        Pixels that may belong to objects; all by default.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    focus : Box, optional
        The part on screen: predicted first.
    tta : bool, default False
        Average over eight turned and mirrored views (eight times as slow).
    uncertainty : bool, default False
        Also return how undecided the probabilities are.
    settings : PostProcessing, optional
        How probabilities become objects; the model's own way by default.
    precision : str, default "auto"
        ``fp32``, or ``auto``: half precision where it pays.
    enough : callable, optional
        Asked after every tile: whether to stop there and keep what is finished.
    skip_glass : bool, default True
        Leave out windows that surely show nothing but glass.
    """

    image: ArrayLike
    pixel_size: PixelSize
    model: Model | str | Path
    region: Box | None = None
    mask: npt.NDArray[np.bool_] | None = None
    device: str = "auto"
    focus: Box | None = None
    tta: bool = False
    uncertainty: bool = False
    settings: PostProcessing | None = None
    precision: str = "auto"
    enough: Callable[[], bool] | None = None
    skip_glass: bool = True


@dataclass(frozen=True)
class ObjectsResult:
    """Objects of a region.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        0 = background, objects 1 … n, of `box`.
    box : Box
        What was segmented, in image pixels.
    table : dict of str to ndarray
        Measurements, one row per object; see `napari_selfreg.core.measurements`.
    probability : ndarray of float, shape (K[+1], y, x)
        Each class, then the contour where the model has one.
    notes : tuple of str
        What the person should know.
    uncertainty : ndarray of float32, shape (y, x), optional
        From 0 (certain) to 1 (undecided), if it was asked for.
    version : str
        First digits of the bundle's SHA-256, where that is known.
    device, precision : str
        What computed the probabilities, and how.
    """

    labels: npt.NDArray[np.int32]
    box: Box
    table: Measurements
    probability: npt.NDArray[np.floating[Any]]
    notes: tuple[str, ...] = ()
    uncertainty: npt.NDArray[np.floating[Any]] | None = None
    version: str = ""
    device: str = ""
    precision: str = ""


@dataclass(frozen=True)
class FileResult:
    """A segmented file, whose results are written.

    Parameters
    ----------
    result : ObjectsResult
        Objects, in pixels of the level that was segmented.
    origin : Origin
        Where they come from; its scale leads from that level to full resolution.
    files : dict of str to Path
        ``objects``, ``geojson`` and ``measurements``.
    megapixels : float
        Of the image at full resolution.
    """

    result: ObjectsResult
    origin: Origin
    files: dict[str, Path]
    megapixels: float
