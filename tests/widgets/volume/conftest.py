from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.io.bundle import write_bundle
from napari_selfreg.widgets.segment_panel import SegmentPanel
from tests.widgets.fakes import make_card, write_model

MM = {"units": ("mm",) * 3}


def volume_card(**changes: Any):
    """A card of a network of three dimensions."""
    values = {
        "name": "tiny",
        "title": "Tiny volumes",
        "spatial_dims": 3,
        "in_channels": 1,
        "classes": ("front", "back"),
        "um_per_px": (1000.0,) * 3,
        "normalisation": {"mean": (0.0,), "std": (1.0,)},
        "intensity": "volume",
    }
    return make_card(**(values | changes))


def write_volume_model(folder: Path, **changes: Any) -> Path:
    """Write a card without a network that could run."""
    path = folder / "tiny.safetensors"
    write_bundle(path, volume_card(**changes), {"weight": np.zeros(3, np.float32)})
    return path


@pytest.fixture
def scan() -> np.ndarray:
    """A volume of 10 x 12 x 14 voxels (z, y, x)."""
    return np.random.default_rng(0).normal(100, 20, (10, 12, 14)).astype(np.float32)


@pytest.fixture
def make_volume_panel(make_napari_viewer_proxy, tmp_path: Path) -> Callable[..., Any]:
    """Make a Segment panel with a picture model and a volume model: ``viewer, panel``."""

    def make(volume_model: Path | None = None) -> Any:
        viewer = make_napari_viewer_proxy()
        models = {
            "spots": write_model(tmp_path),
            "tiny": volume_model or write_volume_model(tmp_path),
        }
        panel = SegmentPanel(viewer, models=models)
        viewer.window.add_dock_widget(panel, name="Segment")
        return viewer, panel

    return make
