"""A network written down as local operations, so that it can be computed part by part.

The network runs once on a small input while every call of PyTorch is written down. That works for
whatever is made of convolutions, pooling, batch normalisation and functions of single elements;
normalisation over the input, attention and the like are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from napari_selfreg.engine.folding import fold_statistics
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


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Parameters
    ----------
    op : LocalOp or None
        What is computed; None for the network's input.
    inputs : tuple of int
        Numbers of the nodes it takes.
    channels : int
        Of the result.
    """

    op: LocalOp | None
    inputs: tuple[int, ...]
    channels: int


@dataclass(frozen=True, eq=False)
class Graph:
    """A network.

    Parameters
    ----------
    nodes : dict of int to Node
        In an order in which they can be computed; 0 is the input.
    output : int
        The node of the logits.
    """

    nodes: Mapping[int, Node]
    output: int

    def shapes(self, shape: Shape) -> dict[int, Shape]:
        """Return the spatial size of every node for an input of `shape`."""
        found: dict[int, Shape] = {}
        for number, node in self.nodes.items():
            found[number] = shape if node.op is None else node.op.shape(found[node.inputs[0]])
        return found

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the convolutions."""
        kinds = (getattr(node.op, "weight", None) for node in self.nodes.values())
        return next((kind.dtype for kind in kinds if kind is not None), torch.float32)

    def to(self, dtype: torch.dtype) -> Graph:
        """Return the network with its convolutions in another precision."""
        nodes = dict(self.nodes)
        for number, node in nodes.items():
            if isinstance(node.op, Convolution | Transposed):
                bias = None if node.op.bias is None else node.op.bias.to(dtype)
                op = replace(node.op, weight=node.op.weight.to(dtype), bias=bias)
                nodes[number] = replace(node, op=op)
        return Graph(nodes, self.output)

    def users(self) -> dict[int, list[int]]:
        """Return which nodes take the result of each node."""
        found: dict[int, list[int]] = {number: [] for number in self.nodes}
        for number, node in self.nodes.items():
            for taken in node.inputs:
                found[taken].append(number)
        return found


@dataclass(frozen=True, slots=True)
class _Ref:
    """A result inside the recorded arguments of a call."""

    node: int
    shape: Shape


def record(network: nn.Module, sample: Tensor) -> Graph:
    """Write down a network, its batch normalisations folded into its convolutions.

    Parameters
    ----------
    network : Module
        In evaluation mode; not changed.
    sample : Tensor, shape (1, C, *spatial)
        A small input the network takes.

    Returns
    -------
    Graph

    Raises
    ------
    NotLocalError
        If an operation is not local or not known here.
    """
    recorder = _Recorder(sample)
    with torch.no_grad(), recorder:
        output = network(sample)
    if isinstance(output, list | tuple):  # deep supervision: the first is full size
        output = output[0]
    last = recorder.number_of(output)
    if last is None:
        raise NotLocalError("the result is none of the operations'")
    return _pruned(_folded(Graph(recorder.nodes, last)))


class _Recorder(TorchFunctionMode):
    """Writes down every call that takes the result of another."""

    def __init__(self, sample: Tensor) -> None:
        super().__init__()
        self.nodes: dict[int, Node] = {0: Node(None, (), sample.shape[1])}
        self._known: dict[int, int] = {id(sample): 0}
        self._alive = [sample]  # so that no other tensor gets the identity of one of them

    def number_of(self, value: object) -> int | None:
        """Return the node a tensor is the result of."""
        return self._known.get(id(value))

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Call `func`, and write it down."""
        kwargs = kwargs or {}
        named = [self._refer(value) for value in args]
        options = {name: self._refer(value) for name, value in kwargs.items()}
        taken = list(_refs([*named, *options.values()]))
        result = func(*args, **kwargs)
        if taken and isinstance(result, Tensor):
            self._write(func, taken, result, partial(_operation, func, named, options, result))
        elif taken and isinstance(result, list | tuple) and _holds_tensor(result):
            raise NotLocalError(f"{_name(func)} has several results")
        return result

    def _refer(self, value: Any) -> Any:
        if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            return [self._refer(item) for item in value]
        number = self.number_of(value) if isinstance(value, Tensor) else None
        return value if number is None else _Ref(number, tuple(value.shape))

    def _write(
        self, func: Any, taken: list[_Ref], result: Tensor, make: Callable[[], LocalOp | None]
    ) -> None:
        try:
            op = make()
        except (TypeError, ValueError) as error:
            raise NotLocalError(f"{_name(func)}: {error}") from error
        self._alive.append(result)
        if op is None:
            self._known[id(result)] = taken[0].node
            return
        number = len(self.nodes)
        shape = tuple(taken[0].shape[2:])
        if op.shape(shape) != tuple(result.shape[2:]) or any(
            ref.shape[2:] != shape for ref in taken
        ):
            raise NotLocalError(f"{_name(func)} has a result of another size")
        self.nodes[number] = Node(op, tuple(ref.node for ref in taken), result.shape[1])
        self._known[id(result)] = number


