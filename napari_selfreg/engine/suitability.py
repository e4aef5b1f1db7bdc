"""What speaks against a model on a picture: coarse pixels, another stain, none at all."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.stain_gap import StainGap, is_colourless, stain_gap, too_coarse
from napari_selfreg.io.card import Card
from napari_selfreg.io.sources import ImageSource

ENOUGH_PIXELS = 250_000
"""So many pixels tell the stain of a picture."""

MOST_SIDE = 2048
"""No more rows or columns than this are read for a glance."""

_COLOURS = 3


def doubts(
    rgb: npt.NDArray[np.uint8], um_per_px: float, card: Card, *, name: str = "", grey: bool = False
) -> str:
    """Compare pixels with the pictures a model has learned from.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (Y, X, 3)
    um_per_px : float
        Of the image at full resolution.
    card : Card
    name : str
        Of the image; without one the sentences speak of what is in view.
    grey : bool
        Whether the image is known to have no colours.

    Returns
    -------
    str
        One or two sentences; empty if nothing speaks against the model.
    """
    step = max(1, math.floor(math.sqrt(math.prod(rgb.shape[:2]) / ENOUGH_PIXELS)))
    thinned, learned = np.ascontiguousarray(rgb[::step, ::step]), card.normalisation.mean
    if len(learned) != _COLOURS:  # a model of greys knows no stain
        return describe_fit(None, um_per_px, card, name=name)
    grey = grey or is_colourless(thinned)
    gap = None if grey else stain_gap(thinned, learned)
    return describe_fit(gap, um_per_px, card, grey=grey, name=name)


def doubts_of_source(source: ImageSource, um_per_px: float, card: Card) -> str:
    """Compare an image that was opened with the pictures a model has learned from.

    Parameters
    ----------
    source : ImageSource
        Its coarsest level that is not too small is looked at, in the middle if that is large.
    um_per_px : float
        Of level 0.
    card : Card

    Returns
    -------
    str
        As `doubts`.
    """
    enough = [each for each in source.levels if math.prod(each.shape[:2]) >= ENOUGH_PIXELS]
    pixels = enough[-1] if enough else source.levels[0]
    top, left = (max(0, side - MOST_SIDE) // 2 for side in pixels.shape[:2])
    middle = np.asarray(pixels[top : top + MOST_SIDE, left : left + MOST_SIDE])
    return doubts(middle, um_per_px, card, name=source.name)


def describe_fit(
    gap: StainGap | None, um_per_px: float, card: Card, *, grey: bool = False, name: str = ""
) -> str:
    """Return what speaks against a model, in one or two sentences, or an empty text.

    Parameters
    ----------
    gap : StainGap or None
        None where there is too little tissue to judge.
    um_per_px : float
    card : Card
    grey : bool
    name : str
        As for `doubts`.

    Returns
    -------
    str
    """
    sentences = []
    model_um = card.pixel_size.mean
    image = name or "This image"
    if too_coarse(um_per_px, model_um):
        sentences.append(
            f"{image} is {um_per_px / model_um:.1f} times coarser than what the model has "
            "learned from: it will miss objects."
        )
    if grey:
        sentences.append(no_colours(name))
    elif gap is not None and gap.far:
        where = f"of {name}" if name else "in view"
        sentences.append(f"{_stain(gap, where)} what the model has learned from: check with care.")
    return " ".join(sentences)


def no_colours(name: str = "") -> str:
    """Return what is said of an image without colours."""
    return (
        f"{name or 'The image'} has no colours, which the model has learned from: check the result "
        "with care."
    )


def _stain(gap: StainGap, where: str) -> str:
    if abs(gap.octaves) > 1 and gap.angle < gap.distance * 20:
        return f"The stain {where} is much {'darker' if gap.octaves > 0 else 'paler'} than"
    return f"The colours {where} are far from"
