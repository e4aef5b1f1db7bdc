"""Random changes of training patches, by MONAI's transforms with a seed of their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    SpatialPadd,
)

from napari_selfreg.engine.volume.recipe import VolumeAugmentSection

_PAIR = ("image", "label")
_OFTEN = 0.5
"""How often intensities are changed at all."""


def patch_transforms(
    augment: VolumeAugmentSection, patch: tuple[int, int, int], foreground: float
) -> Compose:
    """Return what cuts one random patch out of a volume and changes it.

    Parameters
    ----------
    augment : VolumeAugmentSection
    patch : (int, int, int)
        Voxels along z, y and x.
    foreground : float
        Share of patches whose centre lies on a class.

    Returns
    -------
    Compose
        Takes and returns (in a list of one) ``{"image", "label", "where"}`` of shapes (1, Z, Y, X),
        (K + 1, Z, Y, X) and (1, Z, Y, X): intensities, one channel per class, and the foreground
        that patches are drawn around. Outside the volume all channels of the label are 0. Random
        numbers come from `Compose.set_random_state`.
    """
    window = _window(augment, patch)
    return Compose(
        [
            SpatialPadd((*_PAIR, "where"), window, mode=("edge", "constant", "constant")),
            RandCropByPosNegLabeld(
                _PAIR,
                label_key="where",
                spatial_size=window,
                pos=foreground,
                neg=1.0 - foreground,
                num_samples=1,
            ),
            RandAffined(
                _PAIR,
                prob=1.0,
                rotate_range=[math.radians(augment.rotation)] * 3,
                scale_range=[augment.scale] * 3,
                spatial_size=patch,
                mode="bilinear",
                padding_mode=("border", "zeros"),
            ),
            *[
                RandFlipd(_PAIR, prob=probability, spatial_axis=axis)
                for axis, probability in enumerate(augment.flip)
                if probability > 0
            ],
            *_intensities(augment),
        ]
    )


def _window(augment: VolumeAugmentSection, patch: tuple[int, int, int]) -> tuple[int, ...]:
    """Return a window that holds a patch however it is turned and zoomed out, within reason.

    The corners of a patch turned about two axes at once may lie outside; they train nothing.
    """
    angle = math.radians(min(augment.rotation, 45.0))
    sides = np.array(patch, dtype=float)
    others = np.array([max(np.delete(sides, axis)) for axis in range(3)])
    turned = sides * math.cos(angle) + others * math.sin(angle)
    return tuple(math.ceil(side) for side in np.maximum(sides, turned) * (1.0 + augment.scale))


def _intensities(augment: VolumeAugmentSection) -> list[Any]:
    changes: list[Any] = []
    if augment.gamma > 0:
        span = (1.0 / (1.0 + augment.gamma), 1.0 + augment.gamma)
        changes.append(RandAdjustContrastd("image", prob=_OFTEN, gamma=span, retain_stats=True))
    if augment.gain > 0:
        changes.append(RandScaleIntensityd("image", factors=augment.gain, prob=_OFTEN))
    if augment.offset > 0:
        changes.append(RandShiftIntensityd("image", offsets=augment.offset, prob=_OFTEN))
    if augment.blur_probability > 0:
        sigma = (0.3, 1.0)
        changes.append(
            RandGaussianSmoothd("image", sigma, sigma, sigma, prob=augment.blur_probability)
        )
    if augment.noise_probability > 0:
        changes.append(RandGaussianNoised("image", prob=augment.noise_probability, std=0.15))
    return changes
