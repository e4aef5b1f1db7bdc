"""An image with a result on it, for tests of the Results panel."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_selfreg.core.measurements import measure_objects
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.result_info import ResultInfo
from napari_selfreg.widgets.result_layer import add_result
from napari_selfreg.widgets.results_job import Snapshot
from tests.widgets.waits import LONG

UM = PixelSize.isotropic(0.5)


def squares(shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Labels 1 to 6 in two rows, each one row taller than the one before."""
    labels = np.zeros(shape, np.int32)
    for number in range(1, 7):
        row, column = 3 + 28 * ((number - 1) // 3), 5 + 25 * ((number - 1) % 3)
        labels[row : row + 8 + number, column : column + 12] = number
    return labels


def picture_for(labels: np.ndarray) -> np.ndarray:
    rgb = np.full((*labels.shape, 3), 220, np.uint8)
    rgb[labels > 0] = (90, 40, 120)
    return rgb


def info_for(labels: np.ndarray, **changes: Any) -> ResultInfo:
    values: dict[str, Any] = {
        "model_name": "spots",
        "model_title": "Dark spots",
        "model_version": "abc",
        "classes": ("spot",),
        "pixel_size": UM,
        "um_source": "file",
        "settings": PostProcessing(0.5, 2.0, 1.0, 0.5),
        "image_layer_id": None,
        "stem": "field 1",
        "box": Box(0, 0, *labels.shape),
        "citation": "A. Author, 2026",
        "probability": np.where(labels > 0, 0.75, 0.0).astype(np.float32)[None],
    }
    return ResultInfo(**values | changes)


def table_for(labels: np.ndarray, info: ResultInfo) -> dict[str, np.ndarray]:
    rgb = picture_for(labels)
    return measure_objects(labels, rgb, info.probability, info.label_size, info.classes)


def snapshot_for(labels: np.ndarray, features: Any, **changes: Any) -> Snapshot:
    return Snapshot(labels, info_for(labels, **changes), features)


def add_objects(viewer: Any, labels: np.ndarray | None = None, **changes: Any) -> tuple[Any, Any]:
    """Add an image and its result; return both layers."""
    labels = squares() if labels is None else labels
    image = viewer.add_image(
        picture_for(labels),
        name=str(changes.get("stem", "field 1")),
        rgb=True,
        scale=(UM.y, UM.x),
        units=("um", "um"),
    )
    info = info_for(labels, image_layer_id=image.unique_id, **changes)
    result = SimpleNamespace(labels=labels, box=info.box, table=table_for(labels, info))
    layer = add_result(viewer, image, picture_of(viewer, image), result, "field 1 spots", info)
    viewer.reset_view()
    return image, layer


def settle(panel: Any, qtbot: Any) -> None:
    """Wait until the panel shows what there is."""
    qtbot.waitUntil(lambda: panel.survey is not None and not panel.busy, timeout=LONG)


def finish(panel: Any, qtbot: Any) -> str:
    """Wait until what was asked for is done; return what it says."""
    qtbot.waitUntil(lambda: not panel.tasks.runner.running, timeout=LONG)
    return panel.form.status.text()


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
