"""Scores of a freshly trained network on the patients it was not trained on, for its card."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

import numpy as np

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.evaluate import LabelledImage, evaluate_pairs
from napari_selfreg.engine.events import Event
from napari_selfreg.engine.held_out import PATIENTS
from napari_selfreg.engine.protocols import Protocol
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.training_sizes import source_pixel_size
from napari_selfreg.io.card import MetricRecord, MetricValue
from napari_selfreg.io.datasets import Dataset, Sample
from napari_selfreg.io.images import open_image
from napari_selfreg.io.label_files import read_labels, read_mask8

PROTOCOLS: tuple[Protocol, ...] = ("native", "uctransnet224")
"""Both are reported: published numbers of GlaS and MoNuSeg belong to the second."""


def score_held_out(
    model: Model,
    held_out: Sequence[Sample],
    dataset: Dataset,
    recipe: Recipe,
    *,
    plain: bool,
    device: str = "auto",
) -> Generator[Event, None, list[MetricRecord]]:
    """Score a network on held-out samples under every protocol.

    Parameters
    ----------
    model : Model
        In memory; its card states classes, scale and post-processing.
    held_out : sequence of Sample
    dataset : Dataset
        Gives the pixel size where the files state none.
    recipe : Recipe
        Of the run.
    plain : bool
        Whether this is the twin that was trained without regularization.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Event

    Returns
    -------
    list of MetricRecord
        One for each of `PROTOCOLS`.
    """
    images = [_labelled(sample, dataset, recipe) for sample in held_out]
    records = []
    for protocol in PROTOCOLS:
        evaluation = yield from evaluate_pairs(model, images, protocol, device=device)
        records.append(
            MetricRecord(
                protocol=protocol,
                split=PATIENTS,
                n=len(evaluation.images),
                values={
                    name: MetricValue(
                        mean=round(interval.mean, 5),
                        low=round(interval.low, 5),
                        high=round(interval.high, 5),
                    )
                    for name, interval in evaluation.intervals.items()
                },
                **_weights(recipe, plain=plain),
                note=note_of(recipe, {image.pixel_size for image in images}, plain=plain),
            )
        )
    return records


def note_of(recipe: Recipe, sizes: Collection[PixelSize], *, plain: bool) -> str:
    """Return what a card adds to a score.

    Parameters
    ----------
    recipe : Recipe
    sizes : collection of PixelSize
        Of the scored images: whoever repeats the score without them gets another one.
    plain : bool
        Whether it is the twin's: what it began with, perhaps regularized, is named, too.

    Returns
    -------
    str
    """
    parts = []
    if plain:
        parts.append(f"plain twin: same seed, schedule and split without {_left_out(recipe)}")
        if recipe.network.start_from is not None:
            parts.append(f"both start from the weights of {recipe.network.start_from}")
    if len(sizes) == 1:
        parts.append(f"images at {next(iter(sizes)).mean:.4g} µm per pixel")
    return "; ".join(parts)


def _weights(recipe: Recipe, *, plain: bool) -> dict[str, float]:
    """Return the weights of the regularizers that took part, by their name on a card."""
    names = ("lambda_scr", "lambda_ifd", "lambda_decorrelation")
    found = {name: getattr(recipe.regularization, name) for name in names}
    return {name: value for name, value in found.items() if value and not plain}


def _left_out(recipe: Recipe) -> str:
    section = recipe.regularization
    if not section.lambda_decorrelation:
        return "SCR and IFD"
    both = section.lambda_scr or section.lambda_ifd
    return "SCR, IFD and decorrelation" if both else "decorrelation"


def _labelled(sample: Sample, dataset: Dataset, recipe: Recipe) -> LabelledImage:
    with open_image(sample.image) as source:
        rgb = np.asarray(source.levels[0][:, :])
        size = source_pixel_size(source.pixel_size, dataset, recipe).pixel_size
    shape = (rgb.shape[0], rgb.shape[1])
    truth, mask8 = read_labels(sample.label, shape), read_mask8(sample.label, shape)
    return LabelledImage(sample.stem, rgb, truth, size, "option", mask8)
