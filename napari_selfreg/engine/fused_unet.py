"""The default network on a CPU, as fast as its processor multiplies.

The same function as MONAI's BasicUNet in evaluation mode, computed differently:

* batch normalisation and ReLU are folded into the convolutions;
* each upsampling and the convolution after it are one transposed convolution, added to the
  skip's convolution in place, so that nothing is concatenated;
* each level is computed in blocks that go through all its convolutions, each block on one core;
* each level computes only what the core of a tile needs of it: the halo costs little more than
  the first levels of the encoder;
* a large window is computed in bands of rows, of which no map is kept longer than needed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine.fused_blocks import (
    LEVELS,
    DecoderBlock,
    EncoderBlock,
    decoder_blocks,
    encoder_blocks,
    head_block,
)
from napari_selfreg.engine.fused_edges import Sides, take_back, zero_outside
from napari_selfreg.engine.fused_parts import Parts, bands, below, cut, grown, needed_parts, union
from napari_selfreg.engine.rolling import RollingMaps
from napari_selfreg.engine.side_by_side import SideBySide
from napari_selfreg.engine.workspace import Frame, Workspace
from napari_selfreg.nets.outputs import Separation, to_probabilities

BLOCK_BYTES = 8 << 20
"""Size of one feature map of a block: small enough for caches and to be used again by malloc."""

BAND_PIXELS = 1 << 20
"""Of the result that are computed before the next rows of a window: their maps are its memory."""

_Use = Callable[[Tensor, Box], None]
"""Takes a block of a feature map and its place; blocks come in any order, several at a time."""


class FusedUNet:
    """A BasicUNet made ready for one job on a CPU. Not for use by two threads at once.

    Parameters
    ----------
    network : BasicUNet
        In evaluation mode, for which `can_fuse` holds. It is not changed.
    n_classes : int
        Foreground classes.
    separation : {"contour", None}
        Whether the last channel is a contour.
    dtype : torch.dtype
        ``float32`` or ``bfloat16``.
    """

    def __init__(
        self, network: nn.Module, n_classes: int, separation: Separation, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        self._outputs = n_classes, separation
        with torch.no_grad():
            self._encoder = encoder_blocks(network, dtype)
            self._decoder = decoder_blocks(network, dtype)
            self._head = head_block(network, n_classes, dtype)
        self._workspace = Workspace(dtype)
        self._cores = SideBySide()
        # Measured on two cores: in half precision a chain of its own for each core is 7 % slower.
        self._apart = dtype == torch.float32

    @torch.inference_mode()
    def __call__(self, window: Tensor, crop: Box) -> Tensor:
        """Return probabilities of part of a window.

        Parameters
        ----------
        window : Tensor of float32, shape (y, x, 3)
            Normalised colours; sides are multiples of 16.
        crop : Box
            The wanted part, in pixels of the window.

        Returns
        -------
        Tensor of float32, shape (K[+1], y, x)
            As `to_probabilities`, of `crop`.
        """
        shape = (int(window.shape[0]), int(window.shape[1]))
        top = needed_parts(crop, shape, LEVELS).decoder[0]
        result = torch.empty(self._channels, *top.shape)

        def put(features: Tensor, place: Box) -> None:
            rows, columns = place.shift(-top.y0, -top.x0).slices
            result[:, rows, columns] = self._probabilities(features)

        maps = RollingMaps(self._workspace)
        with self._cores if self._apart else nullcontext():
            for band in bands(top, BAND_PIXELS):
                parts = needed_parts(band, shape, LEVELS)
                skips = self._encode(window, parts, maps)
                self._finish(parts.decoder, skips, maps, shape, put)
        rows, columns = crop.shift(-top.y0, -top.x0).slices
        return result[:, rows, columns]

    def _finish(
        self,
        parts: tuple[Box, ...],
        skips: list[Frame],
        maps: RollingMaps,
        shape: tuple[int, int],
        put: _Use,
    ) -> None:
        """Hand the features of the finest of `parts` to `put`."""
        low = skips[LEVELS]
        for level in range(LEVELS - 1, 0, -1):
            box = union(below(parts[level - 1]), parts[level])
            target = self._frame(maps, f"up{level}", self._decoder[level], box, 1)
            self._decode(
                level, maps.rest(f"up{level}", parts[level]), skips[level], low, shape, target.put
            )
            low = target
        self._decode(0, parts[0], skips[0], low, shape, put)

    @property
    def _channels(self) -> int:
        return self._outputs[0] + (self._outputs[1] == "contour")

    def _probabilities(self, features: Tensor) -> Tensor:
        logits = self._head(features).float()
        if self._outputs[0] == 1:
            return logits.sigmoid_()[0]
        return to_probabilities(logits, *self._outputs)[0]

    def _encode(self, window: Tensor, parts: Parts, maps: RollingMaps) -> list[Frame]:
        """Return what the decoder needs of each level, and of the bottleneck."""
        shape = (int(window.shape[0]), int(window.shape[1]))
        new = [maps.rest(f"encoder{i}", part) for i, part in enumerate(parts.encoder)]
        x = self._workspace.frame("x0", 3, grown(new[0], 2), 2)
        x.put(window.permute(2, 0, 1)[None], Box(0, 0, *shape))
        skips = []
        for level, part in enumerate(parts.decoder):
            block = self._encoder[level]
            # The encoder runs ahead of the decoder; what it has found is kept for the next bands.
            ahead = Box(part.y0, part.x0, max(part.y1, parts.encoder[level].y1 - 2), part.x1)
            skip = self._frame(maps, f"skip{level}", block, grown(ahead, 2), 2)
            pooled = self._frame(maps, f"x{level + 1}", block, grown(new[level + 1], 2), 2)
            self._convolve(level, new[level], x, shape, _to_both(skip, pooled))
            skips.append(skip)
            x = pooled
        block = self._encoder[LEVELS]
        low = self._frame(maps, "low", block, below(parts.decoder[-1]), 1)
        self._convolve(LEVELS, new[LEVELS], x, shape, low.put)
        return [*skips, low]

    def _frame(
        self, maps: RollingMaps, name: str, block: EncoderBlock | DecoderBlock, box: Box, ring: int
    ) -> Frame:
        return maps.frame(name, block.second.channels, box, ring)

    def _convolve(self, level: int, part: Box, x: Frame, shape: tuple[int, int], use: _Use) -> None:
        """Compute `part` of an encoder level, block by block."""
        block = self._encoder[level]

        @torch.inference_mode()
        def compute(place: Box) -> None:
            middle = block.first(x.part(grown(place, 2)))
            zero_outside(middle, Sides.of(place, level, shape))
            use(block.second(middle), place)

        self._cores.for_each(compute, self._blocks(part, block))

    def _decode(
        self, level: int, part: Box, skip: Frame, low: Frame, shape: tuple[int, int], use: _Use
    ) -> None:
        """Compute `part` of a decoder level, block by block."""
        block = self._decoder[level]

        @torch.inference_mode()
        def compute(place: Box) -> None:
            sides = Sides.of(place, level, shape)
            total = block.up(low.part(below(place)))
            take_back(total, block.border, sides)
            block.skip.add_relu_(total, skip.part(grown(place, 2)))
            zero_outside(total, sides)
            use(block.second(total), place)

        self._cores.for_each(compute, self._blocks(part, block))

    def _blocks(self, part: Box, block: EncoderBlock | DecoderBlock) -> list[Box]:
        pixels = BLOCK_BYTES // (block.second.channels * self.dtype.itemsize)
        return cut(part, pixels, self._cores.threads)


def _to_both(skip: Frame, pooled: Frame) -> _Use:
    def use(features: Tensor, place: Box) -> None:
        skip.put(features, place)
        half = Box(place.y0 // 2, place.x0 // 2, place.y1 // 2, place.x1 // 2)
        pooled.put(_max_pool(features), half)

    return use


def _max_pool(x: Tensor) -> Tensor:
    # Three times as fast as max_pool2d, which also writes indices.
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
