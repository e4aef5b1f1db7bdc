"""Networks with taps whose maps are known, for tests of looking inside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.engine.models import shake

NARROW = (8, 8, 16, 16, 32, 8)


def with_taps(network: nn.Module, spec: TapSpec, **card: Any) -> Any:
    """Return a network as a model that `look` takes."""
    channels = card.get("in_channels", 3)
    fields = {
        "name": "seen",
        "classes": ("gland",),
        "separation": None,
        "um_per_px": (1.0, 1.0),
        "spatial_dims": spec.spatial_dims,
        "in_channels": channels,
        "intensity": "colours",
        "normalisation": SimpleNamespace(mean=(0.5,) * channels, std=(0.25,) * channels),
    }
    return SimpleNamespace(
        card=SimpleNamespace(**{**fields, **card}), network=network.eval(), tapspec=spec
    )


def unet(seed: int = 0, **card: Any) -> Any:
    """Return a narrow BasicUNet with taps."""
    torch.manual_seed(seed)
    network = build_network("basic_unet", in_channels=3, out_channels=2, features=NARROW)
    return with_taps(shake(network, seed), tap_spec("basic_unet"), **card)


class Ladder(nn.Module):
    """Every block shows the image itself, averaged to the block's size; the logits its colours."""

    def __init__(self, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.e1, self.e2, self.b, self.d2, self.d1 = (nn.Identity() for _ in range(5))
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the colours as logits."""
        e1 = self.e1(x)
        e2 = self.e2(functional.avg_pool2d(e1, 2))
        self.b(functional.avg_pool2d(e2, 4))
        self.d2(e2 * 1)
        return self.d1(e1 * 1)


LADDER = TapSpec(
    tuple(Tap(block, block.lower()) for block in ("E1", "E2", "B", "D2", "D1")),
    size_multiple=8,
    min_size=8,
)
LADDER_STEPS = {"E1": 1, "E2": 2, "B": 8, "D2": 2, "D1": 1}


def ladder(**card: Any) -> Any:
    """Return a `Ladder` whose maps hold the pixels' own values, unchanged."""
    unchanged = SimpleNamespace(mean=(0.0,) * 3, std=(1 / 255,) * 3)
    return with_taps(Ladder(), LADDER, **{"normalisation": unchanged, **card})


def ramps(height: int, width: int) -> np.ndarray:
    """Return a picture whose colours are row, column and 1, counted from the middle."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.dstack([rows - height // 2, columns - width // 2, np.ones_like(rows)])
