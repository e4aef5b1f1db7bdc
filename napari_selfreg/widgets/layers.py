"""From an image layer to the flat picture a person looks at, and back onto the layer.

A picture is one plane of a layer at one resolution: layers may have sliders, channels, several
resolutions, and any scale, rotation, shear or position. Nothing here changes a layer.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.io.rgb import RgbRule, as_yxc, rule_for, to_rgb8

OWN_KEY = "napari_selfreg"
"""Metadata key of layers that belong to us and are never offered as a picture."""

EXTRA = "extra"
"""Value of `OWN_KEY` of layers that a person has asked for: they stay with their image."""

REGIONS = "regions"
"""Value of `OWN_KEY` of the layer with reviewed regions."""

ORIGIN_KEY = "pixel_size_origin"
"""Metadata key of a layer: where its pixel size comes from, if not from the image."""

EAGER_PIXELS = 64_000_000
"""Lazy pictures up to this many pixels are read whole."""

_TILE = 1024
_CHANNEL_LABELS = ("c", "channel", "channels", "rgb", "s")


@dataclass(frozen=True, slots=True)
class Plane:
    """Which plane of a layer a picture is; its parameters are those of `Picture`."""

    axes: tuple[int, int]
    position: tuple[int, ...]

    def lies_in(self, layer: Any) -> bool:
        """Tell whether an image layer has such a plane."""
        shape = layer.data[0].shape if layer.multiscale else layer.data.shape
        inside = zip(self.position, shape, strict=False)  # the shape may end with colours
        return len(self.position) == layer.ndim and all(at < length for at, length in inside)


@dataclass(frozen=True, slots=True)
class Picture:
    """One plane of a layer at one resolution.

    Parameters
    ----------
    data : array-like
        The layer's data at that resolution, lazy or not, with all its axes.
    axes : tuple of int
        The layer's axes of the plane: rows, then columns.
    position : tuple of int
        Index along every axis of the layer at full resolution; 0 along `axes` and channels.
    factors : tuple of float
        Pixels of the layer at full resolution per pixel of `data`, for every axis.
    rgb : bool
        Whether `data` has colours along one more axis, the last.
    channel_axis : int, optional
        The layer's axis that holds the colours, where they are not last.
    name : str
        Name of the layer, for error messages.
    """

    data: Any
    axes: tuple[int, int]
    position: tuple[int, ...]
    factors: tuple[float, ...]
    rgb: bool
    channel_axis: int | None = None
    name: str = "the image"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.data.shape[self.axes[0]]), int(self.data.shape[self.axes[1]])

    @property
    def plane(self) -> Plane:
        """Which plane it is."""
        return Plane(self.axes, self.position)

    @property
    def plane_factors(self) -> npt.NDArray[np.float64]:
        """`factors` of rows and columns."""
        return np.array([self.factors[axis] for axis in self.axes], dtype=np.float64)

    @property
    def is_grey(self) -> bool:
        """Whether there is one value per pixel."""
        return not self.rgb and self.channel_axis is None

    def fits(self, layer: Any) -> bool:
        """Tell whether a layer still has a plane like this one."""
        levels = list(layer.data) if layer.multiscale else [layer.data]
        return layer.ndim == len(self.position) and any(
            tuple(level.shape) == tuple(self.data.shape) for level in levels
        )

    def read(self, box: Box | None = None) -> npt.NDArray[Any]:
        """Read a part of the plane: shape (Y, X) if grey, else (Y, X, channels), any dtype."""
        part = box if box is not None else Box(0, 0, *self.shape)
        plane = np.asarray(self.data[self._index(part)])
        if self.channel_axis is not None:
            kept = sorted((*self.axes, self.channel_axis))
            plane = np.moveaxis(plane, kept.index(self.channel_axis), -1)
        return plane

    def colours(self) -> Any:
        """Return the plane as uint8 RGB, (Y, X, 3): an array, or a lazy one if it is large."""
        if isinstance(self.data, LazyLevel):
            return self.data
        rows, columns = self.shape
        if isinstance(self.data, np.ndarray) or rows * columns <= EAGER_PIXELS:
            return to_rgb8(self.read(), self.name)
        chunk = getattr(self.data, "chunksize", None) or getattr(self.data, "chunks", None)
        tile = (chunk[self.axes[0]], chunk[self.axes[1]]) if chunk else (_TILE, _TILE)
        rule = self._rule()
        return LazyLevel(lambda box: rule.apply(self._yxc(box)), self.shape, tile, self.name)

    def _rule(self) -> RgbRule:
        """Judge the depth of a large picture from a part in its middle."""
        if self.data.dtype == np.uint8:
            return RgbRule()
        (row, column), side = (length // 2 for length in self.shape), 2 * _TILE
        middle = Box(row - side, column - side, row + side, column + side)
        sample = self._yxc(middle.intersect(Box(0, 0, *self.shape)))
        return rule_for(sample, self.name, part=True)

    def _yxc(self, box: Box) -> npt.NDArray[Any]:
        return as_yxc(self.read(box), self.name)

    def _index(self, part: Box) -> tuple[int | slice, ...]:
        index: list[int | slice] = [
            min(int(place / factor), length - 1)
            for place, factor, length in zip(
                self.position, self.factors, self.data.shape, strict=False
            )
        ]
        index[self.axes[0]], index[self.axes[1]] = part.slices
        if self.channel_axis is not None:
            index[self.channel_axis] = slice(None)
        return tuple(index)

    def to_picture(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Turn data coordinates of the layer, shape (N, D), into rows and columns, (N, 2).

        Pixel centres lie on whole numbers in both, and coarse pixels cover whole blocks of fine
        ones.
        """
        factors = self.plane_factors
        return (points[:, list(self.axes)] - (factors - 1) / 2) / factors

    def to_data(self, row: float, column: float) -> npt.NDArray[np.float64]:
        """Turn a row and column into data coordinates of the layer, shape (D,)."""
        point = np.array(self.position, dtype=np.float64)
        factors = self.plane_factors
        point[list(self.axes)] = np.array([row, column]) * factors + (factors - 1) / 2
        return point


