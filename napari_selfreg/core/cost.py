"""How long a run will take and how much memory it needs, before it is started."""

from __future__ import annotations

from dataclasses import dataclass

from napari_selfreg.core.types import PixelSize

LONG_SECONDS = 60.0
LARGE_SHARE = 0.5

VIEWS = 8
"""Views that test-time augmentation averages."""

_LABEL_SECONDS = 0.6e-6
"""Separating and measuring, per pixel of the picture."""

_LABEL_BYTES = 48
"""What labelling needs beside the probabilities, per pixel at its peak."""

_VALUE_BYTES = 4
_COLOUR_BYTES = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run will cost.

    Parameters
    ----------
    seconds : float
        Time.
    bytes : int
        Memory at its peak, beside what is in use already.
    """

    seconds: float
    bytes: int

    def is_large(self, free: int) -> bool:
        """Tell whether a person should be asked first, with `free` bytes of memory."""
        return self.seconds > LONG_SECONDS or self.bytes > LARGE_SHARE * free


def model_pixels(pixels: int, pixel_size: PixelSize, wanted: PixelSize, tta: bool = False) -> float:
    """Return how many pixels the network will see.

    Parameters
    ----------
    pixels : int
        Of the picture.
    pixel_size, wanted : PixelSize
        Of the picture and of the model.
    tta : bool
        Whether eight views are averaged.

    Returns
    -------
    float
    """
    return pixels * pixel_size.area_um2 / wanted.area_um2 * (VIEWS if tta else 1)


def estimate(pixels: int, seen: float, channels: int, speed: float) -> Cost:
    """Estimate a run.

    Parameters
    ----------
    pixels : int
        Of the picture, where objects are looked for.
    seen : float
        Pixels for the network; see `model_pixels`.
    channels : int
        Probabilities per pixel.
    speed : float
        Pixels per second of the network, as measured.

    Returns
    -------
    Cost
    """
    seconds = seen / speed + pixels * _LABEL_SECONDS
    return Cost(seconds, pixels * (_LABEL_BYTES + _COLOUR_BYTES + _VALUE_BYTES * channels))
