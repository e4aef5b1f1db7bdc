"""A volume in memory and the grid it lies on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]
Affine = npt.NDArray[np.float64]
SpacingSource = Literal["option", "file", "assumed"]
"""Who stated the size of voxels: a person, the file, or nobody all of it."""

_SLACK = 0.1
"""How far, in voxels, the corners of two grids may lie apart if they are to count as one grid."""


class OnGrid(Protocol):
    """What has a place in space: a `Volume` or a `Grid`."""

    @property
    def shape(self) -> Shape:
        """Voxels along z, y and x."""
        ...

    @property
    def spacing(self) -> Spacing:
        """Millimetres per voxel along z, y and x."""
        ...

    @property
    def affine(self) -> Affine | None:
        """Voxel (x, y, z) to millimetres in space, if known."""
        ...

    @property
    def stem(self) -> str:
        """Name without folder and suffix."""
        ...

    @property
    def source(self) -> SpacingSource:
        """Who stated the spacing."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Storage:
    """How a NIfTI file stores its grid, to write another file of the very same kind.

    Parameters
    ----------
    turn : ndarray of float64, shape (3, 2)
        Orientation of the stored axes as nibabel notes it: for each of them the axis of the
        turned volume, and 1 or -1 where it runs backwards.
    header : mapping of str to ndarray
        Fields of the NIfTI header that state place and size of the voxels, and no others: the
        rest may name a person.
    """

    turn: npt.NDArray[np.float64]
    header: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """Where the voxels of a file lie, without their values.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels along z, y and x.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    affine : ndarray of float64, shape (4, 4), or None
        Takes the index (x, y, z, 1) of a voxel, in this order, to millimetres right, front and
        top of the scanner's origin, as in nibabel. None where the file states no place: then the
        axes are in the order they are stored in.
    stem : str
        Name of the file without folder and suffix.
    notes : tuple of str
        Sentences about what was assumed.
    storage : Storage, optional
        How a NIfTI file stored it.
    source : {"option", "file", "assumed"}
        Who stated the spacing: a person, the file, or nobody all of it.
    """

    shape: Shape
    spacing: Spacing
    affine: Affine | None
    stem: str
    notes: tuple[str, ...] = ()
    storage: Storage | None = field(default=None, repr=False)
    source: SpacingSource = "file"


@dataclass(frozen=True, eq=False, slots=True)
class Volume:
    """One volume, turned so that its axes run upwards, to the front and to the right.

    Parameters
    ----------
    voxels : ndarray of float32, shape (Z, Y, X)
        Intensities as stored, all finite. Z runs from foot to head, Y from back to front, X from
        left to right, if the file states an orientation (nibabel's "RAS", read backwards).
    spacing, affine, stem, notes, storage, source
        As for `Grid`.
    """

    voxels: npt.NDArray[np.float32] = field(repr=False)
    spacing: Spacing
    affine: Affine | None
    stem: str
    notes: tuple[str, ...] = ()
    storage: Storage | None = field(default=None, repr=False)
    source: SpacingSource = "file"

    @property
    def shape(self) -> Shape:
        """Voxels along z, y and x."""
        z, y, x = self.voxels.shape
        return z, y, x

    @classmethod
    def on(cls, grid: Grid, voxels: npt.NDArray[np.float32]) -> Volume:
        """Return the volume of a grid with its values."""
        place = grid.spacing, grid.affine, grid.stem, grid.notes, grid.storage
        return cls(voxels, *place, grid.source)

    @property
    def grid(self) -> Grid:
        """The place of the voxels without their values."""
        place = self.shape, self.spacing, self.affine, self.stem, self.notes, self.storage
        return Grid(*place, self.source)


def same_grid(a: OnGrid, b: OnGrid) -> bool:
    """Tell whether two volumes have the same voxels at the same places.

    Their corners may lie a tenth of a voxel apart: programs round differently. Where one of them
    states no place only shape and spacing count.
    """
    return a.shape == b.shape and _difference(a, b) is None


def require_same_grid(image: OnGrid, labels: OnGrid) -> None:
    """Refuse labels that do not lie on their image.

    Raises
    ------
    BadInputError
        Naming both files and what differs: the number of voxels, their size, or their place.
    """
    if labels.shape != image.shape:
        raise BadInputError(
            f"The labels {labels.stem} have {_times(labels.shape)} voxels but their image "
            f"{image.stem} has {_times(image.shape)}: resample the labels to the grid of the image."
        )
    difference = _difference(image, labels)
    if difference is not None:
        raise BadInputError(
            f"The labels {labels.stem} and their image {image.stem} differ in {difference}: "
            "resample the labels to the grid of the image, or correct the header of one of them."
        )


def layer_scale(grid: OnGrid) -> Spacing:
    """Return the scale of a napari layer of this volume, in millimetres along z, y and x."""
    return grid.spacing


def layer_translate(grid: OnGrid) -> Spacing:
    """Return where voxel (0, 0, 0) lies, in millimetres along z, y and x; 0 if unknown.

    Together with `layer_scale` this places volumes that are not oblique exactly. Oblique ones are
    shown along their own axes, because napari cannot slice a rotated layer.
    """
    if grid.affine is None:
        return 0.0, 0.0, 0.0
    x, y, z = (float(value) for value in grid.affine[:3, 3])
    return z, y, x


def layer_affine(grid: OnGrid) -> Affine:
    """Return the full map from voxel (z, y, x, 1) to millimetres along z, y and x."""
    if grid.affine is None:
        return np.diag([*grid.spacing, 1.0])
    order = [2, 1, 0, 3]
    return grid.affine[np.ix_(order, order)]


def is_oblique(grid: OnGrid) -> bool:
    """Tell whether the voxels are rotated against the axes of the scanner."""
    if grid.affine is None:
        return False
    matrix = np.abs(grid.affine[:3, :3])
    off_axis = matrix - np.diag(np.diag(matrix))
    return bool(off_axis.max() > 1e-3 * matrix.max())


def _difference(a: OnGrid, b: OnGrid) -> str | None:
    """Return in words what differs between two grids of one shape."""
    span = np.array(a.shape) - 1
    far = np.abs(np.array(a.spacing) - np.array(b.spacing)) * np.maximum(span, 1)
    if np.any(far > _SLACK * np.array(a.spacing)):
        return f"the size of their voxels ({_times(b.spacing)} and {_times(a.spacing)} mm)"
    if a.affine is None or b.affine is None:
        return None
    corners = np.array(np.meshgrid(*([0, n] for n in span[::-1]), [1])).reshape(4, -1)
    apart = np.linalg.norm((a.affine - b.affine) @ corners, axis=0).max()
    if apart > _SLACK * min(a.spacing):
        return f"position or direction (by up to {apart:.3g} mm)"
    return None


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
