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
from torch.overrides import TorchFunctionMode

from napari_selfreg.engine.folding import fold_statistics
from napari_selfreg.engine.volume.known_ops import NotLocalError, Ref, name_of, operation
from napari_selfreg.engine.volume.local_ops import (
    BatchNorm,
    Convolution,
    LocalOp,
    Shape,
    Transposed,
)

__all__ = ["Graph", "Node", "NotLocalError", "record"]


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
            self._write(
                func, taken, result, partial(operation, func, named, options, result.ndim - 2)
            )
        elif taken and isinstance(result, list | tuple) and _holds_tensor(result):
            raise NotLocalError(f"{name_of(func)} has several results")
        return result

    def _refer(self, value: Any) -> Any:
        if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            return [self._refer(item) for item in value]
        number = self.number_of(value) if isinstance(value, Tensor) else None
        return value if number is None else Ref(number, tuple(value.shape))

    def _write(
        self, func: Any, taken: list[Ref], result: Tensor, make: Callable[[], LocalOp | None]
    ) -> None:
        try:
            op = make()
        except (TypeError, ValueError) as error:
            raise NotLocalError(f"{name_of(func)}: {error}") from error
        self._alive.append(result)
        if op is None:
            self._known[id(result)] = taken[0].node
            return
        number = len(self.nodes)
        shape = tuple(taken[0].shape[2:])
        if op.shape(shape) != tuple(result.shape[2:]) or any(
            ref.shape[2:] != shape for ref in taken
        ):
            raise NotLocalError(f"{name_of(func)} has a result of another size")
        self.nodes[number] = Node(op, tuple(ref.node for ref in taken), result.shape[1])
        self._known[id(result)] = number


def _refs(values: Sequence[Any]) -> Iterator[Ref]:
    for value in values:
        if isinstance(value, Ref):
            yield value
        elif isinstance(value, list):
            yield from _refs(value)


def _holds_tensor(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Tensor) for value in values)


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
