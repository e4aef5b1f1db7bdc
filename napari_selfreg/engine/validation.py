"""Quick score during training: mean Dice of whole images at the network's own scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.sampling import Field
from napari_selfreg.nets.tapspec import TapSpec

_MULTIPLE = 32  # of most networks' total stride


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Subtract the mean colour and divide by the spread.

    Parameters
    ----------
    mean, std : tuple of float
        Red, green, blue on the scale 0 … 1.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return normalised pictures; both of shape (N, 3, H, W)."""
        mean = torch.tensor(self.mean, device=pictures.device)[:, None, None]
        std = torch.tensor(self.std, device=pictures.device)[:, None, None]
        return (pictures - mean) / std

    @classmethod
    def of(cls, fields: Sequence[Field]) -> Normalizer:
        """Measure mean and spread over all pixels of the training images."""
        pixels = np.concatenate([f.rgb.reshape(-1, 3)[::7] for f in fields]) / 255.0
        mean, std = pixels.mean(0), np.maximum(pixels.std(0), 0.05)
        red, green, blue = (round(float(value), 4) for value in mean)
        s_red, s_green, s_blue = (round(float(value), 4) for value in std)
        return cls((red, green, blue), (s_red, s_green, s_blue))


def mean_dice(
    network: nn.Module,
    fields: Sequence[Field],
    normalizer: Normalizer,
    n_classes: int,
    dtype: torch.dtype,
    device: torch.device,
    tapspec: TapSpec,
) -> float:
    """Return the mean over images of `dice_scores`."""
    return float(
        np.mean(dice_scores(network, fields, normalizer, n_classes, dtype, device, tapspec))
    )


def dice_scores(
    network: nn.Module,
    fields: Sequence[Field],
    normalizer: Normalizer,
    n_classes: int,
    dtype: torch.dtype,
    device: torch.device,
    tapspec: TapSpec,
) -> list[float]:
    """Return the Dice of each image; of several classes, the mean over those there or found.

    Parameters
    ----------
    network : nn.Module
    fields : sequence of Field
    normalizer : Normalizer
    n_classes : int
        Number of foreground classes.
    dtype : torch.dtype
        Of autocast; float32 switches it off.
    device : torch.device
    tapspec : TapSpec
        Sizes the network accepts: one of a fixed size sees overlapping windows.

    Returns
    -------
    list of float
        1 for an image in which neither prediction nor labels hold an object. Classes win by
        arg-max.
    """
    network.eval()
    scores = []
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32),
    ):
        for field in fields:
            picture = torch.from_numpy(field.rgb).permute(2, 0, 1)[None].to(device).float() / 255.0
            height, width = picture.shape[-2:]
            pad = (0, _padding(width, tapspec), 0, _padding(height, tapspec))
            padded = functional.pad(normalizer(picture), pad, mode="replicate")
            padded = padded.contiguous(memory_format=torch.channels_last)
            logits = _whole_image(network, padded, tapspec)
            semantic = logits[0, : n_classes + 1, :height, :width].float().cpu()
            scores.append(_dice(semantic, field))
    return scores


def _padding(length: int, tapspec: TapSpec) -> int:
    """Return how many pixels a side lacks to be one that the network accepts."""
    shortest = tapspec.min_size
    if tapspec.fixed_size is not None:
        shortest = max(tapspec.fixed_size)
    wanted = max(length, shortest)
    return wanted + -wanted % math.lcm(_MULTIPLE, tapspec.size_multiple) - length


def _whole_image(network: nn.Module, picture: Tensor, tapspec: TapSpec) -> Tensor:
    if tapspec.fixed_size is None:
        logits: Tensor = network(picture)
        return logits
    from monai.inferers import sliding_window_inference

    windows = sliding_window_inference(picture, tapspec.fixed_size, 1, network, overlap=0.25)
    if not isinstance(windows, Tensor):
        raise TypeError("a network for training returns one tensor of logits")
    return windows


def _dice(logits: Tensor, field: Field) -> float:
    truth = torch.from_numpy(field.targets[0])
    counted = truth != IGNORE
    if len(logits) == 2:
        each = [_overlap((logits[1] > logits[0]) & counted, (truth > 0) & counted)]
    else:
        found = logits.argmax(0)
        classes = range(1, len(logits))
        each = [_overlap((found == one) & counted, (truth == one) & counted) for one in classes]
    known = [dice for dice in each if dice is not None]
    return sum(known) / len(known) if known else 1.0


def _overlap(predicted: Tensor, actual: Tensor) -> float | None:
    """Return Dice; None where there is nothing to find and nothing was found."""
    total = int(predicted.sum() + actual.sum())
    return 2.0 * int((predicted & actual).sum()) / total if total else None
