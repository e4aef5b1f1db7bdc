"""A picture on disk with a result on it, and a project of both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from PIL import Image as Pillow

from napari_selfreg.widgets.guards import bare
from napari_selfreg.widgets.image_layers import SOURCE_KEY, SourceInfo
from tests.widgets.results_steps import UM, add_objects, picture_for, squares


def save_picture(folder: Path, stem: str, labels: np.ndarray) -> Path:
    path = folder / f"{stem}.png"
    Pillow.fromarray(picture_for(labels)).save(path)
    return path


def add_result_of_file(viewer: Any, folder: Path, stem: str = "field 1", **changes: Any) -> Any:
    """Add an image that is a file, and its result; return both layers."""
    labels = changes.pop("labels", None)
    labels = squares() if labels is None else labels
    path = save_picture(folder, stem, labels)
    image, layer = add_objects(viewer, labels.copy(), stem=stem, **changes)
    image.metadata[SOURCE_KEY] = SourceInfo(path, stem, UM, False)
    return image, layer


def stroke(layer: Any, row: int = 45, column: int = 60, label: int = 9) -> None:
    """Paint as a person does with napari's brush: one step in its history."""
    layer.brush_size = 5
    with layer.block_history():
        layer.paint((row, column), label)


def drag(
    layer: Any,
    path: list[tuple[float, float]],
    *modifiers: str,
    release: bool = True,
    button: int = 1,
) -> None:
    """Press, move and release the mouse over pixels of a layer, as napari tells it."""
    layer = bare(layer)
    kinds = ["mouse_press", *["mouse_move"] * (len(path) - 1), "mouse_release"]
    places = [*path, path[-1]]
    calls = {
        "mouse_press": mouse_press_callbacks,
        "mouse_move": mouse_move_callbacks,
        "mouse_release": mouse_release_callbacks,
    }
    event = SimpleNamespace(
        button=button, modifiers=modifiers, dims_displayed=[0, 1], view_direction=None
    )
    for kind, (row, column) in zip(kinds, places, strict=True):
        if kind == "mouse_release" and not release:
            return
        event.type, event.is_dragging = kind, kind == "mouse_move"
        event.position = tuple(layer.data_to_world((row, column)))
        event.pos = np.array([column, row]) * 10  # ten pixels of the screen for one
        calls[kind](layer, event)


def click(layer: Any, row: float, column: float, *modifiers: str) -> None:
    drag(layer, [(row, column)], *modifiers)
