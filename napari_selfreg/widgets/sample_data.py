"""File > Open Sample: our sample pictures and our sample volume as image layers."""

from __future__ import annotations

from typing import Any

from napari_selfreg.io.images import open_image
from napari_selfreg.io.samples import samples, volume_samples
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from napari_selfreg.widgets.layers import ORIGIN_KEY
from napari_selfreg.widgets.volume.opening import open_volume_layer

LayerData = tuple[Any, dict[str, Any], str]


def ebhi_normal() -> list[LayerData]:
    """Return a field of normal colon mucosa."""
    return [_layer("ebhi_normal")]


def ebhi_low_grade() -> list[LayerData]:
    """Return a field of low-grade neoplasia of the colon."""
    return [_layer("ebhi_low_grade")]


def cmu1_region() -> list[LayerData]:
    """Return a region of a slide."""
    return [_layer("cmu1_region")]


def hippocampus() -> list[LayerData]:
    """Return a volume of the hippocampus."""
    (sample,) = volume_samples()
    data, arguments, kind = open_volume_layer(sample.path, name=sample.title.split(",")[0])
    arguments["metadata"] |= {"licence": sample.licence, "attribution": sample.attribution}
    return [(data, arguments, kind)]


def _layer(name: str) -> LayerData:
    sample = next(sample for sample in samples() if sample.name == name)
    with open_image(sample.path) as source:
        pixels = source.read()
    stated = None if sample.estimated else sample.pixel_size
    metadata: dict[str, Any] = {
        SOURCE_KEY: SourceInfo(sample.path, sample.path.stem, stated, False),
        "licence": sample.licence,
        "attribution": sample.attribution,
    }
    if sample.estimated:
        metadata[ORIGIN_KEY] = "estimated, not stated by the image"
    return (
        pixels,
        {
            "name": sample.title.split(",")[0],
            "rgb": True,
            "scale": (sample.pixel_size.y, sample.pixel_size.x),
            "units": ("micrometer", "micrometer"),
            "metadata": metadata,
        },
        "image",
    )
