"""A tiny recipe and a tiny data set for tests of the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_selfreg.engine.recipe import Recipe

TABLE: dict[str, Any] = {
    "name": "tiny",
    "network": {"arguments": {"features": [8, 8, 8, 8, 8, 8]}},
    "data": {"um_per_px": 1.0, "classes": ["gland"], "validation_fraction": 0.34},
    "target": {"contour_um": 2.0},
    "train": {"steps": 4, "batch": 2, "crop": 32, "validate_every": 2, "precision": "fp32"},
    "plain_twin": False,
    "card": {
        "title": "Tiny",
        "tissue": "squares",
        "description": "Dark squares.",
        "bad_at": "everything else",
        "licence": "CC0-1.0",
        "terms": "Free.",
        "research_only": False,
        "data_name": "squares",
        "data_licence": "CC0-1.0",
        "citation": "none",
        "typical_area_um2": 100.0,
    },
}


def tiny_recipe(**sections: dict[str, Any] | int) -> Recipe:
    """Return the tiny recipe; keyword arguments update its sections."""
    table = {**TABLE}
    for name, change in sections.items():
        old = table.get(name, {})
        table[name] = {**old, **change} if isinstance(change, dict) else change
    return Recipe.model_validate(table)


def squares(folder: Path, count: int = 3, size: int = 48) -> Path:
    """Write dark squares on a bright ground, with object ids, and return the folder."""
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        labels = np.zeros((size, size), np.uint8)
        labels[6:22, 6:22], labels[26:44, 20:40] = 1, 2
        rgb = np.where(labels[..., None] > 0, (120, 60, 140), (240, 225, 235))
        noisy = rgb + rng.normal(0, 6, rgb.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(
            folder / "images" / f"{index}.png"
        )
        Image.fromarray(labels).save(folder / "labels" / f"{index}.png")
    return folder
