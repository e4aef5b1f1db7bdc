"""Quick score during training: mean Dice of whole images at the network's own scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_selfreg.core.metrics.overlap import known_dice
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.core.types import Box
from napari_selfreg.engine.planning import OVERLAP, Tiling
from napari_selfreg.engine.sampling import Field
from napari_selfreg.engine.wholes import accepted_shape, window_logits
from napari_selfreg.nets.outputs import main_logits
from napari_selfreg.nets.tapspec import TapSpec

_MULTIPLE = 32  # of most networks' total stride
_WHOLE = 2048 * 2048
"""Pictures of more pixels go through the network in tiles."""
_TILE = 1024  # a step of training takes more memory than one such tile
_BLENDED_TILE = 512  # as for predictions: near the size of training crops


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
            below, right = accepted_shape((height, width), tapspec, _MULTIPLE)
            pad = (0, right - width, 0, below - height)
            padded = functional.pad(normalizer(picture), pad, mode="replicate")
            padded = padded.contiguous(memory_format=torch.channels_last)
            logits = _logits(network, padded, tapspec)
            semantic = logits[0, : n_classes + 1, :height, :width].float().cpu()
            scores.append(_dice(semantic, field))
    return scores


def _logits(network: nn.Module, picture: Tensor, tapspec: TapSpec) -> Tensor:
    """Return the logits (1, K, H, W) of a picture whose size the network accepts."""
    fixed = tapspec.fixed_size
    if fixed is not None:
        return window_logits(network, picture, fixed, overlap=0.25, weights="constant")
    if math.prod(picture.shape[-2:]) > _WHOLE:
        return _tile_logits(network, picture, tapspec)
    return main_logits(network(picture), picture)


def _tile_logits(network: nn.Module, picture: Tensor, tapspec: TapSpec) -> Tensor:
    """Return the logits of a picture that is too large for one forward, cut as for `predict`."""
    height, width = picture.shape[-2:]
    tiling = Tiling.of(network, tapspec, (height, width))
    tiling = tiling.sized(_BLENDED_TILE if tiling.blends else _TILE)
    tiles = tiling.tiles(Box(0, 0, height, width))
    if tiling.blends:
        window = tiles[0].window.shape
        return window_logits(network, picture, window, overlap=OVERLAP, weights="gaussian")
    whole = None
    for tile in tiles:
        part = picture[(..., *tile.window.slices)]
        logits = main_logits(network(part), part)
        if whole is None:
            whole = logits.new_empty((*logits.shape[:2], height, width))
        inside = tile.core.shift(-tile.window.y0, -tile.window.x0)
        whole[(..., *tile.core.slices)] = logits[(..., *inside.slices)]
    assert whole is not None
    return whole


def _dice(logits: Tensor, field: Field) -> float:
    truth = field.targets[0]
    counted = truth != IGNORE
    if len(logits) == 2:
        each = [known_dice((logits[1] > logits[0]).numpy() & counted, (truth > 0) & counted)]
    else:
        found = logits.argmax(0).numpy()
        classes = range(1, len(logits))
        each = [known_dice((found == one) & counted, (truth == one) & counted) for one in classes]
    known = [dice for dice in each if dice is not None]
    return sum(known) / len(known) if known else 1.0
