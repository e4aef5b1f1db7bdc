"""Arrays of any sane kind to 8-bit RGB.

Depth, grey, alpha and channel order are settled here once, by a rule made from the whole image,
so that a tile of a lazy slide gets the same colours as the same tile of the image in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError

Rgb = npt.NDArray[np.uint8]

_CAMERA_DEPTHS = (8, 10, 12, 14, 16)
_BAND_VALUES = 1 << 22
_CHANNELS_FIRST = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class RgbRule:
    """How the values of one image become 8 bit.

    Parameters
    ----------
    high : float
        Value of a colour (or grey) channel that becomes 255; 0 stays 0, in between is linear.
    alpha_high : float
        Value of the alpha channel that means opaque.
    notes : tuple of str
        What a person should know about the conversion, as half sentences about the image.
    opaque : bool
        Whether an alpha channel is left out.
    """

    high: float = 255.0
    alpha_high: float = 255.0
    notes: tuple[str, ...] = ()
    opaque: bool = False

    def apply(self, array: npt.NDArray[Any]) -> Rgb:
        """Convert a ``(Y, X, C)`` array with 1, 2, 3 or 4 channels to uint8 ``(Y, X, 3)``.

        Two channels are grey and alpha, four are RGB and alpha; alpha is laid on white.
        """
        n_channels = array.shape[2]
        has_alpha = n_channels in (2, 4)
        colour = _scaled(array[..., : n_channels - has_alpha], self.high)
        if has_alpha and not self.opaque:
            colour = _on_white(colour, _scaled(array[..., -1:], self.alpha_high))
        if colour.shape[2] == 3:
            return colour
        return np.repeat(colour, 3, axis=2)


def to_rgb8(array: npt.ArrayLike, name: str = "the image", *, part: bool = False) -> Rgb:
    """Return a picture as 8-bit RGB.

    Integers are read as 8, 10, 12, 14 or 16 bit, whichever holds the largest value; floats as
    0 to 1 when they stay below 2, else like integers. Booleans become black and white. Values
    that are not numbers become white, negative ones 0. Alpha that hides everything is ignored.

    Parameters
    ----------
    array : array_like, shape (Y, X), (Y, X, C) or (C, Y, X)
        Grey, grey + alpha (last axis only), RGB or RGB + alpha of any real dtype.
    name : str
        Name of the file for error messages.
    part : bool
        Whether it is part of a larger picture, whose alpha may hide all of it.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        Sample values 0 to 255; a new array unless the input already is such a picture.

    Raises
    ------
    BadInputError
        If the array is empty, has another number of axes or channels, or holds no real numbers.
    """
    picture = as_yxc(np.asarray(array), name)
    return rule_for(picture, name, part=part).apply(picture)


def as_yxc(array: npt.NDArray[Any], name: str = "the image") -> npt.NDArray[Any]:
    """Return a view with axes ``(Y, X, C)`` and 1 to 4 channels, or raise `BadInputError`."""
    if array.ndim not in (2, 3):
        raise BadInputError(
            f"{name} has {array.ndim} axes instead of two and a colour: save the plane you need "
            "as an RGB picture."
        )
    picture = array[..., np.newaxis] if array.ndim == 2 else array
    if picture.shape[2] > 4 and picture.shape[0] in _CHANNELS_FIRST:
        picture = np.moveaxis(picture, 0, 2)
    if 0 in picture.shape:
        raise BadInputError(f"{name} has no pixels: choose an image that is not empty.")
    if picture.shape[2] > 4:
        raise wrong_channels(min(picture.shape[0], picture.shape[2]), name)
    return picture


def wrong_channels(n_channels: int, name: str) -> BadInputError:
    """Return the error for a picture that is neither grey nor in colour."""
    return BadInputError(
        f"{name} has {n_channels} channels, and a stained section needs red, green and blue: save "
        "it as an RGB picture."
    )


def rule_for(picture: npt.NDArray[Any], name: str = "the image", *, part: bool = False) -> RgbRule:
    """Find the rule for a ``(Y, X, C)`` picture.

    Parameters
    ----------
    picture : ndarray, shape (Y, X, C)
        As `as_yxc` returns it.
    name : str
        Name of the file for error messages.
    part : bool
        Whether it is a sample only: that alpha hides all of it then says nothing about the rest.

    Returns
    -------
    RgbRule

    Raises
    ------
    BadInputError
        If the dtype holds no real numbers.
    """
    rule = _depth_rule(picture, name)
    if part or picture.shape[2] not in (2, 4) or np.any(picture[..., -1]):
        return rule
    # a mask or a fourth colour that some program took for alpha: nobody saves nothing
    note = "has an alpha channel that hides all of it; it is ignored"
    return replace(rule, opaque=True, notes=(*rule.notes, note))


def _depth_rule(picture: npt.NDArray[Any], name: str) -> RgbRule:
    """Find which values mean white and opaque."""
    dtype = picture.dtype
    if dtype == np.uint8:
        return RgbRule()
    if dtype == np.bool_:
        return RgbRule(high=1.0, alpha_high=1.0)
    if dtype.kind not in "uif":
        raise BadInputError(
            f"{name} holds values of type {dtype}, which are no picture: save it with 8 or 16 bit."
        )
    n_channels = picture.shape[2]
    n_colours = n_channels - (n_channels in (2, 4))
    low, high, broken = _extent(picture[..., :n_colours])
    _, opaque, _ = _extent(picture[..., n_colours:])
    white = _white_value(high, dtype)
    return RgbRule(white, _white_value(opaque, dtype), _notes(dtype, low, white, broken))


def _notes(dtype: np.dtype[Any], low: float, white: float, broken: int) -> tuple[str, ...]:
    notes = []
    if broken:
        notes.append(f"holds values that are not numbers ({broken}); they are shown as white")
    if low < 0:
        notes.append("holds negative values; they are shown as black")
    expected = (1, 255) if dtype.kind == "f" else (np.iinfo(np.uint16).max,)
    if white not in expected:
        notes.append(f"has values of {dtype.itemsize * 8} bit; {white:.0f} is taken as white")
    return tuple(notes)


def _bands(picture: npt.NDArray[Any]) -> list[slice]:
    """Cut the rows so that temporary copies stay at a few megabytes."""
    rows = max(1, _BAND_VALUES // max(1, picture[0].size)) if len(picture) else 1
    return [slice(start, start + rows) for start in range(0, len(picture), rows)]


def _extent(picture: npt.NDArray[Any]) -> tuple[float, float, int]:
    """Return smallest and largest finite value and the number of values that are not."""
    low, high, broken = 0.0, 0.0, 0
    for band in _bands(picture):
        values = picture[band]
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            broken += int(values.size - np.count_nonzero(finite))
            values = values[finite]
        if values.size:
            low = min(low, float(values.min()))
            high = max(high, float(values.max()))
    return low, high, broken


def _white_value(high: float, dtype: np.dtype[Any]) -> float:
    """Guess which value means white from the largest value present.

    Cameras store 10, 12 or 14 bit in 16; floats are shares of 1 (resampling may overshoot).
    """
    if dtype.kind == "f" and high < 2:
        return 1.0
    for depth in _CAMERA_DEPTHS:
        if high <= 2**depth - 1:
            return float(2**depth - 1)
    return high


def _scaled(picture: npt.NDArray[Any], high: float) -> Rgb:
    if picture.dtype == np.uint8 and high == 255:
        return np.asarray(picture, np.uint8)
    if picture.dtype in (np.uint8, np.uint16):
        steps = np.arange(np.iinfo(picture.dtype).max + 1)
        looked_up: Rgb = _to_byte(steps, high)[picture]
        return looked_up
    out = np.empty(picture.shape, np.uint8)
    for band in _bands(picture):
        out[band] = _to_byte(picture[band], high)
    return out


def _to_byte(values: npt.NDArray[Any], high: float) -> Rgb:
    shares = np.asarray(values, np.float64) / high
    shares[~np.isfinite(shares)] = 1.0
    scaled: Rgb = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    return scaled


def _on_white(colour: Rgb, alpha: Rgb) -> Rgb:
    """Composite 8-bit colours on white, exactly and without leaving 16 bit."""
    if alpha.min(initial=255) == 255:
        return np.ascontiguousarray(colour)
    weight = alpha.astype(np.uint16)
    mixed = (colour * weight + np.uint16(255) * (np.uint16(255) - weight) + np.uint16(127)) // 255
    result: Rgb = mixed.astype(np.uint8)
    return result
