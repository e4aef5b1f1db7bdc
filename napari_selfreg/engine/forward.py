"""Networks made ready to predict windows of an image."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine.folding import fold_pairs
from napari_selfreg.engine.fused_unet import FusedUNet
from napari_selfreg.nets.outputs import (
    Separation,
    main_logits,
    output_channels,
    to_probabilities,
)

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[Any]
Precision = Literal["fp32", "bf16", "fp16"]

DTYPES: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


@dataclass(frozen=True)
class Mode:
    """How a network is run.

    Parameters
    ----------
    precision : {"fp32", "bf16", "fp16"}
        Of weights and features; probabilities are always float32.
    channels_last : bool
        Layout in memory.
    fused : bool
        Whether `FusedUNet` computes it.
    """

    precision: Precision = "fp32"
    channels_last: bool = False
    fused: bool = False


@dataclass(frozen=True)
class Outputs:
    """What goes into a network and what its channels mean, as its card says.

    Parameters
    ----------
    n_classes : int
        Foreground classes.
    separation : {"contour", None}
        Whether a contour follows them.
    mean, std : tuple of float
        Per colour, of values divided by 255.
    """

    n_classes: int
    separation: Separation
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, card: Any) -> Outputs:
        """Read them from a card."""
        normalisation = card.normalisation
        return cls(
            len(card.classes),
            card.separation,
            tuple(normalisation.mean),
            tuple(normalisation.std),
        )

    @property
    def channels(self) -> int:
        """Number of probabilities per pixel."""
        return self.n_classes + (self.separation == "contour")

    @property
    def logits(self) -> int:
        """Number of channels the network must have."""
        return output_channels(self.n_classes, self.separation)


class Forward(Protocol):
    """Predicts windows of one shape."""

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Floats]:
        """Return probabilities (K[+1], y, x) of the wanted part of each window (y, x, 3)."""
        ...


class FusedForward:
    """`FusedUNet` on windows, one after the other.

    Parameters
    ----------
    network : Module
        A BasicUNet; not changed.
    outputs : Outputs
        From the card.
    mode : Mode
        Its precision is used.
    """

    def __init__(self, network: nn.Module, outputs: Outputs, mode: Mode) -> None:
        dtype = DTYPES[mode.precision]
        self._network = FusedUNet(network, outputs.n_classes, outputs.separation, dtype)
        self._normalise = Normaliser(outputs, torch.device("cpu"))

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Floats]:
        """Return probabilities (K[+1], y, x) of the wanted part of each window (y, x, 3)."""
        return [
            self._network(self._normalise(torch.from_numpy(window)), crop).numpy()
            for window, crop in zip(windows, crops, strict=True)
        ]


class PlainForward:
    """Any network, on any device, in batches.

    Parameters
    ----------
    network : Module
        Copied, not changed.
    outputs : Outputs
        From the card.
    mode : Mode
        Precision (by autocast) and layout.
    device : torch.device
        Where to compute.
    """

    def __init__(
        self, network: nn.Module, outputs: Outputs, mode: Mode, device: torch.device
    ) -> None:
        layout = torch.channels_last if mode.channels_last else torch.contiguous_format
        own = copy.deepcopy(network).eval()
        fold_pairs(own)
        moved: Any = own.to(device)
        self._network = moved.to(memory_format=layout)
        self._outputs, self._device, self._layout = outputs, device, layout
        self._dtype = DTYPES[mode.precision]
        self._normalise = Normaliser(outputs, device)

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Floats]:
        """Return probabilities (K[+1], y, x) of the wanted part of each window (y, x, 3)."""
        pixels = torch.from_numpy(np.stack(windows)).to(self._device)
        with torch.inference_mode(), self._autocast():
            batch = (
                self._normalise(pixels).permute(0, 3, 1, 2).contiguous(memory_format=self._layout)
            )
            outputs = self._outputs
            logits = main_logits(self._network(batch), batch, outputs.logits)
            values: Tensor = to_probabilities(logits, outputs.n_classes, outputs.separation)
            return [
                values[i, :, crop.y0 : crop.y1, crop.x0 : crop.x1].cpu().numpy()
                for i, crop in enumerate(crops)
            ]

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._dtype is torch.float32:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._dtype)


def build_forward(
    network: nn.Module, outputs: Outputs, mode: Mode, device: torch.device
) -> Forward:
    """Return `network` made ready to run as `mode` says; the network itself stays as it is."""
    if mode.fused:
        return FusedForward(network, outputs, mode)
    return PlainForward(network, outputs, mode, device)


class Normaliser:
    """``(rgb / 255 - mean) / std`` as one multiplication and one addition."""

    def __init__(self, outputs: Outputs, device: torch.device) -> None:
        mean, std = (torch.tensor(v, dtype=torch.float64) for v in (outputs.mean, outputs.std))
        self._factor = (1 / (255 * std)).float().to(device)
        self._offset = (-mean / std).float().to(device)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return normalised pixels (..., C), float32."""
        return torch.addcmul(self._offset, pixels.float(), self._factor)
