"""Which pixel size the images of a training are taken to have, and what a person is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.io.datasets import Dataset

SizeFrom = Literal["recipe", "file", "data set", "goal"]
"""Who states the pixel size of a training image; the goal is what the network is to see."""


@dataclass(frozen=True, slots=True)
class SourceSize:
    """The pixel size of a training image and who states it."""

    pixel_size: PixelSize
    stated_by: SizeFrom


def source_pixel_size(stated: PixelSize | None, dataset: Dataset, recipe: Recipe) -> SourceSize:
    """Return the pixel size of a training image: recipe, then file, then data set, then goal.

    Parameters
    ----------
    stated : PixelSize, optional
        What the file states, if that can be.
    dataset : Dataset
    recipe : Recipe

    Returns
    -------
    SourceSize
    """
    if recipe.data.source_um_per_px is not None:
        return SourceSize(PixelSize.isotropic(recipe.data.source_um_per_px), "recipe")
    if stated is not None:
        return SourceSize(stated, "file")
    if dataset.pixel_size is not None:
        return SourceSize(dataset.pixel_size, "data set")
    return SourceSize(PixelSize.isotropic(recipe.data.um_per_px), "goal")


def what_is_assumed(origins: Sequence[SizeFrom], dataset: Dataset, recipe: Recipe) -> str:
    """Return a sentence about pixel sizes that no file states; empty where all files do.

    Parameters
    ----------
    origins : sequence of str
        Who states the size of each image.
    dataset : Dataset
    recipe : Recipe

    Returns
    -------
    str
    """
    silent = [origin for origin in origins if origin != "file"]
    if not silent:
        return ""
    if silent[0] == "recipe":
        return (
            f"All images are taken to have {recipe.data.source_um_per_px:g} µm/px, as "
            "data.source_um_per_px of the recipe says."
        )
    who = "One image states no" if len(silent) == 1 else f"{len(silent)} images state no"
    who = "No image states a" if len(silent) == len(origins) else who
    um, why = f"{recipe.data.um_per_px:g}", "what the network is to see (data.um_per_px)"
    if dataset.pixel_size is not None:
        um, why = f"{dataset.pixel_size.mean:g}", f"usual for the data set {dataset.kind}"
    return (
        f"{who} pixel size: {um} µm/px is assumed, {why}; if that is wrong, give the true one as "
        "data.source_um_per_px in the recipe."
    )
