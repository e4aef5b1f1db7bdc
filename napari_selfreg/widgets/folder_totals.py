"""Totals of all segmented fields of the list, whether their objects are layers yet or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.totals import Totals, add_totals
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.result_plane import label_plane, table_of

Saved = Callable[[list[Any], Path | None], list[Totals]]
"""Totals of fields of which only files are there, as far as they are known yet."""


def folder_totals(fields: Any, shown: Totals | None, saved: Saved | None = None) -> Totals | None:
    """Sum up the fields of the list.

    Parameters
    ----------
    fields : FieldList or None
        The list.
    shown : Totals or None
        Of the field on show, which the caller knows best.
    saved : callable, optional
        Asked for what was saved of the fields that are neither on show nor in memory.

    Returns
    -------
    Totals or None
        None while there are fewer than two fields.
    """
    if fields is None or len(fields) < 2:
        return None
    others, absent = [], []
    for each in fields:
        found = [] if each is fields.current else list(_of(each))
        others += found
        # What she has removed from the picture in this session must not come back from the disk.
        if not found and each is not fields.current and not (each.recalled or each.is_volume):
            absent.append(each)
    if saved is not None:
        others += saved(absent, fields.output_dir)
    return add_totals([*others, *([shown] if shown is not None else [])])


def _of(field: Any) -> Iterator[Totals]:
    """Yield the totals of a field that is not shown, at most one."""
    layer = field.newest()
    info = None if layer is None else result_info(layer)
    if info is not None:
        change = _change(field, info.pixel_size)
        whole = Box(0, 0, *label_plane(layer).shape)
        part = info.place if info.probability is not None else whole
        pixels = info.pixels_in(part) if info.mask is not None else math.prod(part.shape)
        yield from _from_table(table_of(layer.features), info.label_size, pixels, change)
    elif field.pending is not None:
        done = field.pending[0].result
        scale, size = done.origin.scale, done.origin.pixel_size
        pixel = PixelSize(size.y * scale[0], size.x * scale[1])
        pixels = math.prod(done.result.box.shape)
        yield from _from_table(done.result.table, pixel, pixels, _change(field, size))


def _change(field: Any, before: PixelSize) -> float:
    """Return by how much areas change when the field is shown, at the size chosen by now."""
    size = field.size_to_come()
    return 1.0 if size is None else float(size.area_um2 / before.area_um2)


def _from_table(table: Any, pixel: PixelSize, pixels: int, change: float) -> Iterator[Totals]:
    if "area_um2" in table:
        areas = np.asarray(table["area_um2"], dtype=np.float64) * change
        region = float(pixels) * pixel.area_um2 * change
        yield Totals(len(areas), region, float(areas.sum()), areas)
