"""How a prediction is compared with the truth: on which grid, and after which resizing.

Scores of different protocols are not comparable, however alike they look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.objects import label_objects, object_classes
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.label_files import object_labels

Protocol = Literal["native", "uctransnet224"]
SIDE = 224

_Ids = npt.NDArray[np.int32]
_Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two maps of object ids on one grid, 0 = background; int32, shape (y, x)."""

    prediction: _Ids
    truth: _Ids


def check_protocol(name: str) -> Protocol:
    """Return the protocol of that name (BadInputError if there is none)."""
    for known in get_args(Protocol):
        if name == known:
            return known  # type: ignore[no-any-return]
    names = " or ".join(get_args(Protocol))
    raise BadInputError(f"There is no protocol {name!r}: choose {names}.")


def compare_native(
    foreground: _Floats,
    contour: _Floats | None,
    truth: _Ids,
    settings: PostProcessing,
    pixel_size: PixelSize,
) -> Comparison:
    """Compare on the image's own grid, with the objects a person would get.

    Parameters
    ----------
    foreground : ndarray of float, shape (y, x)
        Probability of any foreground class.
    contour : ndarray of float, shape (y, x), or None
        Probability of an object's inner contour.
    truth : ndarray of int32, shape (y, x)
        As `read_labels` gives it; a single value is split into components.
    settings : PostProcessing
        Of the model.
    pixel_size : PixelSize
        Of the image.

    Returns
    -------
    Comparison
    """
    predicted = label_objects(foreground, contour, settings, pixel_size)
    return Comparison(predicted, object_labels(truth))


def compare_classes(
    classes: _Floats,
    contour: _Floats | None,
    truth: _Ids,
    settings: PostProcessing,
    pixel_size: PixelSize,
) -> tuple[Comparison, ...]:
    """Compare class by class on the image's own grid: an object of another class is a mistake.

    Parameters
    ----------
    classes : ndarray of float, shape (K, y, x)
        Probability of each foreground class, two or more.
    contour : ndarray of float, shape (y, x), or None
        Probability of an object's inner contour.
    truth : ndarray of int32, shape (y, x)
        Class ids from 1 to K; the components of a class are its objects.
    settings : PostProcessing
        Of the model.
    pixel_size : PixelSize
        Of the image.

    Returns
    -------
    tuple of Comparison
        One for each class, in order.
    """
    predicted = label_objects(classes.sum(axis=0), contour, settings, pixel_size)
    # Every object has one class, the likeliest of all its pixels, as in the files of `segment`.
    own = np.concatenate([[-1], object_classes(predicted, classes)])[predicted]
    return tuple(
        Comparison(
            np.where(own == number, predicted, 0).astype(np.int32),
            object_labels((truth == number + 1).astype(np.int32)),
        )
        for number in range(len(classes))
    )


def compare_uctransnet224(
    foreground: _Floats, mask: npt.NDArray[np.uint8], threshold: float
) -> Comparison:
    """Compare on 224 x 224 pixels, whatever the image's size and shape, as published tables do.

    The truth goes through UCTransNet's own path (and so the tables of its followers, SelfReg-UNet
    among them): OpenCV's bilinear resize of the 8-bit mask to 224 x 224, then everything above 0
    is foreground. That dilates it: a pixel that holds a trace of an object belongs to it.

    The prediction takes the same path: our mask at the image's own size, resized and cut like the
    truth, so that both are dilated alike. (Their networks learn the dilation from masks that went
    through it; left undilated, a perfect prediction would score only about 0.94 on MoNuSeg.)

    Two things differ from theirs. Their network sees the image squashed to 224 x 224, ours works at
    its own pixel size on the image as it is. Theirs report Dice and IoU alone; object metrics here
    take the 8-connected components of both maps as objects, in pixels of this grid.

    Parameters
    ----------
    foreground : ndarray of float, shape (y, x)
        Probability of any foreground class.
    mask : ndarray of uint8, shape (y, x)
        The truth as `read_mask8` gives it.
    threshold : float
        Foreground from this probability on.

    Returns
    -------
    Comparison
        Both of shape (224, 224).
    """
    # The resize rounds to whole numbers, so a trace of a small id vanishes where one of 255 stays:
    # the prediction is drawn in the strength of the truth.
    strength = int(np.median(mask[mask > 0])) if mask.any() else 255
    predicted = np.where(foreground >= threshold, strength, 0).astype(np.uint8)
    return Comparison(_squashed(predicted), _squashed(mask))


def _squashed(mask: npt.NDArray[np.uint8]) -> _Ids:
    small = cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) > 0
    return object_labels(small.astype(np.int32))
