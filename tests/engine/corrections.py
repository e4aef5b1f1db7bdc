"""Small corrected fields and a small base, for tests of fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.finetune_types import FinetuneField, FinetuneRequest
from tests.bundles import tiny_bundle


def base_model(folder: Path, **changes: Any) -> Model:
    """Return a tiny untrained base with a contour, read from a file."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"separation": "contour", "licence": "LicenseRef-odd", "research_only": True}
    return load_model(tiny_bundle(folder / "base.safetensors", **{**fields, **changes}))


def corrected(size: int = 64, seed: int = 0, reviewed: np.ndarray | None = None) -> FinetuneField:
    """Return dark squares on a bright ground, with object ids."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size + 16), np.int32)
    labels[4 : size // 2, 4 : size // 2] = 1
    labels[size // 2 + 4 : size - 4, size // 3 : size + 8] = 2
    rgb = np.where(labels[..., None] > 0, (120, 60, 140), (240, 225, 235))
    noisy = (rgb + rng.normal(0, 6, rgb.shape)).clip(0, 255).astype(np.uint8)
    return FinetuneField(noisy, labels, reviewed, name=f"field {seed}")


def request(base: Model, *fields: FinetuneField, **options: Any) -> FinetuneRequest:
    """Return a short request on the CPU."""
    options = {"steps": 3, "device": "cpu", **options}
    return FinetuneRequest(base, fields or (corrected(), corrected(seed=1)), **options)