def _operation(
    func: Any, args: Sequence[Any], options: Mapping[str, Any], result: Tensor
) -> LocalOp | None:
    make = _KNOWN.get(func)
    if make is None:
        raise NotLocalError(f"{_name(func)} is not known to be local")
    op: LocalOp | None = make(result.ndim - 2, *args, **options)
    return op


def _numbers(value: int | Sequence[int], dims: int) -> Numbers:
    return (value,) * dims if isinstance(value, int) else tuple(int(v) for v in value)


def _convolution(
    dims: int,
    _: _Ref,
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
    _: _Ref,
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
    _: _Ref,
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
    __: _Ref,
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
    __: _Ref,
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
    if isinstance(a, _Ref) and isinstance(b, _Ref):
        return Elementwise(lambda x, y: function(x, y, **options))
    if isinstance(a, _Ref):
        return Elementwise(lambda x: function(x, b, **options))
    return Elementwise(lambda y: function(a, y, **options))


def _joined(dims: int, tensors: Sequence[Any], dim: int = 0) -> LocalOp:
    if dim % (dims + 2) != 1 or not all(isinstance(value, _Ref) for value in tensors):
        raise ValueError("only results are joined, along channels")
    return Elementwise(lambda *parts: torch.cat(parts, 1))


def _repeated(dims: int, _: _Ref, *counts: Any) -> LocalOp:
    times = _numbers(counts[0] if len(counts) == 1 else counts, dims + 2)
    if any(n != 1 for axis, n in enumerate(times) if axis != 1):
        raise ValueError("only channels are repeated")
    return Elementwise(lambda x: x.repeat(*times))


def _enlarged(
    dims: int,
    x: _Ref,
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


def _same(_: int, __: _Ref, *args: Any, **options: Any) -> None:
    """For what changes nothing in evaluation."""


def _dropped(
    _: int, __: _Ref, p: float = 0.5, training: bool = True, inplace: bool = False
) -> None:
    if training and p:
        raise ValueError("values are dropped at random")


def _padded(_: int, __: _Ref, pad: Sequence[int], *args: Any, **options: Any) -> None:
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


def _refs(values: Sequence[Any]) -> Iterator[_Ref]:
    for value in values:
        if isinstance(value, _Ref):
            yield value
        elif isinstance(value, list):
            yield from _refs(value)


def _holds_tensor(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Tensor) for value in values)


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", func))


def _folded(graph: Graph) -> Graph:
    """Fold each batch normalisation into the convolution it alone follows."""
    nodes, users = dict(graph.nodes), graph.users()
    for number, node in graph.nodes.items():
        if not isinstance(node.op, BatchNorm):
            continue
        before = nodes[node.inputs[0]]
        norm, conv = node.op, before.op
        if not isinstance(conv, Convolution) or len(users[node.inputs[0]]) > 1:
            continue
        weight, bias = fold_statistics(
            conv.weight, conv.bias, norm.mean, norm.variance, norm.weight, norm.bias, norm.eps
        )
        kind = conv.weight.dtype
        folded = replace(conv, weight=weight.to(kind), bias=bias.to(kind))
        nodes[number] = replace(node, op=folded, inputs=before.inputs)
    return Graph(nodes, graph.output)


def _pruned(graph: Graph) -> Graph:
    """Leave out what the output does not depend on."""
    wanted = {graph.output}
    for number in reversed(list(graph.nodes)):
        if number in wanted:
            wanted.update(graph.nodes[number].inputs)
    if 0 not in wanted:
        raise NotLocalError("the result does not depend on the input")
    return Graph({n: node for n, node in graph.nodes.items() if n in wanted}, graph.output)
