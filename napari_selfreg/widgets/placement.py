"""Lay a result exactly on the picture it belongs to, however the image lies in the world."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.widgets.layers import Picture


def placement(
    layer: Any, picture: Picture, origin: tuple[float, float] = (0, 0), step: int = 1
) -> dict[str, Any]:
    """Return the arguments that put a result exactly on its image.

    Parameters
    ----------
    layer : napari.layers.Image
        The image as it lies now.
    picture : Picture
        The plane the result belongs to.
    origin : tuple of float
        Row and column of the picture where the result begins.
    step : int
        Rows and columns of the picture per pixel of the result.

    Returns
    -------
    dict
        ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, ``units`` and
        ``axis_labels``, for a layer with the axes of the image without its channels.
    """
    affine = np.asarray(layer.affine.affine_matrix)
    row, column = (place + (step - 1) / 2 for place in origin)
    start = np.asarray(layer.data_to_world(picture.to_data(row, column)))
    moved = start - np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    kept = [axis for axis in range(layer.ndim) if axis != picture.channel_axis]
    cut = np.ix_(kept, kept)
    scale = np.asarray(layer.scale) * picture.factors
    scale[list(picture.axes)] *= step
    translate = np.asarray(layer.translate) + np.linalg.solve(affine[:-1, :-1], moved)
    return {
        "scale": scale[kept],
        "translate": translate[kept],
        "rotate": np.asarray(layer.rotate)[cut],
        "shear": _shear_matrix(layer.shear, layer.ndim)[cut],
        "affine": affine[np.ix_([*kept, -1], [*kept, -1])],
        "units": [layer.units[axis] for axis in kept],
        "axis_labels": [layer.axis_labels[axis] for axis in kept],
    }


def expand(plane: npt.NDArray[Any], picture: Picture) -> npt.NDArray[Any]:
    """Give a plane, shape (Y, X), the other axes of its layer (length 1), without channels."""
    shape = [1] * len(picture.position)
    shape[picture.axes[0]], shape[picture.axes[1]] = plane.shape
    if picture.channel_axis is not None:
        del shape[picture.channel_axis]
    return plane.reshape(shape)


def _shear_matrix(shear: npt.ArrayLike, ndim: int) -> npt.NDArray[np.float64]:
    """Return napari's shear (a matrix, or what stands above its diagonal) as a matrix."""
    values = np.asarray(shear, dtype=np.float64)
    if values.ndim == 2:
        return values
    matrix = np.eye(ndim)
    matrix[np.triu_indices(ndim, k=1)] = values
    return matrix
