"""How far the surfaces of two masks lie apart, in millimetres if voxels are given in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_selfreg.core.metrics.hausdorff import diagonal
from napari_selfreg.core.metrics.overlap import Labels, check_shapes

Spacing = tuple[float, ...]
_Mask = npt.NDArray[np.bool_]

_ROUNDING = 1e-6
"""Relative difference that sums of the same steps may have."""


def hd95(prediction: Labels, truth: Labels, spacing: Spacing) -> float:
    """Return the 95th percentile Hausdorff distance of two masks.

    The larger of two 95th percentiles: of the distances from the surface of the prediction to the
    truth's, and of those the other way round (linear interpolation). That is the definition of
    MONAI, and of DeepMind's ``surface-distance`` but for the weights of the surface.

    Parameters
    ----------
    prediction, truth : ndarray of int or bool, any number of axes
        Nonzero is foreground.
    spacing : tuple of float
        Size of a voxel along each axis, usually in millimetres.

    Returns
    -------
    float
        At least 0, in the unit of `spacing`; 0 where both masks are empty. Where only one is, no
        distance exists: it is the diagonal of the grid, as for `object_hausdorff`.

    Raises
    ------
    ValueError
        If the shapes differ, or `spacing` does not fit them.
    """
    return SurfaceDistances.between(prediction, truth, spacing).hd95()


def surface_dice(
    prediction: Labels, truth: Labels, spacing: Spacing, tolerance: float = 1.0
) -> float:
    """Return the share of both surfaces that lies within a tolerance of the other.

    Normalised surface Dice [1]_ with every voxel of a surface counting the same.

    Parameters
    ----------
    prediction, truth : ndarray of int or bool, any number of axes
        Nonzero is foreground.
    spacing : tuple of float
        Size of a voxel along each axis, usually in millimetres.
    tolerance : float
        Largest distance that counts as agreement, in the unit of `spacing`.

    Returns
    -------
    float
        In [0, 1]; 1 where both masks are empty, 0 where only one is.

    Raises
    ------
    ValueError
        If the shapes differ, or `spacing` does not fit them.

    References
    ----------
    .. [1] S. Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for
       radiotherapy", Journal of Medical Internet Research 23 (2021), doi 10.2196/26151.
    """
    return SurfaceDistances.between(prediction, truth, spacing).dice(tolerance)


@dataclass(frozen=True, eq=False, slots=True)
class SurfaceDistances:
    """From every voxel of one surface to the nearest voxel of the other.

    The surface of a mask is made of its voxels with a face on the background; outside the grid is
    background.

    Parameters
    ----------
    from_prediction, from_truth : ndarray of float64, shape (voxels,)
        In the unit of the spacing; infinite where the other mask is empty.
    farthest : float
        The diagonal of the grid, the largest distance two of its voxels can have.
    """

    from_prediction: npt.NDArray[np.float64]
    from_truth: npt.NDArray[np.float64]
    farthest: float

    @classmethod
    def between(cls, prediction: Labels, truth: Labels, spacing: Spacing) -> SurfaceDistances:
        """Measure two masks on one grid, once for several metrics; see `hd95`."""
        check_shapes(prediction, truth)
        if len(spacing) != truth.ndim or not all(0 < size < np.inf for size in spacing):
            raise ValueError(f"{truth.ndim} finite sizes above 0 expected, got {spacing}")
        first, second = prediction != 0, truth != 0
        box = _box(first | second)  # beyond it there is no surface to be near to
        first, second = _surface(first[box]), _surface(second[box])
        return cls(
            _distances(first, second, spacing),
            _distances(second, first, spacing),
            diagonal(truth.shape, spacing),
        )

    def hd95(self) -> float:
        """Return the larger 95th percentile; see the function of that name."""
        sides = (self.from_prediction, self.from_truth)
        if not all(side.size for side in sides):
            return self.farthest if any(side.size for side in sides) else 0.0
        return max(float(np.percentile(side, 95)) for side in sides)

    def dice(self, tolerance: float = 1.0) -> float:
        """Return the share of both surfaces within `tolerance`; see `surface_dice`."""
        both = np.concatenate([self.from_prediction, self.from_truth])
        return float(np.mean(both <= tolerance * (1 + _ROUNDING))) if both.size else 1.0


def _distances(of: _Mask, to: _Mask, spacing: Spacing) -> npt.NDArray[np.float64]:
    if not to.any():
        return np.full(int(np.count_nonzero(of)), np.inf)
    distances: npt.NDArray[np.float64] = ndimage.distance_transform_edt(~to, spacing)[of]
    return distances


def _surface(mask: _Mask) -> _Mask:
    surface: _Mask = mask & ~ndimage.binary_erosion(mask)
    return surface


def _box(mask: _Mask) -> tuple[slice, ...]:
    """Return the smallest box around a mask, everything if it is empty."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    return boxes[0] if boxes else tuple(slice(None) for _ in mask.shape)
