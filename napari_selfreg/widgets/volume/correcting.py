"""Correcting and fine-tuning are for pictures so far: what their panels say of volumes."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels

from napari_selfreg.widgets.volume.layers import is_volume
from napari_selfreg.widgets.volume.result_info import is_volume_result

NOT_YET = (
    "Volumes cannot be corrected in this panel yet: change the labels with napari's own brush and "
    "save them in the Results panel."
)

NOT_TUNED = (
    "Models for volumes are fine-tuned in the shell so far: “napari-selfreg finetune”, with the "
    "volumes and their corrected labels."
)


def is_volume_labels(layer: Any) -> bool:
    """Tell whether a layer holds labels of a volume: results of pictures have one slice only."""
    if is_volume_result(layer):
        return True
    flat = not isinstance(layer, Labels) or layer.multiscale or layer.ndim != 3
    return not flat and min(layer.data.shape) > 1


def not_yet(viewer: Any) -> str:
    """Say that volumes must wait where one is selected or nothing else is there, or nothing."""
    return NOT_YET if _volumes_only(viewer) else ""


def not_tuned(viewer: Any) -> str:
    """Say where volumes are fine-tuned, where `not_yet` speaks of them too, or nothing."""
    return NOT_TUNED if _volumes_only(viewer) else ""


def _volumes_only(viewer: Any) -> bool:
    active = viewer.layers.selection.active
    if active is not None:
        return is_volume(active) or is_volume_labels(active)
    labels = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    return bool(labels) and all(map(is_volume_labels, labels))
