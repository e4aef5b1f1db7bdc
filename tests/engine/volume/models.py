"""Small networks of three dimensions with a card, for tests of the engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.engine.volume.sampling import PatchSampler
from napari_selfreg.io.card import Card
from napari_selfreg.nets.registry import build_network, tap_spec
from tests.engine.models import SmallNet, shake


class SmallNet3D(SmallNet):
    """Two levels, total stride 2; the normalisation is the caller's choice."""

    convolution = nn.Conv3d
    pool = staticmethod(functional.max_pool3d)
    taken, width = 1, 4

    def __init__(self, norm: type[nn.Module] = nn.BatchNorm3d, channels: int = 3) -> None:
        super().__init__(norm, channels)


class WideView(SmallNet3D):
    """As `SmallNet3D`, with an upsampling that is not known to be local."""

    def enlarged(self, low: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(low, scale_factor=2, mode="trilinear", align_corners=False)


def volume_model(network: nn.Module, stride: int, *, classes: int = 2, **spec: Any) -> Any:
    """Return what `predict_volume` needs of a loaded model; voxels of 1 mm."""
    card = SimpleNamespace(
        name="small",
        classes=tuple(f"class {i}" for i in range(classes)),
        n_classes=classes,
        separation=None,
        um_per_px=(1000.0, 1000.0, 1000.0),
        spatial_dims=3,
        in_channels=1,
        training={},
        recipe={},
        normalisation=SimpleNamespace(mean=(0.0,), std=(1.0,)),
    )
    tapspec = SimpleNamespace(
        size_multiple=stride,
        min_size=spec.get("min_size", stride),
        fixed_size=spec.get("fixed_size"),
    )
    return SimpleNamespace(card=card, network=network.eval(), tapspec=tapspec)


def small_volume_model(norm: type[nn.Module] = nn.BatchNorm3d, **spec: Any) -> Any:
    """Return a `SmallNet3D` as a model."""
    torch.manual_seed(0)
    return volume_model(shake(SmallNet3D(norm)), 2, **spec)


def registered(name: str, **arguments: Any) -> Any:
    """Return a registered network of three dimensions as a model."""
    torch.manual_seed(0)
    network = build_network(name, in_channels=1, out_channels=3, spatial_dims=3, **arguments)
    spec = tap_spec(name, spatial_dims=3, **arguments)
    model = volume_model(shake(network), 1)
    model.tapspec = spec
    return model


def scan(*shape: int, seed: int = 0) -> np.ndarray:
    """Return random intensities (z, y, x)."""
    return np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)


def one_forward(model: Any, voxels: np.ndarray) -> np.ndarray:
    """Return what one forward of the whole gives (K, z, y, x), for normalised voxels."""
    multiple = model.tapspec.size_multiple
    behind = [(0, max(-side % multiple, model.tapspec.min_size - side)) for side in voxels.shape]
    padded = np.pad(voxels, behind, mode="edge")
    with torch.no_grad():
        values = model.network(torch.from_numpy(padded)[None, None]).softmax(1)[0, 1:]
    return values.numpy()[(slice(None), *(slice(side) for side in voxels.shape))]


class Thresholds(nn.Module):
    """Class 1 above 0, class 2 above 1, of normalised intensities."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv3d(1, 3, 1)
        self.head.weight.data = torch.tensor([0.0, 40.0, 80.0]).reshape(3, 1, 1, 1, 1)
        self.head.bias.data = torch.tensor([0.0, 0.0, -40.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


def volume_bundle(path: Path, **changes: Any) -> Path:
    """Save an untrained tiny DynUNet for volumes at `path` and return `path`."""
    from napari_selfreg.engine.bundles import save_bundle

    arguments = changes.get("architecture_args", {"filters": [4, 4, 4], "norm": "BATCH"})
    fields: dict[str, Any] = {
        "name": "tiny-volume",
        "title": "Tiny volume",
        "architecture": "dynunet",
        "architecture_args": arguments,
        "spatial_dims": 3,
        "in_channels": 1,
        "classes": ["front", "back"],
        "um_per_px": [1000.0, 1000.0, 1000.0],
        "normalisation": {"mean": [0.0], "std": [1.0]},
        "licence": "CC0-1.0",
        **changes,
    }
    model = registered("dynunet", **arguments)
    save_bundle(model.network, model.tapspec, Card.model_validate(fields), path)
    return path


def note_samplers(monkeypatch: pytest.MonkeyPatch, target: str) -> list[Any]:
    """Return a list that fills with the arguments of every sampler made at `target`."""
    asked: list[Any] = []

    def note(*arguments: Any) -> PatchSampler:
        asked.append(arguments)
        return PatchSampler(*arguments)

    monkeypatch.setattr(target, note)
    return asked
