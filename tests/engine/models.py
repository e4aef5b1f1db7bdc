"""Small networks with a card, for tests of the engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.nets.registry import build_network

MEAN, STD = (0.5, 0.4, 0.6), (0.2, 0.3, 0.25)


class SmallNet(nn.Module):
    """Two levels, total stride 2; the normalisation is the caller's choice."""

    convolution: type[nn.Module] = nn.Conv2d
    pool = staticmethod(functional.max_pool2d)
    taken, width = 3, 8

    def __init__(self, norm: type[nn.Module] = nn.BatchNorm2d, channels: int = 3) -> None:
        super().__init__()
        self.down = self._level(self.taken, norm)
        self.deep = self._level(self.width, norm)
        self.head = self.convolution(2 * self.width, channels, 1)

    def _level(self, taken: int, norm: type[nn.Module]) -> nn.Module:
        convolution = self.convolution(taken, self.width, 3, padding=1)
        return nn.Sequential(convolution, norm(self.width), nn.ReLU())

    def enlarged(self, low: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(low, scale_factor=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        top = self.down(x)
        low = self.deep(self.pool(top, 2))
        return self.head(torch.cat([top, self.enlarged(low)], 1))


def shake(network: nn.Module, seed: int = 0) -> nn.Module:
    """Give batch normalisations statistics and weights that matter; return it for evaluation."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for values, low in (
                (module.weight.data, 0.5),
                (module.bias.data, -0.5),
                (module.running_mean, -0.3),
                (module.running_var, 0.5),
            ):
                values.copy_(low + torch.rand(values.shape, generator=generator))
    return network.eval()


def model_of(
    network: nn.Module, stride: int, *, classes: int = 1, contour: bool = True, **spec: Any
) -> Any:
    """Return what `predict` needs of a loaded model."""
    card = SimpleNamespace(
        name="small",
        classes=tuple(f"class {i}" for i in range(classes)),
        separation="contour" if contour else None,
        um_per_px=(1.0, 1.0),
        spatial_dims=2,
        in_channels=3,
        normalisation=SimpleNamespace(mean=MEAN, std=STD),
    )
    tapspec = SimpleNamespace(
        size_multiple=stride,
        min_size=spec.get("min_size", stride),
        fixed_size=spec.get("fixed_size"),
    )
    return SimpleNamespace(card=card, network=network.eval(), tapspec=tapspec)


def small_model(norm: type[nn.Module] = nn.BatchNorm2d, **spec: Any) -> Any:
    """Return a `SmallNet` as a model."""
    torch.manual_seed(0)
    return model_of(shake(SmallNet(norm)), 2, **spec)


def unet_model(classes: int = 1, *, contour: bool = True, seed: int = 0) -> Any:
    """Return a narrow BasicUNet as a model."""
    torch.manual_seed(seed)
    channels = classes + 1 + contour
    features = (8, 8, 16, 16, 32, 8)
    network = build_network("basic_unet", in_channels=3, out_channels=channels, features=features)
    return model_of(shake(network, seed), 16, classes=classes, contour=contour)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return random colours (y, x, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def whole_forward(model: Any, image: np.ndarray) -> np.ndarray:
    """Return what one forward of the whole image gives, in float32, computed plainly."""
    multiple, n_classes = model.tapspec.size_multiple, len(model.card.classes)
    pad = [(0, -side % multiple) for side in image.shape[:2]]
    padded = np.pad(image, (*pad, (0, 0)), mode="reflect").astype(np.float32)
    values = (padded / 255 - np.float32(MEAN)) / np.float32(STD)
    with torch.no_grad():
        logits = model.network(torch.from_numpy(values).permute(2, 0, 1)[None])[0]
    parts = [logits[: n_classes + 1].softmax(0)[1:], logits[n_classes + 1 :].sigmoid()]
    return torch.cat(parts).numpy()[:, : image.shape[0], : image.shape[1]]
