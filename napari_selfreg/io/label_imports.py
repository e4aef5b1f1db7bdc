"""Labels of other programs, onto an image: TIFF, PNG, GlaS, QuPath GeoJSON, Aperio XML."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.geojson_labels import ImportedLabels, read_geojson
from napari_selfreg.io.label_files import LABEL_EXTENSIONS, object_labels, read_labels
from napari_selfreg.io.qupath_tiles import SlidePlace

OUTLINE_EXTENSIONS = frozenset({".geojson", ".json", ".gz"})

IMPORT_FILTER = (
    "Labels (*.tif *.tiff *.png *.bmp *.webp *.geojson *.json *.geojson.gz *.xml);;All files (*)"
)
"""For file dialogs."""


def import_labels(
    path: str | Path,
    shape: tuple[int, int],
    factors: tuple[float, float] = (1.0, 1.0),
    place: SlidePlace | None = None,
) -> ImportedLabels:
    """Read a label file of any kind.

    Parameters
    ----------
    path : path-like
        Label TIFF, PNG, BMP, WebP (as GlaS annotations are), QuPath GeoJSON or Aperio XML.
    shape : (int, int)
        Rows and columns that the labels shall have.
    factors : (float, float)
        Pixels of the full-resolution image per pixel of the labels, along y and x.
    place : SlidePlace, optional
        Where the image lies on the slide it was cut from; outlines are then in slide pixels, or,
        if none would lie in the image, in its own.

    Returns
    -------
    ImportedLabels
        Ids are those of the file, or 1, 2, … in their order where these are far too large.

    Raises
    ------
    BadInputError
        One sentence with the file and the remedy.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in OUTLINE_EXTENSIONS:
        return _small_ids(_outlines(file, shape, factors, place))
    if suffix not in LABEL_EXTENSIONS:
        raise BadInputError(
            f"{file.name} is of no kind that holds labels: choose TIFF, PNG, GeoJSON or XML."
        )
    if factors != (1.0, 1.0):
        raise BadInputError(
            f"The image is too large for {file.name}: export its outlines from QuPath as GeoJSON."
        )
    labels = object_labels(read_labels(file, shape))
    if not labels.any():
        raise BadInputError(f"{file.name} holds no object: choose the label file of this image.")
    return _small_ids(ImportedLabels(labels))


def _outlines(
    file: Path, shape: tuple[int, int], factors: tuple[float, float], place: SlidePlace | None
) -> ImportedLabels:
    own = SlidePlace().of_part(0, 0, factors)
    if place is None:
        return read_geojson(file, shape, own)
    try:
        return read_geojson(file, shape, place.of_part(0, 0, factors))
    except BadInputError:
        return read_geojson(file, shape, own)  # or its own sentence


def _small_ids(found: ImportedLabels) -> ImportedLabels:
    """Return objects numbered from 1 if their ids are so large that tables of them would be."""
    labels = found.labels
    if int(labels.max()) <= 10 * labels.size**0.5 + 100_000:
        return found
    ids = np.unique(labels[labels > 0])
    numbers = np.searchsorted(np.append(0, ids), labels).astype(np.int32)
    new = {int(old): number for number, old in enumerate(ids, 1)}
    classes = {new[old]: name for old, name in found.classes.items()}
    return ImportedLabels(numbers, classes, found.passed_over)
