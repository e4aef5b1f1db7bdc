"""A network made ready to show what its blocks see in windows of an image."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.folding import fold_pairs
from napari_selfreg.engine.forward import Floats, Normaliser, Outputs, Pixels
from napari_selfreg.engine.inside_types import Attention
from napari_selfreg.nets.feature_maps import capture
from napari_selfreg.nets.gradcam import Pull, pull
from napari_selfreg.nets.tapspec import TapSpec

_LARGEST = float(np.finfo(np.float16).max)

LAST, WEIGHTS = "last", "weights"
"""Names of what is no block's maps."""

Crop = Sequence[tuple[int, int]]
"""First and one after the last pixel along each axis of a window."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the blocks see in the wanted part of one window.

    Parameters
    ----------
    parts : dict
        Maps (C, *spatial) by block name, float16; under `LAST` the mean channel of the last
        decoder block and under `WEIGHTS` where the class's logits were summed, both float32.
    steps : dict
        Model pixels per map pixel along each axis, by the same names.
    sums : dict
        Sums over the whole window of the gradient of a class's score, float32 (C,) by block name;
        empty without attention.
    """

    parts: dict[str, npt.NDArray[Any]]
    steps: dict[str, tuple[float, ...]]
    sums: dict[str, Floats]


class BlockForward:
    """Any network, on any device.

    Parameters
    ----------
    network : Module
        Copied, not changed.
    spec : TapSpec
        Its blocks.
    outputs : Outputs
        From the card.
    device : torch.device
        Where to compute.
    blocks : sequence of str
        Which blocks are kept.
    class_index : int, optional
        Channel of the logits that attention is asked for. Windows then carry one more channel:
        the weight of each place.
    predicted : bool, default False
        Whether places count only where the network predicts that class.
    normalised : bool, default False
        Whether windows hold what the network takes; else they hold colours from 0 to 255.

    Attributes
    ----------
    network : Module
        The copy, on the device.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: TapSpec,
        outputs: Outputs,
        device: torch.device,
        blocks: Sequence[str],
        class_index: int | None = None,
        predicted: bool = False,
        normalised: bool = False,
    ) -> None:
        own = copy.deepcopy(network).eval()
        fold_pairs(own)
        flat = spec.spatial_dims == 2
        self._layout = torch.channels_last if flat else torch.contiguous_format
        moved: Any = own.requires_grad_(False).to(device)
        self.network: nn.Module = moved.to(memory_format=self._layout)
        self._spec, self._outputs, self._device = spec, outputs, device
        self._blocks, self._class_index, self._predicted = tuple(blocks), class_index, predicted
        self._captured = tuple(dict.fromkeys([*blocks, spec.teacher_block]))
        self._normalise = Tensor.float if normalised else Normaliser(outputs, device)

    @classmethod
    def of(
        cls,
        model: Model,
        blocks: Sequence[str],
        device: torch.device,
        asked: Attention | None,
        *,
        normalised: bool = False,
    ) -> BlockForward:
        """Return a model made ready to show some blocks, and to be asked for attention."""
        return cls(
            model.network,
            model.tapspec,
            Outputs.of(model.card),
            device,
            blocks,
            None if asked is None else asked.class_index,
            predicted=asked is not None and asked.mask is None,
            normalised=normalised,
        )

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Seen]:
        """Return what is seen in the wanted part of each window (y, x, C)."""
        shape = windows[0].shape[:2]
        values = np.stack(windows)
        if self._class_index is not None:
            _count_once(values[..., -1], crops)
        pulled = self.see(values)
        return [
            self._cut(pulled, i, shape, ((crop.y0, crop.y1), (crop.x0, crop.x1)))
            for i, crop in enumerate(crops)
        ]

    def volume(self, window: Pixels) -> Seen:
        """Return what is seen in a volume (z, y, x, C)."""
        shape = window.shape[:-1]
        return self._cut(self.see(window[None]), 0, shape, tuple((0, side) for side in shape))

    def see(self, windows: Pixels) -> Pull:
        """Return maps and gradients of windows (N, *spatial, C), on the device."""
        values = torch.from_numpy(windows).to(self._device)
        if self._class_index is None:
            images = self._to_images(values)
            return Pull(capture(self.network, self._spec, images, self._captured), {}, images)
        images, weights = self._to_images(values[..., :-1]), values[..., -1].float()
        return pull(
            self.network,
            self._spec,
            images,
            lambda logits: weights * self._mask(logits),
            self._class_index,
            self._captured,
        )

    def _to_images(self, values: Tensor) -> Tensor:
        return self._normalise(values).movedim(-1, 1).contiguous(memory_format=self._layout)

    def _mask(self, logits: Tensor) -> Tensor:
        """Return where the network predicts the class, 1 everywhere if that is not asked."""
        if not self._predicted:
            return logits.new_ones(())
        classes = self._outputs.n_classes + 1
        index = self._class_index or 0
        if index >= classes:  # a contour of its own beside the classes
            return (logits[:, index] > 0).to(logits)
        return (logits[:, :classes].argmax(1) == index).to(logits)

    def _cut(self, pulled: Pull, sample: int, shape: Sequence[int], crop: Crop) -> Seen:
        teacher = pulled.maps[self._spec.teacher_block]
        whole = {block: pulled.maps[block][sample] for block in self._blocks}
        whole[LAST] = teacher[sample].float().mean(0, keepdim=True)
        if self._class_index is not None:
            whole[WEIGHTS] = pulled.weights[sample : sample + 1]
        steps = {
            name: tuple(side / n for side, n in zip(shape, maps.shape[1:], strict=True))
            for name, maps in whole.items()
        }
        parts = {name: _part(maps, steps[name], crop) for name, maps in whole.items()}
        parts.update({block: _halves(parts[block]) for block in self._blocks})
        return Seen(
            {name: _numbers(part) for name, part in parts.items()},
            steps,
            {block: _numbers(pulled.sums[block][sample]) for block in pulled.sums},
        )


def _count_once(weights: Pixels, crops: Sequence[Box]) -> None:
    """Set weights (N, y, x) around the wanted parts to 0: neighbouring windows ask for these."""
    for weight, crop in zip(weights, crops, strict=True):
        own = weight[crop.slices].copy()
        weight[:] = 0
        weight[crop.slices] = own


def first_pixel(position: float, step: float) -> int:
    """Return the map pixel at whose edge, or nearest to it, a position in model pixels lies."""
    return math.floor(position / step + 0.5)


def _part(maps: Tensor, steps: Sequence[float], crop: Crop) -> Tensor:
    """Return the part of maps (C, *spatial) that covers part of their window."""
    for axis, (step, (start, stop)) in enumerate(zip(steps, crop, strict=True), start=1):
        first = first_pixel(start, step)
        maps = maps.narrow(axis, first, first_pixel(stop, step) - first)
    return maps


def _halves(maps: Tensor) -> Tensor:
    """Return maps in half precision; what is too large for it becomes its largest value."""
    return maps.clamp(-_LARGEST, _LARGEST).to(torch.float16)


def _numbers(values: Tensor) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = values.contiguous().cpu().numpy()
    return found
