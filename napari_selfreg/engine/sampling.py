"""Training batches: random crops that depend on nothing but the seed and the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import model_shape, resample_region
from napari_selfreg.core.targets import IGNORE, class_target, contour_target
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.augment import random_affine, random_optics, random_stain, warp
from napari_selfreg.engine.recipe import AugmentSection, Recipe
from napari_selfreg.engine.training_sizes import SizeFrom, source_pixel_size
from napari_selfreg.io.datasets import Dataset, Sample
from napari_selfreg.io.images import open_image
from napari_selfreg.io.label_files import object_labels, read_labels


@dataclass(frozen=True, slots=True)
class Field:
    """One image at the network's scale, with its targets.

    Parameters
    ----------
    stem : str
    rgb : ndarray of uint8, shape (Y, X, 3)
    targets : ndarray of uint8, shape (2, Y, X)
        Class ids and inner contour; 255 = ignore.
    anchors : ndarray of int, shape (n, 2), optional
        Pixels (y, x) that crops are drawn around, where only parts of the image are labelled.
    of_class : tuple of ndarray of int, shape (n, 2)
        Such pixels of each class from 1 on, where there are several: half of the crops are drawn
        around those of a class drawn at random, so that rare ones are seen.
    size_stated_by : {"recipe", "file", "data set", "goal"}
        Who stated the pixel size it was read with.
    """

    stem: str
    rgb: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.uint8]
    anchors: npt.NDArray[np.intp] | None = None
    of_class: tuple[npt.NDArray[np.intp], ...] = ()
    size_stated_by: SizeFrom = "file"


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops of one optimiser step: pictures in 0 … 1, class ids and contours."""

    pictures: Tensor
    classes: Tensor
    contour: Tensor


def load_field(sample: Sample, dataset: Dataset, recipe: Recipe) -> Field:
    """Read one sample and bring it to the network's pixel size.

    Parameters
    ----------
    sample : Sample
    dataset : Dataset
        Gives the pixel size where the file states none.
    recipe : Recipe

    Returns
    -------
    Field

    Raises
    ------
    BadInputError
        If image or label cannot be read, their sizes differ, or the label file holds a class that
        the recipe does not name.
    """
    with open_image(sample.image) as source:
        rgb = np.asarray(source.levels[0][:, :])
        size = source_pixel_size(source.pixel_size, dataset, recipe)
    labels = read_labels(sample.label, (rgb.shape[0], rgb.shape[1]))
    n_classes = len(recipe.data.classes)
    if n_classes == 1:
        labels = object_labels(labels)
    elif labels.max(initial=0) > n_classes:
        raise BadInputError(
            f"{sample.label.name} holds the class {labels.max()}, but the recipe names {n_classes} "
            "classes: name them all in data.classes."
        )
    shape = model_shape(
        (rgb.shape[0], rgb.shape[1]), size.pixel_size, PixelSize.isotropic(recipe.data.um_per_px)
    )
    small = resample_region(rgb, shape, Box(0, 0, *shape))
    targets = _targets(labels, shape, sample, recipe)
    return Field(
        sample.stem, np.rint(small).astype(np.uint8), targets, size_stated_by=size.stated_by
    )


def _targets(
    labels: npt.NDArray[np.int32], shape: tuple[int, int], sample: Sample, recipe: Recipe
) -> npt.NDArray[np.uint8]:
    small = nearest(labels, shape)
    classes = class_target(small, len(recipe.data.classes))
    width = recipe.target.contour_um
    if width is None or sample.group in recipe.target.loose_groups:
        contour = np.full(shape, IGNORE, dtype=np.uint8)
    else:
        contour = contour_target(small, width, PixelSize.isotropic(recipe.data.um_per_px))
    return np.stack([classes, contour])


