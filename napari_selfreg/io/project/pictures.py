"""The picture under the labels of a field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.core.views import BoxView
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project.manifest import ProjectField
from napari_selfreg.io.project.store import Project
from napari_selfreg.io.sources import ImageSource

_SAME = 1e-3


def pixels_on_labels(source: ImageSource, record: ProjectField) -> BoxView | None:
    """Return the picture on the grid of a field's labels, None if it has no such level.

    Parameters
    ----------
    source : ImageSource
        The field's opened image.
    record : ProjectField

    Returns
    -------
    BoxView or None
        Rows are read when they are asked for, as long as the image is open.
    """
    for level, steps in zip(source.levels, source.downsamples, strict=True):
        if all(abs(a / b - 1) < _SAME for a, b in zip(steps, record.downsample, strict=True)):
            y, x = (round(at / step) for at, step in zip(record.offset, steps, strict=True))
            box = Box(y, x, y + record.shape[0], x + record.shape[1])
            whole = Box(0, 0, *level.shape[:2])
            return BoxView(level, box) if whole.intersect(box) == box else None
    return None


def read_picture(project: Project, field: str) -> npt.NDArray[np.uint8]:
    """Read the picture under the labels of a field.

    Parameters
    ----------
    project : Project
    field : str
        Its id.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        RGB, one pixel for each of the labels.

    Raises
    ------
    BadInputError
        If the image is missing, cannot be read, or does not lie under the labels.
    """
    record = project.field(field)
    with open_image(project.images.path(field)) as source:
        pixels = pixels_on_labels(source, record)
        if pixels is None:
            raise BadInputError(
                f"The image of {record.stem} does not fit its labels: locate the one that was "
                "corrected."
            )
        return np.ascontiguousarray(pixels[0 : record.shape[0]])
