"""A picture on disk with a result on it, and a project of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

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
