"""From an opened image to the layer that shows it: one way for panel, reader and samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.io.pixel_size import plausible
from napari_selfreg.io.sources import ImageSource
from napari_selfreg.widgets.layers import ORIGIN_KEY, pixel_size_of

SOURCE_KEY = "napari_selfreg_source"
"""Metadata key of an image layer: its `SourceInfo`."""

CHOSEN = "chosen here"
REMEMBERED = "chosen for this folder"

LayerDataTuple = tuple[Any, dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Which file an image layer shows.

    Parameters
    ----------
    path : Path
        The file.
    stem : str
        Its name without folders and suffix, for outputs.
    stated : PixelSize or None
        Pixel size of full resolution as the file states it; None if it states none or an absurd
        one.
    lazy : bool
        Whether pixels are read from disk when they are looked at.
    downsamples : tuple of (float, float)
        Pixels of full resolution per pixel of each level, along y and x.
    folder : Path or None
        The folder a person has opened, if it was one: its other images are fields too.
    warnings : tuple of str
        What was assumed while reading.
    """

    path: Path
    stem: str
    stated: PixelSize | None
    lazy: bool
    downsamples: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    folder: Path | None = None
    warnings: tuple[str, ...] = ()


def layer_data(
    source: ImageSource, path: Path, *, folder: Path | None = None, name: str = ""
) -> LayerDataTuple:
    """Return what napari needs to show an opened image.

    Pyramids stay on disk, as do single levels that are read piece by piece; the pixel size
    becomes scale and units. The file must stay open as long as the layer lives.

    Parameters
    ----------
    source : ImageSource
        The opened image.
    path : Path
        Its file.
    folder : Path, optional
        The folder that was opened, if it was one.
    name : str
        Name of the layer; the stem without it.

    Returns
    -------
    (data, arguments, "image")
    """
    info = SourceInfo(
        path,
        source.stem,
        source.pixel_size,
        source.lazy,
        source.downsamples,
        folder,
        source.warnings,
    )
    pyramid = len(source.levels) > 1
    arguments = {
        "name": name or source.stem,
        "rgb": True,
        "multiscale": pyramid,
        "metadata": {SOURCE_KEY: info},
        **spacing(source.pixel_size),
    }
    return list(source.levels) if pyramid else source.levels[0], arguments, "image"


def spacing(pixel_size: PixelSize | None) -> dict[str, Any]:
    """Return scale and units of a flat layer; pixels while the size is unknown."""
    if pixel_size is None:
        return {"scale": (1.0, 1.0), "units": ("pixel", "pixel")}
    return {
        "scale": (pixel_size.y, pixel_size.x),
        "units": ("micrometer", "micrometer"),
    }


def source_info(layer: Any) -> SourceInfo | None:
    """Return which file an image layer shows, None where we have not opened it."""
    info = layer.metadata.get(SOURCE_KEY)
    return info if isinstance(info, SourceInfo) else None


def set_pixel_size(layer: Any, pixel_size: PixelSize | None, origin: str = CHOSEN) -> None:
    """Give an image layer the pixel size that a person, or its file, has stated.

    Parameters
    ----------
    layer : napari.layers.Image
        Its last two axes are rows and columns; it keeps its place, in pixels, in the world.
    pixel_size : PixelSize or None
        None makes it unknown again.
    origin : str
        Where it comes from, in words.
    """
    wanted = spacing(pixel_size)
    pixels = [float(t) / float(s) for t, s in zip(layer.translate, layer.scale, strict=True)]
    layer.units = (*layer.units[:-2], *wanted["units"])
    layer.scale = (*layer.scale[:-2], *wanted["scale"])
    layer.translate = [p * float(s) for p, s in zip(pixels, layer.scale, strict=True)]
    if pixel_size is None:
        layer.metadata.pop(ORIGIN_KEY, None)
    else:
        layer.metadata[ORIGIN_KEY] = origin


def um_source(layer: Any) -> UmSource:
    """Return who states the pixel size that an image layer has now, for outputs.

    Parameters
    ----------
    layer : napari.layers.Image
        With a pixel size.

    Returns
    -------
    {"file", "option"}
        ``file`` where its file, or the reader of it, states just this size; else a person does.
    """
    now, info = pixel_size_of(layer), source_info(layer)
    if layer.metadata.get(ORIGIN_KEY) in (CHOSEN, REMEMBERED):
        return "option"
    if info is None:
        return "file" if now is not None and plausible(now) else "option"
    return "file" if now is not None and now == info.stated else "option"
