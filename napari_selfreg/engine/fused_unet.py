"""The default network on a CPU, as fast as its processor multiplies.

The same function as MONAI's BasicUNet in evaluation mode, computed differently:

* batch normalisation and ReLU are folded into the convolutions;
* each upsampling and the convolution after it are one transposed convolution, added to the
  skip's convolution in place, so that nothing is concatenated;
* large levels are computed in bands of rows that stay in the cache between two convolutions;
* each level computes only what the core of a tile needs of it: the halo costs little more than
  the first levels of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from napari_selfreg.engine.fused_parts import Parts, below, grown, needed_parts
from napari_selfreg.engine.workspace import Frame, Workspace
from napari_selfreg.nets.outputs import Separation, to_probabilities

BAND_BYTES = 16 << 20
"""Size of one feature map of a band: small enough for caches and to be used again by malloc."""


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
        parts = needed_parts(crop, shape, LEVELS)
        skips, low = self._encode(window, parts)
        for level in range(LEVELS - 1, 0, -1):
            part, above = parts.decoder[level], parts.decoder[level - 1]
            target = self._frame(f"low{level}", self._decoder[level], below(above), 1)
            for rows, y0 in self._decode(level, part, skips[level], low, shape):
                target.put(rows, y0, part.x0)
            low = target
        top = parts.decoder[0]
        result = torch.empty(self._channels, *top.shape)
        for rows, y0 in self._decode(0, top, skips[0], low, shape):
            first = y0 - top.y0
            result[:, first : first + rows.shape[2]] = self._probabilities(rows)
        rows_of, columns_of = crop.shift(-top.y0, -top.x0).slices
        return result[:, rows_of, columns_of]

    @property
    def _channels(self) -> int:
        return self._outputs[0] + (self._outputs[1] == "contour")

    def _probabilities(self, features: Tensor) -> Tensor:
        logits = self._head(features).float()
        if self._outputs[0] == 1:
            return logits.sigmoid_()[0]
        return to_probabilities(logits, *self._outputs)[0]

    def _encode(self, window: Tensor, parts: Parts) -> tuple[list[Frame], Frame]:
        """Return what the decoder needs of each level, and of the bottleneck."""
        shape = (int(window.shape[0]), int(window.shape[1]))
        x = self._workspace.frame("x0", 3, grown(parts.encoder[0], 2), 2)
        x.put(window.permute(2, 0, 1)[None], 0, 0)
        skips = []
        for level, part in enumerate(parts.decoder):
            block, computed = self._encoder[level], parts.encoder[level]
            skip = self._frame(f"skip{level}", block, grown(part, 2), 2)
            pooled = self._frame(f"x{level + 1}", block, grown(parts.encoder[level + 1], 2), 2)
            for rows, y0 in self._convolve(level, computed, x, shape):
                skip.put(rows, y0, computed.x0)
                pooled.put(_max_pool(rows), y0 // 2, computed.x0 // 2)
            skips.append(skip)
            x = pooled
        bottom = self._encoder[LEVELS]
        low = self._frame(f"low{LEVELS}", bottom, below(parts.decoder[-1]), 1)
        for rows, y0 in self._convolve(LEVELS, parts.encoder[LEVELS], x, shape):
            low.put(rows, y0, parts.encoder[LEVELS].x0)
        return skips, low

    def _frame(self, name: str, block: EncoderBlock | DecoderBlock, box: Box, ring: int) -> Frame:
        return self._workspace.frame(name, block.second.channels, box, ring)

    def _convolve(
        self, level: int, part: Box, x: Frame, shape: tuple[int, int]
    ) -> Iterator[tuple[Tensor, int]]:
        """Compute `part` of an encoder level, band by band."""
        block, height, width = self._encoder[level], shape[0] >> level, shape[1] >> level
        left, right = part.x0 == 0, part.x1 == width
        for a, b in self._bands(part, block):
            middle = block.first(x.rows(a - 2, b + 2))
            _zero_outside(middle, a == 0, b == height, left, right)
            yield block.second(middle), a

    def _decode(
        self, level: int, part: Box, skip: Frame, low: Frame, shape: tuple[int, int]
    ) -> Iterator[tuple[Tensor, int]]:
        """Compute `part` of a decoder level, band by band."""
        block, height, width = self._decoder[level], shape[0] >> level, shape[1] >> level
        left, right = part.x0 == 0, part.x1 == width
        for a, b in self._bands(part, block):
            sides = a == 0, b == height, left, right
            total = block.up(low.rows(a // 2 - 1, b // 2 + 1))
            _take_back(total, block.border, *sides)
            block.skip.add_relu_(total, skip.rows(a - 2, b + 2))
            _zero_outside(total, *sides)
            yield block.second(total), a

    def _bands(self, part: Box, block: EncoderBlock | DecoderBlock) -> Iterator[tuple[int, int]]:
        """Cut rows into even pieces of about `BAND_BYTES`."""
        height, width = part.shape
        most = max(2, BAND_BYTES // (width * block.second.channels * self.dtype.itemsize))
        step = -(-height // -(-height // most))
        step += step % 2
        for a in range(part.y0, part.y1, step):
            yield a, min(part.y1, a + step)


def _max_pool(x: Tensor) -> Tensor:
    # Three times as fast as max_pool2d, which also writes indices.
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def _zero_outside(x: Tensor, top: bool, bottom: bool, left: bool, right: bool) -> None:
    """Zero the outermost row or column where it lies outside the picture: zero padding."""
    if top:
        x[:, :, 0] = 0
    if bottom:
        x[:, :, -1] = 0
    if left:
        x[..., 0] = 0
    if right:
        x[..., -1] = 0


def _take_back(x: Tensor, border: Tensor, top: bool, bottom: bool, left: bool, right: bool) -> None:
    """Subtract the upsampling's bias where a tap of the kernel hangs over the border."""
    lines: list[tuple[bool, Callable[[Tensor], Tensor], Tensor]] = [
        (top, lambda v: v[:, 1], border[:, 0].sum(1)),
        (bottom, lambda v: v[:, -2], border[:, 2].sum(1)),
        (left, lambda v: v[:, :, 1], border[:, :, 0].sum(1)),
        (right, lambda v: v[:, :, -2], border[:, :, 2].sum(1)),
    ]
    for wanted, line, value in lines:
        if wanted:
            line(x[0]).sub_(value[:, None])
    for (y, row), (z, column) in (
        ((1, 0), (1, 0)), ((1, 0), (-2, 2)), ((-2, 2), (1, 0)), ((-2, 2), (-2, 2)),
    ):  # fmt: skip
        if (top if row == 0 else bottom) and (left if column == 0 else right):
            x[0, :, y, z] += border[:, row, column]
