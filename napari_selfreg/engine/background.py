"""Tissue without any of the classes, mixed into the crops of every training step.

Gland data sets are cut around glands: a network that saw nothing else takes all pink tissue for
gland. A recipe names sample pictures of the package that hold none of its classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import model_shape, resample_region
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.sampling import Batch, Field, draw_batch, draw_crops
from napari_selfreg.io.card import DataSource
from napari_selfreg.io.images import open_image
from napari_selfreg.io.samples import Sample, samples


def load_background(recipe: Recipe) -> tuple[Field, ...]:
    """Read the pictures of ``data.background`` at the network's pixel size.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    tuple of Field
        With targets of 0 everywhere: neither class nor contour.

    Raises
    ------
    BadInputError
        If the package has no such sample picture.
    """
    return tuple(_field(sample, recipe) for sample in _named(recipe))


def background_sources(recipe: Recipe) -> tuple[DataSource, ...]:
    """Return what the card says of these pictures.

    Raises
    ------
    BadInputError
        If the package has no such sample picture.
    """
    return tuple(
        DataSource(
            name=f"{sample.title}: tissue without {' or '.join(recipe.data.classes)}",
            licence=sample.licence,
            citation=sample.attribution,
            images=1,
        )
        for sample in _named(recipe)
    )


def draw_mixed(
    fields: Sequence[Field], background: Sequence[Field], recipe: Recipe, step: int
) -> Batch:
    """Draw the crops of one step of a recipe, the last ones from the background.

    Parameters
    ----------
    fields, background : sequence of Field
        Without background all crops come from `fields`.
    recipe : Recipe
        Its ``data.background_share`` is rounded to at least one crop, and leaves at least one.
    step : int

    Returns
    -------
    Batch

    See Also
    --------
    napari_selfreg.engine.sampling.draw_crops
    """
    train = recipe.train
    if not background:
        return draw_batch(fields, recipe, train.seed, step)
    count = min(max(1, round(train.batch * recipe.data.background_share)), train.batch - 1)
    parts = [
        draw_crops(fields, recipe.augment, train.batch - count, train.crop, train.seed, step),
        draw_crops(background, recipe.augment, count, train.crop, train.seed + 1, step),
    ]
    return Batch(
        torch.cat([part.pictures for part in parts]),
        torch.cat([part.classes for part in parts]),
        torch.cat([part.contour for part in parts]),
    )


def _named(recipe: Recipe) -> list[Sample]:
    known = {sample.name: sample for sample in samples()}
    missing = [name for name in recipe.data.background if name not in known]
    if missing:
        raise BadInputError(
            f"The recipe cannot be used: there is no sample picture {missing[0]!r} for "
            f"data.background; there are {', '.join(known)}."
        )
    return [known[name] for name in recipe.data.background]


def _field(sample: Sample, recipe: Recipe) -> Field:
    with open_image(sample.path) as source:
        rgb = np.asarray(source.levels[0][:, :])
    goal = PixelSize.isotropic(recipe.data.um_per_px)
    shape = model_shape((rgb.shape[0], rgb.shape[1]), sample.pixel_size, goal)
    small = resample_region(rgb, shape, Box(0, 0, *shape))
    return Field(sample.name, np.rint(small).astype(np.uint8), np.zeros((2, *shape), np.uint8))
