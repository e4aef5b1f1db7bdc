"""What the Results panel computes in a thread: counting, measuring, saving."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.measurements import Measurements, measure_objects
from napari_selfreg.core.totals import ObjectPlaces, Totals, find_places, totals_in
from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.outputs import Origin, results_steps
from napari_selfreg.io.qupath_tiles import SlidePlace, place_by_name
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.result_info import IMPORTED, ResultInfo
from napari_selfreg.widgets.result_plane import table_of

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A result layer as it was when a job was started.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        The layer's own: jobs that write take a copy first.
    info : ResultInfo
        Where the objects come from.
    features : pandas.DataFrame
        The layer's table.
    picture : Picture, optional
        The plane of the image below, None if it is gone.
    full_shape : (int, int), optional
        Rows and columns of the image at full resolution.
    touched : bool
        Whether a person has changed the objects.
    """

    labels: Labels
    info: ResultInfo
    features: Any
    picture: Picture | None = None
    full_shape: tuple[int, int] | None = None
    touched: bool = False

    @property
    def examined(self) -> Box:
        """The part of the labels that was segmented; all of it for imported labels."""
        whole = Box(0, 0, *self.labels.shape)
        if self.info.model_name == IMPORTED:
            return whole
        part = self.info.place.intersect(whole)
        return whole if part.empty else part

    def pixels_in(self, part: Box) -> int:
        """Return how many pixels of a part of `examined` count: all, or those outlined."""
        if self.info.mask is None:
            return part.shape[0] * part.shape[1]
        return self.info.pixels_in(part)


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What is known of a result.

    Parameters
    ----------
    snapshot : Snapshot
        What was looked at.
    places : ObjectPlaces
        Where every object lies.
    table : dict of str to ndarray
        Measurements, one row per object.
    fresh : bool
        Whether the layer's own table was out of date.
    totals : Totals
        Of the field.
    """

    snapshot: Snapshot
    places: ObjectPlaces
    table: Measurements
    fresh: bool
    totals: Totals


def survey(snapshot: Snapshot) -> Generator[Event, None, Survey]:
    """Count the objects of a result, and measure them where its table is out of date."""
    yield Progress(0, 0, "Counting objects")
    places = find_places(snapshot.labels)
    size = snapshot.info.label_size
    table = table_of(snapshot.features)
    fresh = not _describes(table, places, size.area_um2)
    if fresh:
        yield Progress(0, 0, "Measuring objects")
        table = measure(snapshot, np.array(snapshot.labels, dtype=np.int32))
    pixels = snapshot.pixels_in(snapshot.examined)
    totals = totals_in(snapshot.labels, places, size, region_pixels=pixels)
    return Survey(snapshot, places, table, fresh, totals)


def view_totals(found: Survey, box: Box) -> Generator[Event, None, Totals]:
    """Sum up the part of a field that is in view."""
    yield Progress(0, 0)
    part = box.intersect(found.snapshot.examined)
    size = found.snapshot.info.label_size
    pixels = found.snapshot.pixels_in(part)
    return totals_in(found.snapshot.labels, found.places, size, part, region_pixels=pixels)


def measure(snapshot: Snapshot, labels: npt.NDArray[np.int32]) -> Measurements:
    """Measure labels on their image: those a person has drawn have rows too."""
    info = snapshot.info
    rgb = None if snapshot.picture is None else _Part(snapshot.picture, info.origin, labels.shape)
    return measure_objects(
        labels,
        rgb,
        _on_labels(info, labels.shape),
        info.label_size,
        info.classes,
        _known_classes(snapshot.features),
    )


def save_results(
    snapshot: Snapshot, directory: Path, compressed: bool
) -> Generator[Event, None, dict[str, Path]]:
    """Write the three files of a result as it is now.

    Raises
    ------
    WriteError
        If the folder cannot be written; every file stays as it was.
    """
    yield Progress(0, 0, "Measuring objects")
    labels = np.array(snapshot.labels, dtype=np.int32)
    table = measure(snapshot, labels)
    count = len(table["index"])
    yield Progress(0, count, "Writing outlines")
    steps = results_steps(
        directory, labels, table, origin_of(snapshot, table), compressed=compressed
    )
    while True:
        try:
            written = next(steps)
        except StopIteration as end:
            files: dict[str, Path] = end.value
            return files
        try:
            yield Progress(written, count, "Writing outlines")
        except GeneratorExit:
            steps.close()
            raise


def origin_of(snapshot: Snapshot, table: Mapping[str, npt.NDArray[Any]]) -> Origin:
    """Return what the files of a result say of it."""
    info = snapshot.info
    others = sorted({str(name) for name in table["class"]} - {*info.classes, ""})
    imported = info.model_name == IMPORTED
    return Origin(
        info.stem,
        info.model_name,
        info.pixel_size,
        info.um_source,
        (*info.classes, *others),
        info.factors,
        place_on_slide(snapshot),
        None if imported else info.settings,
        corrected=snapshot.touched,
    )


def place_on_slide(snapshot: Snapshot) -> SlidePlace | None:
    """Return where the labels lie on the slide their image was cut from.

    None if they lie at the corner of an image of its own.
    """
    info, place = snapshot.info, None
    if snapshot.full_shape is not None:
        place, _ = place_by_name(info.stem, snapshot.full_shape)
    if place is None and info.origin == (0, 0):
        return None
    row, column = (start * factor for start, factor in zip(info.origin, info.factors, strict=True))
    return (place or SlidePlace()).of_part(row, column, (1.0, 1.0))


def _describes(table: Measurements, places: ObjectPlaces, pixel_um2: float) -> bool:
    return bool(
        table
        and np.array_equal(table["index"], places.index)
        and np.allclose(table["area_um2"].astype(np.float64), places.pixels * pixel_um2)
    )


def _known_classes(features: Any) -> dict[int, str]:
    table = table_of(features)
    if "class" not in table:
        return {}
    return dict(zip(table["index"].tolist(), map(str, table["class"].tolist()), strict=True))


def _on_labels(info: ResultInfo, shape: tuple[int, ...]) -> npt.NDArray[np.floating[Any]] | None:
    """Return the class probabilities on the grid of the labels, 0 where nothing was examined."""
    if info.probability is None:
        return None
    planes = info.probability[: len(info.classes)]
    if info.place == Box(0, 0, *shape):
        return planes
    whole = np.zeros((len(planes), *shape), dtype=planes.dtype)
    part = info.place.intersect(Box(0, 0, *shape))
    inner = part.shift(-info.place.y0, -info.place.x0)
    whole[:, *part.slices] = planes[:, *inner.slices]
    return whole


class _Part:
    """Rows of a part of a picture, read when they are asked for."""

    def __init__(self, picture: Picture, origin: tuple[int, int], shape: tuple[int, ...]) -> None:
        self.shape = (*shape, 3)
        self._pixels = picture.colours()
        self._origin = origin

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        top, left = self._origin
        part = self._pixels[top + start : top + stop, left : left + self.shape[1]]
        return np.asarray(part)