def layer_by_id(viewer: Any, wanted: Hashable) -> Any:
    """Return the layer of a viewer that has this ``unique_id``, None if it is gone."""
    return next((each for each in viewer.layers if each.unique_id == wanted), None)


def is_picture(layer: object) -> bool:
    """Tell whether a layer holds a picture to segment: an image, and not one of ours."""
    return isinstance(layer, Image) and OWN_KEY not in layer.metadata


def picture_of(
    viewer: Any, layer: Any, wanted: PixelSize | None = None, plane: Plane | None = None
) -> Picture:
    """Describe what the viewer shows of an image layer, or a certain plane; reads no pixels.

    Parameters
    ----------
    viewer : napari.Viewer
        Its sliders and the order of its axes choose the plane.
    layer : napari.layers.Image
        The image.
    wanted : PixelSize, optional
        Of several resolutions the one next to this is taken; the finest without it.
    plane : Plane, optional
        Taken instead of what sliders and order of axes choose.

    Returns
    -------
    Picture

    Raises
    ------
    BadInputError
        If the layer has no plane, or the sliders stand outside of it.
    """
    channel_axis = channel_axis_of(layer)
    levels = list(layer.data) if layer.multiscale else [layer.data]
    plane = plane or _shown_plane(viewer, layer, channel_axis, levels[0].shape)
    if not plane.lies_in(layer):
        raise BadInputError(f"“{layer.name}” has changed: it does not have this slice any more.")
    factors = np.asarray(layer.downsample_factors, dtype=np.float64)
    if not layer.multiscale:
        factors = np.ones((1, layer.ndim))
    level = _nearest_level(factors[:, list(plane.axes)], pixel_size_of(layer, plane.axes), wanted)
    return Picture(
        data=levels[level],
        axes=plane.axes,
        position=plane.position,
        factors=tuple(float(value) for value in factors[level]),
        rgb=bool(layer.rgb),
        channel_axis=channel_axis,
        name=str(layer.name),
    )


def pixel_size_of(layer: Any, axes: tuple[int, int] | None = None) -> PixelSize | None:
    """Return the size of the layer's pixels at full resolution, None where no unit is stated.

    Parameters
    ----------
    layer : napari.layers.Image
        The image.
    axes : tuple of int, optional
        Its axes of the plane; the last two without it.
    """
    lengths = []
    for axis in axes if axes is not None else _last_two(layer.ndim, channel_axis_of(layer)):
        micrometres = _micrometres(layer.units[axis])
        if micrometres is None:
            return None
        step = np.eye(layer.ndim)[axis]
        origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
        lengths.append(
            float(np.linalg.norm(np.asarray(layer.data_to_world(step)) - origin)) * micrometres
        )
    try:
        return PixelSize(*lengths)
    except BadInputError:
        return None


