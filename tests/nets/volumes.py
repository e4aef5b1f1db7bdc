"""Small volumetric networks and maps for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.tap_shapes import TapShape
from napari_selfreg.nets.tapspec import TapSpec

WIDTHS = {"E1": 4, "E2": 6, "E3": 8, "B": 10, "D3": 8, "D2": 6, "D1": 4}
LEVELS = {"E1": 0, "E2": 1, "E3": 2, "B": 3, "D3": 2, "D2": 1, "D1": 0}

SMALL: dict[str, tuple[dict[str, Any], int]] = {
    "basic_unet": ({"features": [4, 6, 8, 10, 12, 4]}, 16),
    "dynunet": ({"filters": [4, 6, 8, 10]}, 16),
    "swin_unetr": ({"feature_size": 12, "depths": [1] * 4, "window_size": 2}, 64),
    "unetr": (
        {"img_size": 32, "feature_size": 4, "hidden_size": 24, "mlp_dim": 32, "num_heads": 2},
        32,
    ),
    "trans_unet": (
        {"base": 8, "blocks": [1] * 4, "hidden": 16, "layers": 2, "heads": 2, "mlp": 16, "grid": 2},
        16,
    ),
}
"""Arguments and side of a patch by architecture."""


def small(name: str, dims: int = 3, classes: int = 2) -> tuple[nn.Module, TapSpec, int]:
    """Return a network of 1 channel in and ``classes + 1`` out, its taps, a patch's side."""
    arguments, side = SMALL[name]
    torch.manual_seed(0)
    network = build_network(
        name, in_channels=1, out_channels=classes + 1, spatial_dims=dims, **arguments
    )
    return network, tap_spec(name, spatial_dims=dims, **arguments), side


def shapes(dims: int = 3, flat: Sequence[str] = ()) -> dict[str, TapShape]:
    """Return the taps of a network of four levels; ``flat`` blocks are half as deep in axis 0."""
    found = {}
    for block, width in WIDTHS.items():
        level = LEVELS[block]
        first = max(0, level - 1) if block in flat else level
        found[block] = TapShape(width, (first, *[level] * (dims - 1)))
    return found


def maps(
    of: dict[str, TapShape], size: Sequence[int], *, batch: int = 2, seed: int = 0
) -> dict[str, Tensor]:
    """Return random maps of those shapes for an input of ``size``, rounded up like strides do."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for block, shape in of.items():
        sides = [-(-full // 2**n) for full, n in zip(size, shape.halvings, strict=True)]
        values = torch.randn((batch, shape.channels, *sides), generator=generator)
        found[block] = values.requires_grad_()
    return found


def labels(size: Sequence[int], *, classes: int = 2, batch: int = 2, seed: int = 1) -> Tensor:
    """Return random class ids."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, classes + 1, (batch, *size), generator=generator)
