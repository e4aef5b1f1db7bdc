"""What a result layer of a volume carries beside its classes: where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_selfreg.io.volume.grid import Grid

VOLUME_RESULT_KEY = "napari_selfreg_volume_result"
"""Metadata key of result layers of volumes."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeResultInfo:
    """Where the classes of a volume come from.

    Parameters
    ----------
    model_name, model_title, model_version : str
        Of the card, and the first digits of the bundle's SHA-256.
    classes : tuple of str
        Names of the class ids 1 … K.
    image_layer_id : Hashable
        ``unique_id`` of the volume's layer.
    grid : Grid
        Where the voxels lie; names the files.
    order : (int, int, int)
        The layer's axes that are z, y and x.
    citation, terms : str
        Of the model.
    """

    model_name: str
    model_title: str
    model_version: str
    classes: tuple[str, ...]
    image_layer_id: Any
    grid: Grid
    order: tuple[int, int, int] = (0, 1, 2)
    citation: str = ""
    terms: str = ""


def volume_result_info(layer: Any) -> VolumeResultInfo | None:
    """Return what a layer carries, None if it is no result of a volume."""
    found = getattr(layer, "metadata", {}).get(VOLUME_RESULT_KEY)
    return found if isinstance(found, VolumeResultInfo) else None


def is_volume_result(layer: Any) -> bool:
    """Tell whether a layer holds the classes of a volume."""
    return volume_result_info(layer) is not None
