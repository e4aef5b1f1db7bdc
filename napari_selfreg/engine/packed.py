"""Convolutions whose weights lie in memory as oneDNN wants them, with the ReLU fused in.

These are the operators PyTorch's own compiler uses on CPUs. They are not public, so
`packing_works` asks first, and whoever builds on them compares with the plain network.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_ONE = [1, 1]
_TWO = [2, 2]
_NONE = [0, 0]
_TYPICAL = [1, 32, 32, 512]  # height and width only help oneDNN to choose a layout


def packing_works() -> bool:
    """Return whether this build of PyTorch has the operators."""
    names = (
        "_convolution_pointwise",
        "_convolution_pointwise_",
        "_convolution_transpose_pointwise",
        "_reorder_convolution_transpose_weight",
    )
    return bool(torch.backends.mkldnn.is_available()) and all(
        hasattr(torch.ops.mkldnn, name) for name in names
    )


class PackedConv:
    """A convolution on channels-last tensors.

    Parameters
    ----------
    weight : Tensor, shape (C_out, C_in, y, x)
        Any floating dtype.
    bias : Tensor, shape (C_out,), or None
        Likewise.
    padding : tuple of int
        Rows and columns of zeros on each side.
    dtype : torch.dtype
        Of weights, inputs and outputs.
    relu : bool, default True
        Whether a ReLU follows.
    stride : tuple of int, default (1, 1)
        Rows and columns from one output to the next.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        padding: tuple[int, int],
        dtype: torch.dtype,
        *,
        relu: bool = True,
        stride: tuple[int, int] = (1, 1),
    ) -> None:
        weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.channels = int(weight.shape[0])
        self._bias = None if bias is None else bias.to(dtype)
        self._padding, self._stride = list(padding), list(stride)
        self._after = "relu" if relu else "none"
        size = [1, int(weight.shape[1]), *_TYPICAL[2:]]
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # its annotation is incomplete
        self._weight: Any = reorder(weight.to_mkldnn(), self._padding, self._stride, _ONE, 1, size)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x` (1, C_in, y, x), channels last."""
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, self._padding, self._stride, _ONE, 1, self._after, [], ""
        )
        return result

    def add_relu_(self, total: Tensor, x: Tensor) -> None:
        """Add the convolution of `x` to `total` and apply a ReLU, in place."""
        torch.ops.mkldnn._convolution_pointwise_.binary(
            total, x, self._weight, self._bias, self._padding, self._stride, _ONE, 1,
            "add", 1.0, "relu", [], "",
        )  # fmt: skip


class PackedUpsampling:
    """A 4x4 transposed convolution with stride 2, without the rows that lack a contributor.

    Parameters
    ----------
    weight : Tensor, shape (C_in, C_out, 4, 4)
        Any floating dtype.
    bias : Tensor, shape (C_out,)
        Likewise.
    dtype : torch.dtype
        Of weights, inputs and outputs.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._bias = bias.to(dtype)
        size = [1, int(weight.shape[0]), *_TYPICAL[2:]]
        self._weight: Any = torch.ops.mkldnn._reorder_convolution_transpose_weight(
            weight.to(dtype), _TWO, _NONE, _TWO, _ONE, 1, size
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Return (1, C_out, 2 y - 2, 2 x - 2) of `x` (1, C_in, y, x), channels last."""
        result: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
            x, self._weight, self._bias, _TWO, _NONE, _TWO, _ONE, 1, "none", [], ""
        )
        return result
