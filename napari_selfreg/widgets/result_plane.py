"""A result layer seen as a flat label image, and its table the way napari's own table wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box
from napari_selfreg.widgets.areas import view_box
from napari_selfreg.widgets.layers import Picture

Table = Mapping[str, npt.NDArray[Any]]

MOST_ROWS = 5_000_000
"""Of empty rows and objects together: half a gigabyte. A brush can be given any number as id."""


def plane_axes(layer: Any) -> tuple[int, int]:
    """Return the two axes of a Labels layer that hold the picture: all others have length 1."""
    long = [axis for axis, length in enumerate(layer.data.shape) if length > 1]
    if len(long) == 2:
        return long[0], long[1]
    return layer.ndim - 2, layer.ndim - 1


def label_plane(layer: Any) -> npt.NDArray[np.integer[Any]]:
    """Return the labels, shape (Y, X): a view of the layer's own where it holds an array."""
    axes = plane_axes(layer)
    index = tuple(slice(None) if axis in axes else 0 for axis in range(layer.ndim))
    return np.asarray(layer.data[index])


def label_view(viewer: Any, layer: Any) -> Box:
    """Return what the window shows of a Labels layer, in its pixels; empty if nothing."""
    picture = Picture(
        data=layer.data,
        axes=plane_axes(layer),
        position=(0,) * layer.ndim,
        factors=(1.0,) * layer.ndim,
        rgb=False,
        name=str(layer.name),
    )
    return view_box(viewer, layer, picture)


def label_point(layer: Any, row: float, column: float) -> npt.NDArray[np.float64]:
    """Return the world coordinates of a row and column of the labels."""
    point = np.zeros(layer.ndim)
    point[list(plane_axes(layer))] = row, column
    return np.asarray(layer.data_to_world(point), dtype=np.float64)


def feature_rows(table: Table) -> dict[str, Any]:
    """Return a table with one row for every number from 0 to the last object id.

    Napari's Features Table takes the place of a row for the label (`selected_label`), whatever
    the column ``index`` says: so every object stands at the place of its id, and the rows of the
    background and of objects that are gone are empty. Where an id is so large that such rows would
    fill the memory, there is one row per object only, and only the table's selection is wrong.

    Parameters
    ----------
    table : mapping of str to ndarray
        Columns of `measure_objects`, one row per object.
    """
    index = np.asarray(table["index"], dtype=np.int64)
    size = int(index.max(initial=0)) + 1
    if size > MOST_ROWS:
        return {**table, "index": index}
    rows: dict[str, Any] = {"index": np.arange(size)}
    for name, column in table.items():
        if name == "index":
            continue
        values = np.asarray(column)
        text = values.dtype.kind not in "fiub"
        empty: Any = np.full(size, None, object) if text else np.full(size, np.nan)
        empty[index] = values
        rows[name] = empty
    return rows


def table_of(features: Any) -> dict[str, npt.NDArray[Any]]:
    """Return the rows of a layer's features that belong to objects, by ascending id.

    Parameters
    ----------
    features : pandas.DataFrame
        With or without the empty rows of `feature_rows`.
    """
    if "index" not in features or "area_um2" not in features:
        return {}
    index = features["index"].to_numpy(dtype=np.int64)
    area = features["area_um2"].to_numpy(dtype=np.float64)
    there = np.flatnonzero((index > 0) & np.isfinite(area))
    rows = there[np.argsort(index[there], kind="stable")]
    table = {str(name): features[name].to_numpy()[rows] for name in features.columns}
    return {**table, "index": index[rows].astype(np.int32)}


def with_classes(table: Table, named: Mapping[int, str]) -> dict[str, npt.NDArray[Any]]:
    """Return a table in which some objects have another class.

    Parameters
    ----------
    table : mapping of str to ndarray
        Columns of `measure_objects`, one row per object.
    named : mapping of int to str
        The class of each of these objects, by id.
    """
    pairs = zip(table["index"].tolist(), table["class"].tolist(), strict=True)
    names = [named.get(number, name) for number, name in pairs]
    return {**table, "class": np.array(names, dtype=object)}


def is_aligned(features: Any) -> bool:
    """Tell whether every row stands at the place of its id."""
    if "index" not in features:
        return False
    return bool(np.array_equal(features["index"].to_numpy(), np.arange(len(features))))
