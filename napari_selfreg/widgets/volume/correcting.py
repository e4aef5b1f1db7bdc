"""Correcting is for pictures so far: what the Correct panel says of volumes."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels

from napari_selfreg.widgets.volume.layers import is_volume
from napari_selfreg.widgets.volume.result_info import is_volume_result

NOT_YET = (
    "Volumes cannot be corrected in this panel yet: change the labels with napari's own brush and "
    "save them in the Results panel."
)


def is_volume_labels(layer: Any) -> bool:
    """Tell whether a layer holds labels of a volume: results of pictures have one slice only."""
    if is_volume_result(layer):
        return True
    flat = not isinstance(layer, Labels) or layer.multiscale or layer.ndim != 3
    return not flat and min(layer.data.shape) > 1


def not_yet(viewer: Any) -> str:
    """Say that volumes must wait where one is selected or nothing else is there, or nothing."""
    active = viewer.layers.selection.active
    if active is not None:
        return NOT_YET if is_volume(active) or is_volume_labels(active) else ""
    labels = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    return NOT_YET if labels and all(map(is_volume_labels, labels)) else ""
