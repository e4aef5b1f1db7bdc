"""Results of fields: those of *Run on all* become layers, and layers change the state."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.batch_events import FieldDone
from napari_selfreg.io.card import Card
from napari_selfreg.io.saved_results import SavedResult, is_saved
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.image_layers import um_source
from napari_selfreg.widgets.layers import Picture, picture_of, pixel_size_of
from napari_selfreg.widgets.open_jobs import load_saved
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE, give_size
from napari_selfreg.widgets.result_info import ResultInfo, is_result, mark_touched, result_info
from napari_selfreg.widgets.result_layer import add_result, hide_former
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.volume.result_info import is_volume_result, volume_result_info
from napari_selfreg.widgets.volume.saved import (
    SavedVolume,
    load_saved_volume,
    show_saved_volume,
)

logger = logging.getLogger(__name__)

_SAVED = ("segmented", "corrected")
"""States of fields whose objects may lie on disk."""


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Saved objects in the form of those that a run finds."""

    labels: npt.NDArray[np.int32]
    box: Box
    table: dict[str, npt.NDArray[Any]]


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

    Attributes
    ----------
    told : Signal(str)
        A sentence for a person about a result that has come.
    """

    told = Signal(str)

    def __init__(self, viewer: Any, fields: FieldList, stage: FieldStage, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._fields = fields
        self._stage = stage
        self._asked: Field | None = None
        self._written: Any = None
        self._runner = JobRunner(owner, "saved")
        self._runner.finished.connect(self._on_saved)
        self._runner.failed.connect(self._on_not_saved)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)

    def bring(self, field: Field, image: Any) -> Any:
        """Show what *Run on all* has found on a field, once its image is shown.

        What the same model found there before is hidden, unless a person has changed it.

        Returns
        -------
        napari.layers.Labels or None
            The new layer, if there was something to show.
        """
        pending, field.pending = field.pending, None
        if pending is None:
            self._recall(field, image)
            return None
        field.recalled = True
        done, card = pending
        found, origin = done.result.result, done.result.origin
        picture = _picture(self._viewer, image, found.labels.shape)
        if picture is None:
            logger.info("the result lies on a level that the layer does not have")
            return None
        info = result_info_of(done, card, image)
        name = f"{image.name} {origin.model}"
        added = add_result(self._viewer, image, picture, found, name, info)
        hide_former(self._viewer, added)
        self._tell(added, image)
        return added

    def _tell(self, added: Any, image: Any) -> None:
        """Tell of a new layer; what was found at another size than is chosen by now follows."""
        size, info, found = pixel_size_of(image), result_info(added), False
        if size is not None and info is not None and um_source(image) == "option":
            found = not _same(info.pixel_size, size) and give_size(added, size)
        shared_for(self._viewer).resultChanged.emit(added)
        if found:
            self.told.emit(FOUND_BEFORE)

    def _recall(self, field: Field, image: Any) -> None:
        """Look for what was saved of a field in an earlier session, or just now, once."""
        if field.state not in _SAVED or field.recalled or self._runner.running:
            return
        field.recalled = True
        if field.written is not None or not self._has_result(image):
            self._asked = field
            self._written, field.written = field.written, None
            job = load_saved_volume if field.is_volume else load_saved
            self._runner.start(job, field.path, self._fields.output_dir)

    def _has_result(self, image: Any) -> bool:
        layers = self._viewer.layers
        infos = [found(layer) for layer in layers for found in (result_info, volume_result_info)]
        return any(info is not None and info.image_layer_id == image.unique_id for info in infos)

    def _on_saved(self, saved: SavedResult | SavedVolume | None) -> None:
        field, self._asked = self._asked, None
        written, self._written = self._written, None
        image = self._stage.image
        if field is None or field is not self._stage.field or image is None:
            if field is not None:
                field.recalled = False  # she has gone on: next time
                field.written = field.written or written
            self._recall_shown()
            return
        if saved is None:  # a field of a project, or one whose result was never written
            self._recall_shown()
            return
        if isinstance(saved, SavedVolume):
            self._show_volume(image, saved, written)
            self._recall_shown()  # it may have been segmented anew meanwhile
            return
        picture = _picture(self._viewer, image, saved.labels.shape)
        if picture is not None and not self._has_result(image):
            info = info_of_saved(saved, field, image, picture)
            found = Objects(saved.labels, info.box, saved.table)
            added = add_result(
                self._viewer, image, picture, found, f"{image.name} {saved.model}", info
            )
            if saved.corrected:
                mark_touched(added)
            self._tell(added, image)

    def _show_volume(self, image: Any, saved: SavedVolume, written: Any) -> None:
        """Show the classes of a volume; those just found also beside others."""
        if written is not None:
            done, card = written
            added = show_saved_volume(self._viewer, image, saved, card, done.version)
        else:
            there = self._has_result(image)
            added = None if there else show_saved_volume(self._viewer, image, saved)
        if added is not None:
            shared_for(self._viewer).resultChanged.emit(added)

    def _on_not_saved(self, error: Exception) -> None:
        self._asked = self._written = None
        logger.info("saved results are not shown: %s", error)
        self._recall_shown()

    def _recall_shown(self) -> None:
        """Turn to the field that has come on show meanwhile."""
        if self._stage.field is not None and self._stage.image is not None:
            self._recall(self._stage.field, self._stage.image)

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        ours = is_result(layer) or is_volume_result(layer)
        if not alive(self) or not isinstance(layer, Labels) or not ours:
            return
        # A second time has no effect: a layer that comes back was watched already.
        layer.events.paint.connect(self._on_paint)
        field = self._stage.field
        if field is not None and not self._stage.working and field.state == "new":
            self._fields.update(field, state="segmented")

    def _on_removed(self, event: Any) -> None:
        """Call a field new again when a person has deleted its only result."""
        if not alive(self) or self._stage.working or not is_result(event.value):
            return
        field, image = self._stage.field, self._stage.image
        if field is None or image is None or field.state != "segmented" or self._has_result(image):
            return
        kept = shared_for(self._viewer).project is not None  # it holds what the viewer shows
        if not kept and not is_saved(field.path, self._fields.output_dir):
            self._fields.update(field, state="new")

    def _on_paint(self, event: Any) -> None:
        field = self._stage.field
        if alive(self) and field is not None and field.state != "done":
            self._fields.update(field, state="corrected")


def _same(first: PixelSize, second: PixelSize) -> bool:
    """Tell whether two sizes are one: files keep six digits."""
    return bool(np.allclose((first.y, first.x), (second.y, second.x), rtol=1e-5, atol=0))


def result_info_of(done: FieldDone, card: Card, image: Any) -> ResultInfo:
    """Return where the objects of a finished field come from."""
    assert done.result is not None  # a picture
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


def info_of_saved(saved: SavedResult, field: Field, image: Any, picture: Picture) -> ResultInfo:
    """Return where objects come from that were saved earlier, as far as their files say."""
    y, x = (float(factor) for factor in picture.plane_factors)
    known = saved.table.get("class", np.zeros(0, object))
    return ResultInfo(
        model_name=saved.model,
        model_title=saved.model,
        model_version=saved.version,
        classes=tuple(sorted({str(name) for name in known} - {""})) or ("object",),
        pixel_size=saved.pixel_size,
        um_source="file" if saved.source == "file" else "option",
        settings=saved.settings,
        image_layer_id=image.unique_id,
        stem=field.stem,
        box=Box(0, 0, *saved.labels.shape),
        factors=(y, x),
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
