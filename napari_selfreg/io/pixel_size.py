"""Which pixel size counts: the person's, the file's or the model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize, UmSource

SMALLEST_UM = 0.02
"""Below this (µm/px) no light microscope samples; such a statement counts as none."""

LARGEST_UM = 20.0
"""Above this (µm/px) no tissue structure is left; such a statement counts as none."""

Um = float | Sequence[float] | npt.NDArray[np.floating] | PixelSize


@dataclass(frozen=True, slots=True)
class PixelSizeChoice:
    """The pixel size of one image and where it came from.

    Parameters
    ----------
    pixel_size : PixelSize
        Micrometres per pixel of level 0.
    source : {"option", "file", "model"}
        Who stated it.
    warning : str or None
        One sentence for the person where the model's value had to be assumed.
    """

    pixel_size: PixelSize
    source: UmSource
    warning: str | None = None


def plausible(pixel_size: PixelSize) -> bool:
    """Whether a microscope could have sampled so, on both axes."""
    return all(SMALLEST_UM <= um <= LARGEST_UM for um in (pixel_size.y, pixel_size.x))


def as_pixel_size(um: Um) -> PixelSize:
    """Return a pixel size from one number, from ``(y, x)`` or from itself, in µm/px.

    Raises
    ------
    BadInputError
        If a value is no number above 0 or there are not one or two of them.
    """
    if isinstance(um, PixelSize):
        return um
    values = _numbers(um)
    if len(values) not in (1, 2):
        raise BadInputError(
            f"A pixel size has one or two values, not {len(values)}: give µm/px for y and x."
        )
    return PixelSize(values[0], values[-1])


def _numbers(um: object) -> list[float]:
    """Return one number or several of any kind as floats; a text is none."""
    if isinstance(um, Decimal | Fraction):  # numpy knows them as objects only
        return [float(um)]
    try:
        values = np.asarray(um)
        if values.dtype.kind in "iuf" and values.ndim < 2:
            return [float(value) for value in values.ravel()]
    except ValueError:  # numbers and pairs of them mixed
        pass
    raise BadInputError(f"{um!r} is no pixel size: give µm/px as one number, or two for y and x.")


def resolve_pixel_size(
    stated: PixelSize | None,
    option_um: Um | None,
    model_um: Um,
    name: str = "the image",
) -> PixelSizeChoice:
    """Choose the pixel size: the option wins, then the file, then the model's own.

    Parameters
    ----------
    stated : PixelSize or None
        What the file states, even if absurd (outside 0.02 to 20 µm/px it counts as none).
    option_um : float, (y, x), PixelSize or None
        What the person states, in µm/px.
    model_um : float, (y, x) or PixelSize
        The model's own pixel size in µm/px.
    name : str
        File name for the warning.

    Returns
    -------
    PixelSizeChoice
        With a warning exactly when the model's value was assumed.

    Raises
    ------
    BadInputError
        If the option is not a pixel size of a microscope.
    """
    if option_um is not None:
        option = as_pixel_size(option_um)
        if not plausible(option):
            raise BadInputError(
                f"A pixel size of {_text(option)} µm/px is outside {SMALLEST_UM:g} to "
                f"{LARGEST_UM:g}: give the micrometres per pixel of the image."
            )
        return PixelSizeChoice(option, "option")
    if stated is not None and plausible(stated):
        return PixelSizeChoice(stated, "file")
    model = as_pixel_size(model_um)
    fault = (
        "states no pixel size"
        if stated is None
        else f"states {_text(stated)} µm/px, which no microscope has"
    )
    warning = (
        f"{name} {fault}: the model's {_text(model)} µm/px is assumed, so sizes may be wrong; "
        "give the true value with --um-per-px."
    )
    return PixelSizeChoice(model, "model", warning)


def _text(pixel_size: PixelSize) -> str:
    if pixel_size.y == pixel_size.x:
        return f"{pixel_size.x:.4g}"
    return f"{pixel_size.y:.4g} × {pixel_size.x:.4g}"
