"""From an image layer to the volume it shows, and what both know of each other.

A volume is a grey image layer of three axes. Layers that we have opened know their file; others
are taken as they are. Nothing here changes a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.grid import Grid, Spacing
from napari_selfreg.widgets.layers import channel_axis_of, is_picture

VOLUME_KEY = "napari_selfreg_volume"
"""Metadata key of an image layer: the `Grid` of its file."""

AXES = ("z", "y", "x")
NO_UNIT = "The layer states no unit of length: its scale is taken as millimetres."


@dataclass(frozen=True, slots=True, eq=False)
class VolumeView:
    """What a job needs to know of a volume layer; it never touches the layer.

    Parameters
    ----------
    data : array-like, any real type
        The layer's data, three axes.
    order : (int, int, int)
        The layer's axes that are z, y and x.
    spacing : (float, float, float)
        Millimetres per voxel along z, y and x.
    grid : Grid
        Where the voxels lie: of its file where there is one.
    notes : tuple of str
        What was assumed.
    """

    data: Any
    order: tuple[int, int, int]
    spacing: Spacing
    grid: Grid
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the volume for files and tables."""
        return self.grid.stem

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        z, y, x = (int(self.data.shape[axis]) for axis in self.order)
        return z, y, x

    def read(self) -> npt.NDArray[np.float32]:
        """Return the voxels, float32 of shape (Z, Y, X), all finite."""
        voxels = np.asarray(self.data).transpose(self.order)
        voxels = np.ascontiguousarray(voxels, dtype=np.float32)
        good = np.isfinite(voxels)
        if good.all():
            return voxels
        if not good.any():
            raise BadInputError("The volume holds no finite number: open it again.")
        return np.where(good, voxels, voxels[good].min()).astype(np.float32)

    def as_layer(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn an array (Z, Y, X, ...) into the order of the layer's axes."""
        back = np.argsort(self.order)
        return np.ascontiguousarray(values.transpose(*back, *range(3, values.ndim)))

    def fits(self, layer: Any) -> bool:
        """Tell whether a layer still shows this volume."""
        return is_volume(layer) and tuple(layer.data.shape) == tuple(self.data.shape)


def is_volume(layer: Any) -> bool:
    """Tell whether a layer is a volume to segment: grey, of three axes, none of them colours."""
    return (
        layer is not None
        and is_picture(layer)
        and not layer.rgb
        and not layer.multiscale
        and layer.ndim == 3
        and (VOLUME_KEY in layer.metadata or channel_axis_of(layer) is None)
    )


def volume_of(layer: Any) -> VolumeView:
    """Describe the volume of a layer; reads no voxels.

    Raises
    ------
    BadInputError
        If the layer is no volume, or a single slice.
    """
    if not is_volume(layer):
        raise BadInputError(f"“{layer.name}” is no volume: choose a grey layer of three axes.")
    if min(layer.data.shape) < 2:
        raise BadInputError(
            f"“{layer.name}” is a single slice: open a volume of two slices at least."
        )
    order = axes_of(layer)
    notes: tuple[str, ...] = ()
    sizes = [abs(float(layer.scale[axis])) for axis in order]
    units = [_millimetres(layer.units[axis]) for axis in order]
    if any(unit is None for unit in units):
        notes = (NO_UNIT,)
    z, y, x = (size * (unit or 1.0) for size, unit in zip(sizes, units, strict=True))
    return VolumeView(layer.data, order, (z, y, x), grid_of(layer, (z, y, x), order), notes)


def unsized(layer: Any) -> bool:
    """Tell whether a layer is a volume of which nobody has said how large its voxels are."""
    return is_volume(layer) and any(_millimetres(unit) is None for unit in layer.units)


def axes_of(layer: Any) -> tuple[int, int, int]:
    """Return which axes of a layer are z, y and x: as they are named, else in this order."""
    names = [str(label).lower() for label in layer.axis_labels]
    if sorted(names) != sorted(AXES):
        return 0, 1, 2
    z, y, x = (names.index(axis) for axis in AXES)
    return z, y, x


def grid_of(layer: Any, spacing: Spacing, order: Sequence[int] = (0, 1, 2)) -> Grid:
    """Return the grid of the file a layer shows; one without place where there is no file."""
    grid = layer.metadata.get(VOLUME_KEY)
    z, y, x = (int(layer.data.shape[axis]) for axis in order)
    if isinstance(grid, Grid) and grid.shape == (z, y, x) and np.allclose(grid.spacing, spacing):
        return grid
    return Grid((z, y, x), spacing, None, stem_of_volume(layer), source="option")


def stem_of_volume(layer: Any) -> str:
    """Return the name of a volume for files and tables: of its file, else of its layer."""
    grid = layer.metadata.get(VOLUME_KEY)
    if isinstance(grid, Grid):
        return grid.stem
    path = getattr(layer.source, "path", None)
    if path:
        from napari_selfreg.io.volume.names import volume_stem

        return volume_stem(Path(path))
    kept = (letter if letter not in '/\\:*?"<>|' else "_" for letter in str(layer.name))
    return "".join(kept) or "volume"


def same_place(layer: Any) -> dict[str, Any]:
    """Return the arguments that put a layer of the same voxels exactly on a volume."""
    return {
        "scale": np.array(layer.scale),
        "translate": np.array(layer.translate),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
        "units": list(layer.units),
        "axis_labels": list(layer.axis_labels),
    }


def place_on(
    layer: Any, order: Sequence[int], scale: Sequence[float], translate: Sequence[float]
) -> dict[str, Any]:
    """Return the arguments that put a layer of other voxels on a volume.

    Parameters
    ----------
    layer : napari.layers.Image
        The volume, as it lies now.
    order : three int
        Its axes that are z, y and x.
    scale : three float
        Voxels of the volume per voxel of the other layer, along z, y and x.
    translate : three float
        Where the middle of the other layer's first voxel lies, in voxels of the volume.
    """
    axes = list(order)
    point = np.zeros(3)
    point[axes] = translate
    place = same_place(layer)
    moved = np.asarray(layer.data_to_world(point)) - np.asarray(layer.data_to_world(np.zeros(3)))
    linear = np.asarray(place["affine"])[:-1, :-1]
    stretched = np.array(place["scale"], dtype=np.float64)
    stretched[axes] *= scale
    moved_by = np.linalg.solve(linear, moved)
    return {**place, "scale": stretched, "translate": np.asarray(place["translate"]) + moved_by}


def in_words(spacing: Spacing) -> str:
    """Return the size of voxels as a person reads it, along z, y and x."""
    return " × ".join(f"{size:.3g}" for size in spacing) + " mm"


def _millimetres(unit: Any) -> float | None:
    """Return one unit of length in millimetres, None for pixels and other things."""
    if not unit.is_compatible_with("millimeter"):
        return None
    return float((1 * unit).to("millimeter").magnitude)
