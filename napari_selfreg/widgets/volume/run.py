"""One run of the Segment panel on a volume: its job in a thread, and how it ends."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from napari.layers import Labels
from napari.utils import CyclicLabelColormap
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.guards import bare, selection_kept
from napari_selfreg.widgets.layer_run import LayerRun, RunState
from napari_selfreg.widgets.result_info import mark_touched
from napari_selfreg.widgets.result_layer import COLOURS, tool_in_hand
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.segment_setup import SegmentSettings
from napari_selfreg.widgets.volume.layers import VolumeView, same_place, volume_of
from napari_selfreg.widgets.volume.preview import VolumePreview
from napari_selfreg.widgets.volume.result_info import VOLUME_RESULT_KEY, VolumeResultInfo
from napari_selfreg.widgets.volume.segment_job import (
    VolumeFound,
    VolumeRequest,
    run_volume_segment,
)
from napari_selfreg.widgets.volume.voxel_size import give_grid

OPACITY = 0.5
OTHER_VOXELS = "Volumes follow. The model saw voxels of the other size: run it again for its best."
_BACKGROUND = "#00000000"


class VolumeRun(LayerRun):
    """Segments one volume at a time and adds its classes to the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Shows the result.
    owner : QWidget
        Its life ends the job.
    job : callable
        Generator function that takes a `VolumeRequest` and returns a `VolumeFound`.

    Attributes
    ----------
    segmented : Signal(object)
        The new Labels layer; before `concluded`.
    """

    segmented = Signal(object)

    def __init__(self, viewer: Any, owner: QWidget, job: Job = run_volume_segment) -> None:
        super().__init__(viewer, owner, job)

    def start(self, layer: Any, settings: SegmentSettings, card: Card) -> None:
        """Start a job for a volume layer; none may be running.

        Raises
        ------
        BadInputError
            If the layer is no volume.
        """
        if settings.model is None:
            raise BadInputError("Choose a model first.")
        view = volume_of(layer)
        request = VolumeRequest(view, settings.model, settings.device, settings.precision)
        preview = VolumePreview(self._viewer, layer, view)
        self._begin(RunState(layer.unique_id, request, preview, card))

    def _on_events(self, events: tuple[Event, ...]) -> None:
        run = self._run
        if run is None or self.runner.cancelling:
            return
        run.preview.show(events)
        for event in events:
            if isinstance(event, Notice):
                run.notices.append(event.message)
            elif isinstance(event, Progress):
                self.progressed.emit(event.done, event.total)
                if event.message:
                    self.told.emit(f"{event.message}…")

    def _fits(self, request: VolumeRequest, layer: Any) -> bool:
        return request.view.fits(layer)

    def _add(self, run: RunState, layer: Any, found: VolumeFound) -> Any:
        info = info_of(run.request.view, layer, run.card, found.version)
        added, view = add_classes(self._viewer, layer, found, info), volume_of(layer)
        if view.spacing != run.request.view.spacing:  # typed while the model was at work
            give_grid(added, info, view.grid)
            run.notices.append(OTHER_VOXELS)
        return added

    def _announce(self, run: RunState, layer: Any, added: Any, found: VolumeFound) -> str:
        self.segmented.emit(added)
        table = {column: added.features[column].to_numpy() for column in found.table}
        words = [describe_classes(table, run.seconds), *run.notices, *found.notes]
        return " ".join(dict.fromkeys(words))


def info_of(view: VolumeView, layer: Any, card: Card, version: str) -> VolumeResultInfo:
    """Return what a result layer says about itself."""
    return VolumeResultInfo(
        model_name=card.name,
        model_title=card.title,
        model_version=version,
        classes=tuple(card.classes),
        image_layer_id=layer.unique_id,
        grid=view.grid,
        order=view.order,
        citation=" ".join(data.citation for data in card.data),
        terms=card.terms,
    )


def add_classes(viewer: Any, layer: Any, found: VolumeFound, info: VolumeResultInfo) -> Any:
    """Add the classes of a volume, voxel on voxel; no other layer changes.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
        The volume, wherever it lies by now.
    found : VolumeFound
    info : VolumeResultInfo

    Returns
    -------
    napari.layers.Labels
        Selected, unless a person has a brush or another tool in hand.
    """
    added = Labels(
        found.labels,
        name=f"{layer.name} {info.model_name}",
        opacity=OPACITY,
        blending="translucent_no_depth",  # else a rendered volume would hide it
        colormap=CyclicLabelColormap([_BACKGROUND, *COLOURS], background_value=0),
        features=feature_rows(found.table),
        metadata={VOLUME_RESULT_KEY: info},
        **same_place(layer),
    )
    added.events.paint.connect(_on_paint)
    with selection_kept(viewer) if tool_in_hand(viewer) else nullcontext():
        viewer.add_layer(added)
    return added


def _on_paint(event: Any) -> None:
    mark_touched(bare(event.source))


def describe_classes(table: dict[str, Any], seconds: float) -> str:
    """Return what was found, with its volume, and what to do next."""
    rows = zip(table["class"].tolist(), table["volume_ml"].tolist(), strict=True)
    there = [f"{name} {volume:.3g} ml" for name, volume in rows if volume > 0]
    if not there:
        return "Nothing was found: look at what the model is for and at the size of the voxels."
    return f"Found in {seconds:.1f} s: {', '.join(there)}."
