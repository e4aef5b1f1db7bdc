"""The default network on a CPU, as fast as its processor multiplies.

The same function as MONAI's BasicUNet in evaluation mode, computed differently:

* batch normalisation and ReLU are folded into the convolutions;
* each upsampling and the convolution after it are one transposed convolution, added to the
  skip's convolution in place, so that nothing is concatenated;
* large levels are computed in bands of rows that stay in the cache between two convolutions;
* the decoder computes only what the core of a tile needs, level by level: the halo costs the
  encoder alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine.fused_blocks import (
    LEVELS,
    decoder_blocks,
    encoder_blocks,
    head_block,
)
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
        parts = _needed(crop, shape)
        skips, low = self._encode(window, parts)
        for level in range(LEVELS - 1, 0, -1):
            target = self._low_frame(level, parts[level - 1])
            for rows, y0 in self._decode(level, parts[level], skips[level], low, shape):
                target.put(rows, y0, parts[level].x0)
            low = target
        top = parts[0]
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

    def _encode(self, window: Tensor, parts: list[Box]) -> tuple[list[Frame], Frame]:
        """Return what the decoder needs of each level, and the bottleneck."""
        height, width = int(window.shape[0]), int(window.shape[1])
        x = self._workspace.frame("x0", 3, Box(-2, 0, height + 2, width), (2, 0))
        x.values[0].permute(1, 2, 0)[2:-2] = window
        skips = []
        for level, part in enumerate(parts):
            h, w = height >> level, width >> level
            channels = self._encoder[level].second.channels
            wanted = Box(part.y0 - 2, part.x0 - 2, part.y1 + 2, part.x1 + 2)
            skip = self._workspace.frame(f"skip{level}", channels, wanted, (2, 2))
            below = Box(-2, 0, h // 2 + 2, w // 2)
            pooled = self._workspace.frame(f"x{level + 1}", channels, below, (2, 0))
            for rows, y0 in self._convolve(level, x, h):
                skip.put(rows, y0, 0)
                _max_pool(rows, pooled.rows(y0 // 2, (y0 + rows.shape[2]) // 2))
            skips.append(skip)
            x = pooled
        low = self._low_frame(LEVELS, parts[-1])
        for rows, y0 in self._convolve(LEVELS, x, height >> LEVELS):
            low.put(rows, y0, 0)
        return skips, low

    def _low_frame(self, level: int, above: Box) -> Frame:
        """Return memory for the part of `level` that `above`, one level up, is made of."""
        blocks = self._encoder if level == LEVELS else self._decoder
        channels = blocks[level].second.channels
        box = Box(above.y0 // 2 - 1, above.x0 // 2 - 1, above.y1 // 2 + 1, above.x1 // 2 + 1)
        return self._workspace.frame(f"low{level}", channels, box, (1, 1))

    def _convolve(self, level: int, x: Frame, height: int) -> Iterator[tuple[Tensor, int]]:
        """Apply both convolutions of an encoder level, band by band."""
        block = self._encoder[level]
        for a, b in self._bands(0, height, x.box.shape[1] * block.second.channels):
            middle = block.first(x.rows(a - 2, b + 2))
            _zero_outside(middle, a == 0, b == height)
            yield block.second(middle), a

    def _decode(
        self, level: int, part: Box, skip: Frame, low: Frame, shape: tuple[int, int]
    ) -> Iterator[tuple[Tensor, int]]:
        """Compute `part` of a decoder level, band by band."""
        block, height, width = self._decoder[level], shape[0] >> level, shape[1] >> level
        left, right = part.x0 == 0, part.x1 == width
        for a, b in self._bands(part.y0, part.y1, part.shape[1] * block.second.channels):
            sides = a == 0, b == height, left, right
            total = block.up(low.rows(a // 2 - 1, b // 2 + 1))
            _take_back(total, block.border, *sides)
            block.skip.add_relu_(total, skip.rows(a - 2, b + 2))
            _zero_outside(total, *sides)
            yield block.second(total), a

    def _bands(self, start: int, stop: int, row_size: int) -> Iterator[tuple[int, int]]:
        """Cut rows into even pieces of about `BAND_BYTES`."""
        most = max(2, BAND_BYTES // (row_size * self.dtype.itemsize))
        count = -(-(stop - start) // most)
        step = -(-(stop - start) // count)
        step += step % 2
        for a in range(start, stop, step):
            yield a, min(stop, a + step)


def _needed(crop: Box, shape: tuple[int, int]) -> list[Box]:
    """Return what each decoder level must compute, the finest first."""
    parts = []
    for level in range(LEVELS):
        limits = shape[0] >> level, shape[1] >> level
        part = Box(
            max(0, crop.y0 // 2 * 2),
            max(0, crop.x0 // 2 * 2),
            min(limits[0], -(-crop.y1 // 2) * 2),
            min(limits[1], -(-crop.x1 // 2) * 2),
        )
        parts.append(part)
        crop = Box(part.y0 // 2 - 1, part.x0 // 2 - 1, part.y1 // 2 + 1, part.x1 // 2 + 1)
    return parts


def _max_pool(x: Tensor, out: Tensor) -> None:
    # Three times as fast as max_pool2d, which also writes indices.
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    torch.maximum(rows[..., ::2], rows[..., 1::2], out=out)


def _zero_outside(
    x: Tensor, top: bool, bottom: bool, left: bool = False, right: bool = False
) -> None:
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