def nearest(values: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Return the value under the centre of every pixel of another grid: ids cannot be averaged.

    Parameters
    ----------
    values : ndarray, shape (Y, X)
        Ids, classes or a mask.
    shape : (int, int)
        Height and width of the other grid.

    Returns
    -------
    ndarray of the same type, shape `shape`
    """
    rows = ((np.arange(shape[0]) + 0.5) * values.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * values.shape[1] / shape[1]).astype(int)
    return np.asarray(values[rows[:, None], columns])


def draw_batch(fields: Sequence[Field], recipe: Recipe, seed: int, step: int) -> Batch:
    """Draw the crops of one step of a recipe, see `draw_crops`."""
    train = recipe.train
    return draw_crops(fields, recipe.augment, train.batch, train.crop, seed, step)


def draw_crops(
    fields: Sequence[Field], augment: AugmentSection, batch: int, crop: int, seed: int, step: int
) -> Batch:
    """Draw the crops of one step.

    Parameters
    ----------
    fields : sequence of Field
    augment : AugmentSection
    batch : int
        Number of crops.
    crop : int
        Their height and width in pixels.
    seed, step : int
        The only sources of randomness: a resumed run draws what an unbroken one draws.

    Returns
    -------
    Batch
        Tensors on the CPU: pictures float32 (N, 3, H, W), classes and contour uint8 (N, H, W).
    """
    rng = np.random.default_rng([seed, step])
    numbers = range(step * batch, (step + 1) * batch)
    crops = [
        _draw_crop(_draw_field(fields, rng, by_class=number % 2 == 1), rng, augment, crop)
        for number in numbers
    ]
    pictures = torch.cat([picture for picture, _ in crops])
    targets = torch.cat([target for _, target in crops])
    return Batch(random_optics(pictures, rng, augment), targets[:, 0], targets[:, 1])


def _draw_field(fields: Sequence[Field], rng: np.random.Generator, *, by_class: bool) -> Field:
    """Draw a field; by class, one that holds it, with the pixels of the class as its anchors."""
    most = max(len(field.of_class) for field in fields) if by_class else 0
    places = [
        [(field, field.of_class[one]) for field in fields if _holds(field, one)]
        for one in range(most)
    ]
    present = [having for having in places if having]
    if not present:
        return fields[int(rng.integers(len(fields)))]
    having = present[int(rng.integers(len(present)))]
    field, anchors = having[int(rng.integers(len(having)))]
    return replace(field, anchors=anchors)


def _holds(field: Field, one: int) -> bool:
    return one < len(field.of_class) and len(field.of_class[one]) > 0


def _draw_crop(
    field: Field, rng: np.random.Generator, augment: AugmentSection, crop: int
) -> tuple[Tensor, Tensor]:
    """Return one turned and stained crop: picture (1, 3, H, W) and targets (1, 2, H, W)."""
    matrix, reach = random_affine(rng, augment)
    rgb, targets = _window(field, rng, 2 * math.ceil(crop * reach / 2) + 2, crop)
    stained = np.moveaxis(random_stain(rgb, rng, augment), -1, 0)
    theta = torch.from_numpy(matrix)[None]
    picture = torch.from_numpy(stained[None].astype(np.float32) / np.float32(255.0))
    labels = torch.from_numpy(targets[None].astype(np.float32))
    return warp(picture, theta, crop, "bilinear"), warp(labels, theta, crop, "nearest").byte()


def _window(
    field: Field, rng: np.random.Generator, size: int, crop: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Cut a window round a random centre, mirrored at the border of the image."""
    height, width = field.rgb.shape[:2]
    if field.anchors is None:
        centre = _centre(rng, height, crop), _centre(rng, width, crop)
    else:
        y, x = field.anchors[int(rng.integers(len(field.anchors)))]
        centre = _inside(int(y), height, crop), _inside(int(x), width, crop)
    rows = _reflected(centre[0], size, height)
    columns = _reflected(centre[1], size, width)
    return field.rgb[rows[:, None], columns], field.targets[:, rows[:, None], columns]


def _centre(rng: np.random.Generator, length: int, crop: int) -> int:
    """Draw a centre whose crop lies inside, or the middle of an axis shorter than the crop."""
    half = crop // 2
    return int(rng.integers(half, length - half + 1)) if length > crop else length // 2


def _inside(place: int, length: int, crop: int) -> int:
    """Move a centre as little as is needed for its crop to lie inside."""
    half = crop // 2
    return min(max(place, half), length - half) if length > crop else length // 2


def _reflected(centre: int, size: int, length: int) -> npt.NDArray[np.intp]:
    """Return `size` indices round `centre`, reflected into ``range(length)``."""
    index = np.arange(centre - size // 2, centre - size // 2 + size)
    period = max(1, 2 * length)
    index = np.mod(index, period)
    return np.where(index < length, index, period - 1 - index).astype(np.intp)
