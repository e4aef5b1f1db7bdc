"""Results of fields: those of *Run on all* become layers, and layers change the state."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.engine.batch_events import FieldDone
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.layers import Picture, picture_of
from napari_selfreg.widgets.result_info import ResultInfo, is_result
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.shared import shared_for

logger = logging.getLogger(__name__)


class FieldResults(QObject):
    """Keeps layers and states of the shown field in step.

    Parameters
    ----------
    viewer : napari.Viewer
        Its result layers are watched.
    fields : FieldList
        Whose states change.
    stage : FieldStage
        Knows which field is shown.
    owner : QWidget
        Parent.
    """

    def __init__(self, viewer: Any, fields: FieldList, stage: FieldStage, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._fields = fields
        self._stage = stage
        viewer.layers.events.inserted.connect(self._on_inserted)

    def bring(self, field: Field, image: Any) -> Any:
        """Show what *Run on all* has found on a field, once its image is shown.

        Returns
        -------
        napari.layers.Labels or None
            The new layer, if there was something to show.
        """
        pending, field.pending = field.pending, None
        if pending is None:
            return None
        done, card = pending
        found, origin = done.result.result, done.result.origin
        picture = _picture(self._viewer, image, found.labels.shape)
        if picture is None:
            logger.info("the result lies on a level that the layer does not have")
            return None
        info = result_info_of(done, card, image)
        name = f"{image.name} {origin.model}"
        added = add_result(self._viewer, image, picture, found, name, info)
        shared_for(self._viewer).resultChanged.emit(added)
        return added

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        if not alive(self) or not isinstance(layer, Labels) or not is_result(layer):
            return
        # A second time has no effect: a layer that comes back was watched already.
        layer.events.paint.connect(self._on_paint)
        field = self._stage.field
        if field is not None and not self._stage.working and field.state == "new":
            self._fields.update(field, state="segmented")

    def _on_paint(self, event: Any) -> None:
        field = self._stage.field
        if alive(self) and field is not None and field.state != "done":
            self._fields.update(field, state="corrected")


def result_info_of(done: FieldDone, card: Card, image: Any) -> ResultInfo:
    """Return where the objects of a finished field come from."""
    found, origin = done.result.result, done.result.origin
    probability = found.probability
    return ResultInfo(
        model_name=card.name,
        model_title=card.title,
        model_version=done.version,
        classes=tuple(card.classes),
        pixel_size=origin.pixel_size,
        um_source=origin.source,
        settings=origin.settings or PostProcessing(),
        image_layer_id=image.unique_id,
        stem=origin.stem,
        box=found.box,
        factors=origin.scale,
        separation=card.separation,
        citation=" ".join(data.citation for data in card.data),
        terms=card.terms,
        probability=probability if len(probability) else None,
    )


def _picture(viewer: Any, image: Any, shape: tuple[int, int]) -> Picture | None:
    """Return the picture at the resolution that was segmented, if the layer has it."""
    picture = picture_of(viewer, image)
    if picture.shape == shape:
        return picture
    if not image.multiscale:
        return None
    for level, factors in zip(image.data, image.downsample_factors, strict=True):
        if tuple(level.shape[:2]) == tuple(shape):
            return replace(picture, data=level, factors=tuple(float(each) for each in factors))
    return None
