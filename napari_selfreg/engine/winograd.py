"""3x3 convolutions with half of the multiplications (Winograd's F(4, 3) along the rows).

Four rows of the result are combinations of six convolutions with 1x3 kernels: 18 multiplications
for 4 pixels and each pair of channels instead of 36. Combining costs as much for each channel as
the convolution for some dozens of others: with few channels nothing is gained.

Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; the
points are 0, 1, -1, 2, -2 and infinity.
"""

from __future__ import annotations

import os
from typing import Protocol

import torch
from torch import Tensor

from napari_selfreg.engine.packed import PackedConv

WIDE, NARROW = 128, 64
"""Fewest channels for which it pays, with AVX512 and without, as measured on whole networks."""

_WIDE_LIMITS = ("AVX512", "AVX10", "DEFAULT", "ALL")
_ROWS, _TAPS = 4, 6
_BEFORE = torch.tensor(
    [
        [4.0, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""From six rows of the input to what the six convolutions see."""

_KERNELS = torch.tensor(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64
)
"""From the three rows of a kernel to 24 times the six."""

_AFTER = torch.tensor(
    [[1.0, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)
"""From the six convolutions to four rows of the result."""

_IN_ALL_ROWS = 1
"""The convolution that is added to each row once, as a bias must be."""


class Conv(Protocol):
    """A convolution with stride 1 and without padding on channels-last tensors."""

    channels: int

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x` (1, C_in, y, x), with its ReLU."""
        ...

    def add_relu_(self, total: Tensor, x: Tensor) -> None:
        """Add the convolution of `x` to `total` and apply a ReLU, in place."""
        ...


def fewest_channels() -> int:
    """Return for how many channels Winograd's way pays, by the instructions oneDNN may use.

    The faster a processor multiplies, the more the additions weigh. A fixed rule, not a probe:
    the same machine always computes the same.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() or "DEFAULT"
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return WIDE if wide and limit.startswith(_WIDE_LIMITS) else NARROW


def conv3x3(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Conv:
    """Return a 3x3 convolution and a ReLU, computed in the way that is likely the fastest.

    Parameters
    ----------
    weight : Tensor, shape (C_out, C_in, 3, 3)
        Any floating dtype.
    bias : Tensor, shape (C_out,), or None
        Likewise.
    dtype : torch.dtype
        Of weights, inputs and outputs. Half precision is too coarse for Winograd's sums.

    Returns
    -------
    Conv
    """
    many = min(weight.shape[:2]) >= fewest_channels()
    if many and dtype == torch.float32 and torch.backends.mkl.is_available():
        return WinogradConv(weight, bias)
    return PackedConv(weight, bias, (0, 0), dtype)


class WinogradConv:
    """A 3x3 convolution in float32 and a ReLU, on channels-last tensors without padding.

    Equal to `PackedConv` up to a few float32 roundings of the largest value.

    Parameters
    ----------
    weight : Tensor, shape (C_out, C_in, 3, 3)
        Any floating dtype.
    bias : Tensor, shape (C_out,), or None
        Likewise.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.channels = int(weight.shape[0])
        kernels = torch.einsum("tk,oikx->toix", _KERNELS / 24, weight.double())
        self._convolutions = [
            PackedConv(
                kernel[:, :, None], bias if tap == _IN_ALL_ROWS else None, (0, 0), torch.float32,
                relu=False, stride=(_TAPS, 1),
            )
            for tap, kernel in enumerate(kernels)
        ]  # fmt: skip
        self._rest = PackedConv(weight, bias, (0, 0), torch.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x` (1, C_in, y, x), whose pixels lie side by side."""
        height, width = x.shape[2] - 2, x.shape[3] - 2
        fours = height // _ROWS * _ROWS
        if fours == 0:
            return self._rest(x)
        memory = torch.empty(1, height, width, self.channels)
        result = memory.permute(0, 3, 1, 2)
        if fours < height:
            result[:, :, fours:] = self._rest(x[:, :, fours:])
        torch.bmm(*self._products(x, fours), out=_in_fours(result, fours))
        result[:, :, :fours].relu_()
        return result

    def add_relu_(self, total: Tensor, x: Tensor) -> None:
        """Add the convolution of `x` to `total` and apply a ReLU, in place."""
        fours = total.shape[2] // _ROWS * _ROWS
        if fours < total.shape[2]:
            self._rest.add_relu_(total[:, :, fours:], x[:, :, fours:])
        if fours:
            _in_fours(total, fours).baddbmm_(*self._products(x, fours))
            total[:, :, :fours].relu_()

    def _products(self, x: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        """Return two batches of matrices; their products are `rows` of the result in fours."""
        count, (width, channels) = rows // _ROWS, (int(x.shape[3]), int(x.shape[1]))
        step = x.stride(2)
        sixes = x.as_strided((count, _TAPS, width * channels), (_ROWS * step, step, 1))
        seen = torch.bmm(_BEFORE.expand(count, -1, -1), sixes)
        picture = seen.view(_TAPS * count, width, channels).permute(2, 0, 1)[None]
        parts = [
            convolution(picture[:, :, tap : tap + _TAPS * (count - 1) + 1])
            for tap, convolution in enumerate(self._convolutions)
        ]
        stacked = torch.stack([_flat(part) for part in parts], 1)
        return _AFTER.expand(count, -1, -1), stacked


def _flat(x: Tensor) -> Tensor:
    """Return the rows of `x` (1, C, y, x) as vectors, without a copy."""
    return x.permute(0, 2, 3, 1).view(x.shape[2], -1)


def _in_fours(x: Tensor, rows: int) -> Tensor:
    """Return the first `rows` of `x` (1, C, y, x) as (rows / 4, 4, x C), without a copy."""
    return _flat(x[:, :, :rows]).view(rows // _ROWS, _ROWS, -1)
