"""What the wand looks at: the picture below the labels, or what the model thought of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.edit import Edit, grow_probable, grow_similar
from napari_selfreg.core.edit.wand import REACH
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.widgets.correct.layer_fields import NO_PICTURE
from napari_selfreg.widgets.result_info import ResultInfo, result_info
from napari_selfreg.widgets.results_snapshot import image_of, picture_for


class WandArea:
    """Grows objects over what looks like the place that was clicked.

    Parameters
    ----------
    viewer : napari.Viewer
        Holds the image.

    Attributes
    ----------
    tolerance : float
        How different pixels may look, in optical density.
    by_model : bool
        Follow the probabilities of the model instead of colours, where they were kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.tolerance = 0.1
        self.by_model = False
        self._colours: tuple[Any, Any] = (None, None)

    def grow(
        self,
        layer: Any,
        labels: npt.NDArray[np.integer[Any]],
        start: tuple[float, float],
        new_id: int,
    ) -> Edit:
        """Return what a click changes.

        Parameters
        ----------
        layer : napari.layers.Labels
            The result.
        labels : ndarray of int, shape (Y, X)
            Its labels.
        start : (float, float)
            The clicked place in pixels of the labels.
        new_id : int
            Id of a new object.

        Raises
        ------
        BadInputError
            If the image is gone.
        """
        row, column = (round(place) for place in start)
        around = Box(row - REACH, column - REACH, row + REACH + 1, column + REACH + 1)
        box = around.intersect(Box(0, 0, *labels.shape))
        info = result_info(layer)
        if info is None:
            raise BadInputError(NO_PICTURE)
        if self.by_model and info.probability is not None:
            inner = box.intersect(info.place)
            part = inner.shift(-info.place.y0, -info.place.x0)
            likely = info.probability[: len(info.classes)].max(axis=0)[part.slices]
            return grow_probable(
                labels, likely, inner, start, min(0.9, 3 * self.tolerance), new_id=new_id
            )
        patch = self._patch(layer, info, box)
        return grow_similar(labels, patch, box, start, self.tolerance, new_id=new_id)

    def _patch(self, layer: Any, info: ResultInfo, box: Box) -> npt.NDArray[np.uint8]:
        """Return the colours of a part of the labels, shape (y, x, 3)."""
        image = image_of(self._viewer, layer)
        picture = None if image is None else picture_for(self._viewer, image, info)
        if picture is None:
            raise BadInputError(NO_PICTURE)
        if self._colours[0] is not picture.data:
            self._colours = (picture.data, picture.colours())
        return np.asarray(self._colours[1][box.shift(*info.origin).slices])