def world_to_layer(
    layer: Any, points: npt.ArrayLike, units: Sequence[Any] | None = None
) -> npt.NDArray[np.float64]:
    """Turn world coordinates, shape (N, W), into data coordinates of a layer, shape (N, D).

    Missing leading axes become 0, surplus ones are dropped. `units` are those of the world.
    """
    world = np.atleast_2d(np.asarray(points, dtype=np.float64))
    missing = layer.ndim - world.shape[1]
    world = np.pad(world, ((0, 0), (max(0, missing), 0)))[:, -layer.ndim :]
    if units is not None:
        pairs = zip(reversed(list(units)), reversed(list(layer.units)), strict=False)
        for back, (theirs, ours) in enumerate(pairs, start=1):
            world[:, -back] *= _unit_ratio(theirs, ours)
    return np.array([layer.world_to_data(point) for point in world])


def _shown_plane(viewer: Any, layer: Any, channel_axis: int | None, shape: Sequence[int]) -> Plane:
    axes = _plane_axes(viewer, layer, channel_axis)
    return Plane(axes, _position(viewer, layer, axes, channel_axis, shape))


def _plane_axes(viewer: Any, layer: Any, channel_axis: int | None) -> tuple[int, int]:
    """Return the layer's axes on the screen, or its last two where they are not there."""
    if layer.ndim - (channel_axis is not None) < 2:
        raise BadInputError(f"“{layer.name}” is no picture: choose a layer with rows and columns.")
    surplus = viewer.dims.ndim - layer.ndim
    shown = sorted(int(axis) - surplus for axis in viewer.dims.displayed)
    if len(shown) == 2 and shown[0] >= 0 and channel_axis not in shown:
        return shown[0], shown[1]
    return _last_two(layer.ndim, channel_axis)


def _last_two(ndim: int, channel_axis: int | None) -> tuple[int, int]:
    kept = [axis for axis in range(ndim) if axis != channel_axis]
    return kept[-2], kept[-1]


def channel_axis_of(layer: Any) -> int | None:
    """Return the axis with 3 or 4 colours in a layer that napari does not take as colours.

    That is an axis named so or, where no axis has a name, the first or last one of three in a
    picture of bytes.
    """
    if layer.rgb or layer.ndim < 3:
        return None
    shape = layer.data[0].shape if layer.multiscale else layer.data.shape
    colours = [axis for axis, length in enumerate(shape) if length in (3, 4)]
    for axis in colours:
        if str(layer.axis_labels[axis]).lower() in _CHANNEL_LABELS:
            return axis
    # Napari names the axes of a layer "-3", "-2", "-1" by itself.
    unnamed = all(str(label).removeprefix("-").isdigit() for label in layer.axis_labels)
    if unnamed and layer.ndim == 3 and layer.dtype == np.uint8:
        return next((axis for axis in (0, 2) if axis in colours), None)
    return None


def _position(
    viewer: Any,
    layer: Any,
    axes: tuple[int, int],
    channel_axis: int | None,
    shape: Sequence[int],
) -> tuple[int, ...]:
    point = world_to_layer(layer, [viewer.dims.point])[0]
    position = [0] * layer.ndim
    for axis in range(layer.ndim):
        if axis in axes or axis == channel_axis:
            continue
        position[axis] = round(float(point[axis]))
        if not 0 <= position[axis] < shape[axis]:
            raise BadInputError(
                f"The slider stands outside “{layer.name}”: move it to a slice of this image."
            )
    return tuple(position)


def _nearest_level(
    factors: npt.NDArray[np.float64], finest: PixelSize | None, wanted: PixelSize | None
) -> int:
    if finest is None or wanted is None:
        return 0
    sizes = np.sqrt(factors.prod(axis=1)) * finest.mean
    return int(np.argmin(np.abs(np.log(sizes / wanted.mean))))


def _micrometres(unit: Any) -> float | None:
    """Return one unit of length in micrometres, None for pixels and other things."""
    if not unit.is_compatible_with("micrometer"):
        return None
    return float((1 * unit).to("micrometer").magnitude)


def _unit_ratio(theirs: Any, ours: Any) -> float:
    a, b = _micrometres(theirs), _micrometres(ours)
    return 1.0 if a is None or b is None else a / b
