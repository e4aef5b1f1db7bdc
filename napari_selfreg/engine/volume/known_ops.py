"""Which functions of PyTorch are known to be local, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.engine.volume.local_ops import (
    BatchNorm,
    Convolution,
    Elementwise,
    LocalOp,
    Nearest,
    Numbers,
    Pooling,
    Shape,
    Transposed,
)


class NotLocalError(Exception):
    """A network does something that cannot be computed part by part."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of another operation, in the arguments of a call.

    Parameters
    ----------
    node : int
        Number of the operation.
    shape : tuple of int
        (N, C, *spatial) while it was recorded.
    """

    node: int
    shape: Shape


def name_of(func: Any) -> str:
    """Return the name of a function, for messages."""
    return str(getattr(func, "__name__", func))


def operation(
    func: Any, args: Sequence[Any], options: Mapping[str, Any], dims: int
) -> LocalOp | None:
    """Return what a call of PyTorch does, None if it changes nothing.

    Parameters
    ----------
    func : callable
        What was called.
    args, options : sequence, mapping
        Its arguments; results of other operations are `Ref`.
    dims : int
        Spatial dimensions.

    Returns
    -------
    LocalOp or None

    Raises
    ------
    NotLocalError
        If the function is not known to be local.
    TypeError, ValueError
        If it is used in a way that is not known.
    """
    make = _KNOWN.get(func)
    if make is None:
        raise NotLocalError(f"{name_of(func)} is not known to be local")
    op: LocalOp | None = make(dims, *args, **options)
    return op


def _numbers(value: int | Sequence[int], dims: int) -> Numbers:
    return (value,) * dims if isinstance(value, int) else tuple(int(v) for v in value)


def _convolution(
    dims: int,
    _: Ref,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> LocalOp:
    steps = [_numbers(value, dims) for value in (stride, padding, dilation)]
    return Convolution(weight, bias, steps[0], steps[1], steps[2], groups)


def _transposed(
    dims: int,
    _: Ref,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> LocalOp:
    if set(_numbers(dilation, dims)) != {1}:
        raise ValueError("dilation is not known here")
    steps = [_numbers(value, dims) for value in (stride, padding, output_padding)]
    return Transposed(weight, bias, steps[0], steps[1], steps[2], groups)


def _pooling(
    function: Callable[..., Tensor],
    dims: int,
    _: Ref,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    *plain: Any,
    **options: Any,
) -> LocalOp:
    unusual = {name: v for name, v in options.items() if v not in (False, None, 1, True)}
    if set(_numbers(padding, dims)) != {0} or options.get("ceil_mode") or unusual or any(plain):
        raise ValueError("padding is not known here")
    kernel = _numbers(kernel_size, dims)
    return Pooling(function, kernel, kernel if stride is None else _numbers(stride, dims))


def _batch_norm(
    _: int,
    __: Ref,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> LocalOp:
    if training or running_mean is None or running_var is None:
        raise ValueError("statistics of the input couple all places")
    return BatchNorm(
        lambda x: functional.batch_norm(x, running_mean, running_var, weight, bias, eps=eps),
        None,
        running_mean,
        running_var,
        weight,
        bias,
        eps,
    )


def _function(
    function: Callable[..., Tensor],
    in_place: Callable[..., Tensor] | None,
    _: int,
    __: Ref,
    *args: Any,
    inplace: bool = False,
    **options: Any,
) -> LocalOp:
    again = None if in_place is None else partial(_with, in_place, args, options)
    return Elementwise(partial(_with, function, args, options), again)


def _with(
    function: Callable[..., Tensor], args: Sequence[Any], options: Mapping[str, Any], part: Tensor
) -> Tensor:
    return function(part, *args, **options)


def _arithmetic(
    function: Callable[..., Tensor], dims: int, a: Any, b: Any, **options: Any
) -> LocalOp:
    """Of two results, or of one and something that is the same at all places."""
    for value in (a, b):
        constant = isinstance(value, Tensor) and value.numel() > 1
        if constant and (value.ndim != dims + 2 or set(value.shape[2:]) != {1}):
            raise ValueError("a constant differs from place to place")
    if isinstance(a, Ref) and isinstance(b, Ref):
        return Elementwise(lambda x, y: function(x, y, **options))
    if isinstance(a, Ref):
        return Elementwise(lambda x: function(x, b, **options))
    return Elementwise(lambda y: function(a, y, **options))


def _joined(dims: int, tensors: Sequence[Any], dim: int = 0) -> LocalOp:
    if dim % (dims + 2) != 1 or not all(isinstance(value, Ref) for value in tensors):
        raise ValueError("only results are joined, along channels")
    return Elementwise(lambda *parts: torch.cat(parts, 1))


def _repeated(dims: int, _: Ref, *counts: Any) -> LocalOp:
    times = _numbers(counts[0] if len(counts) == 1 else counts, dims + 2)
    if any(n != 1 for axis, n in enumerate(times) if axis != 1):
        raise ValueError("only channels are repeated")
    return Elementwise(lambda x: x.repeat(*times))


def _enlarged(
    dims: int,
    x: Ref,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    **_: Any,
) -> LocalOp:
    factor = scale_factor
    if size is not None:
        factor = [new / old for new, old in zip(size, x.shape[2:], strict=True)]
    factors = (factor,) * dims if isinstance(factor, int | float) else tuple(factor)
    if mode != "nearest" or any(f != int(f) for f in factors):
        raise ValueError("only whole numbers of nearest neighbours are known here")
    return Nearest(tuple(int(f) for f in factors))


def _same(_: int, __: Ref, *args: Any, **options: Any) -> None:
    """For what changes nothing in evaluation."""


def _dropped(_: int, __: Ref, p: float = 0.5, training: bool = True, inplace: bool = False) -> None:
    if training and p:
        raise ValueError("values are dropped at random")


def _padded(_: int, __: Ref, pad: Sequence[int], *args: Any, **options: Any) -> None:
    if any(pad):
        raise ValueError("padding outside a convolution is not known here")


_ADD = (torch.add, torch.Tensor.add, torch.Tensor.__add__, torch.Tensor.__radd__)
_MUL = (torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__)
_UNARY: dict[Any, Callable[..., Tensor] | None] = {
    functional.relu: torch.relu_,
    torch.relu: torch.relu_,
    functional.leaky_relu: partial(functional.leaky_relu, inplace=True),
    functional.elu: partial(functional.elu, inplace=True),
    functional.gelu: None,
    functional.silu: None,
    torch.sigmoid: torch.sigmoid_,
    torch.Tensor.sigmoid: torch.sigmoid_,
    torch.tanh: torch.tanh_,
    torch.prelu: None,
    functional.softplus: None,
    functional.mish: None,
}
_KNOWN: dict[Any, Callable[..., LocalOp | None]] = {
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    torch.conv_transpose2d: _transposed,
    torch.conv_transpose3d: _transposed,
    functional.max_pool2d: partial(_pooling, torch.max_pool2d),
    functional.max_pool3d: partial(_pooling, torch.max_pool3d),
    functional.avg_pool2d: partial(_pooling, functional.avg_pool2d),
    functional.avg_pool3d: partial(_pooling, functional.avg_pool3d),
    functional.batch_norm: _batch_norm,
    functional.dropout: _dropped,
    functional.dropout2d: _dropped,
    functional.dropout3d: _dropped,
    functional.pad: _padded,
    functional.interpolate: _enlarged,
    torch.cat: _joined,
    torch.Tensor.contiguous: _same,
    torch.Tensor.repeat: _repeated,
    **{add: partial(_arithmetic, torch.add) for add in _ADD},
    **{mul: partial(_arithmetic, torch.mul) for mul in _MUL},
    torch.Tensor.add_: partial(_arithmetic, torch.add),
    torch.Tensor.__iadd__: partial(_arithmetic, torch.add),
    **{function: partial(_function, function, again) for function, again in _UNARY.items()},
    torch.relu_: partial(_function, torch.relu, torch.relu_),
}
