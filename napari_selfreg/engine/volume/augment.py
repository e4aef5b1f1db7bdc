"""Random changes of training patches, by MONAI's transforms with a seed of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandAffineGrid,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
    SpatialPadd,
)

from napari_selfreg.engine.volume.recipe import VolumeAugmentSection

Sides = npt.NDArray[np.float64]

_PAIR = ("image", "label")
_OFTEN = 0.5
"""How often intensities are changed at all."""


def patch_transforms(
    augment: VolumeAugmentSection,
    patch: tuple[int, int, int],
    foreground: float,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Compose:
    """Return what cuts one random patch out of a volume and changes it.

    Parameters
    ----------
    augment : VolumeAugmentSection
    patch : (int, int, int)
        Voxels along z, y and x.
    foreground : float
        Share of patches whose centre lies on a class.
    spacing : (float, float, float)
        Voxel size along z, y and x in millimetres: a patch is turned in millimetres, so that
        nothing is stretched where voxels are no cubes.

    Returns
    -------
    Compose
        Takes and returns (in a list of one) ``{"image", "label", "where"}`` of shapes (1, Z, Y, X),
        (K + 1, Z, Y, X) and (1, Z, Y, X): intensities, one channel per class, and the foreground
        that patches are drawn around. Outside the volume all channels of the label are 0. Random
        numbers come from `Compose.set_random_state`.
    """
    voxel = np.array(spacing) / min(spacing)  # exactly 1 for cubes, whatever their size
    window = _window(augment, patch, voxel)
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
            _turned_and_zoomed(augment, patch, voxel),
            *[
                RandFlipd(_PAIR, prob=probability, spatial_axis=axis)
                for axis, probability in enumerate(augment.flip)
                if probability > 0
            ],
            *_intensities(augment),
        ]
    )


class _GridOfSpacing(RandAffineGrid):
    """A random affine map ``S^-1 A S`` of voxels: ``A`` in space, ``S`` the sides of a voxel.

    Parameters
    ----------
    sides : ndarray, shape (3,)
        Of a voxel, in any unit.
    """

    def __init__(self, sides: Sides, **ranges: Any) -> None:
        super().__init__(**ranges)
        self._sides = torch.tensor([*sides, 1.0])

    def __call__(
        self,
        spatial_size: Sequence[int] | None = None,
        grid: Any = None,
        randomize: bool = True,
        lazy: bool | None = None,
    ) -> torch.Tensor:
        """Return where each voxel of a patch comes from; MONAI gives it the patch as a grid."""
        sides = self._sides.to(grid).view(-1, 1, 1, 1)
        found = super().__call__(spatial_size, grid * sides, randomize, lazy) / sides
        if self.affine is not None:
            across = self._sides.to(self.affine)
            self.affine = self.affine * across / across[:, None]
        return found


def _turned_and_zoomed(
    augment: VolumeAugmentSection, patch: tuple[int, int, int], voxel: Sides
) -> RandAffined:
    change = RandAffined(
        _PAIR, prob=1.0, spatial_size=patch, mode="bilinear", padding_mode=("border", "zeros")
    )
    change.rand_affine.rand_affine_grid = _GridOfSpacing(
        voxel,
        rotate_range=[math.radians(augment.rotation)] * 3,
        scale_range=[augment.scale] * 3,
    )
    return change


def _window(
    augment: VolumeAugmentSection, patch: tuple[int, int, int], voxel: Sides
) -> tuple[int, ...]:
    """Return a window that holds a patch however it is turned and zoomed out, within reason.

    The corners of a patch turned about two axes at once may lie outside; they train nothing.
    """
    angle = math.radians(min(augment.rotation, 45.0))
    sides = np.array(patch, dtype=float)
    others = np.array([max(np.delete(sides * voxel, axis)) for axis in range(3)]) / voxel
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
