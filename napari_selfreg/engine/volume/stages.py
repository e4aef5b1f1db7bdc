"""In which order a network is computed part by part, and what is kept in between.

Results are kept whole where the resolution changes: before an enlargement and after a reduction.
There they are small, and the parts of the next stage need but the few neighbours that its own
kernels cover, not the context of the whole network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from napari_selfreg.core.blocks import Spans, around, common, cut_evenly, sides, whole
from napari_selfreg.engine.volume.graph import Graph
from napari_selfreg.engine.volume.local_ops import Nearest, Shape, Transposed


@dataclass(frozen=True)
class Room:
    """Memory that may be used.

    Parameters
    ----------
    part : int
        Bytes of what is computed at one time.
    kept : int
        Bytes of what may be kept only to save computing it twice.
    """

    part: int
    kept: int


@dataclass(frozen=True, eq=False)
class Stage:
    """What is computed, part by part, before the next stage begins.

    Parameters
    ----------
    target : int
        The node whose result is kept.
    region : Spans
        The part of it that later stages need.
    steps : tuple of int
        Nodes that are computed for each part, in order; the target is the last.
    sources : tuple of int
        Nodes whose kept results are read.
    done_with : tuple of int
        Nodes whose kept results no later stage reads.
    bytes_per_element : float
        Memory at its peak for each element of a part of the target.
    """

    target: int
    region: Spans
    steps: tuple[int, ...]
    sources: tuple[int, ...]
    done_with: tuple[int, ...]
    bytes_per_element: float

    def parts(self, graph: Graph, shapes: Mapping[int, Shape], room: int) -> list[Spans]:
        """Return parts of the region that each need at most `room` bytes, if that is possible."""
        halo = _halo(graph, self, shapes)
        return cut_evenly(self.region, halo, max(1, int(room / self.bytes_per_element)))


def plan_stages(
    graph: Graph, shapes: Mapping[int, Shape], region: Spans, room: Room, itemsize: int = 4
) -> list[Stage]:
    """Return the stages that compute a region of a network's output.

    Parameters
    ----------
    graph : Graph
        The network.
    shapes : dict of int to tuple of int
        Spatial size of each node.
    region : Spans
        Part of the output.
    room : Room
        Memory.
    itemsize : int, default 4
        Bytes of a number.

    Returns
    -------
    list of Stage
        In order; the last one gives the output.
    """
    kept = _kept(graph, shapes, room.kept // itemsize)
    targets = [number for number in graph.nodes if number in kept]
    steps = {target: _steps(graph, target, kept) for target in targets}
    needed: dict[int, Spans] = {graph.output: region}
    for target in reversed(targets):
        if target not in needed:
            continue
        for node, spans in trace(graph, steps[target], needed[target], shapes).items():
            if node in kept or node == 0:
                needed[node] = around(spans, needed[node]) if node in needed else spans
    read = {t: _sources(graph, steps[t]) for t in targets}
    stages = []
    for place, target in enumerate(targets):
        later = {node for after in targets[place + 1 :] for node in read[after]}
        stages.append(
            Stage(
                target,
                needed[target],
                steps[target],
                read[target],
                tuple(node for node in read[target] if node not in later),
                itemsize * _peak(graph, steps[target], shapes, target),
            )
        )
    return stages


def trace(
    graph: Graph, steps: tuple[int, ...], wanted: Spans, shapes: Mapping[int, Shape]
) -> dict[int, Spans]:
    """Return which part of each step, and of what the steps read, is needed.

    Parameters
    ----------
    graph : Graph
        The network.
    steps : tuple of int
        Nodes in order; the last is the one that is wanted.
    wanted : Spans
        Part of the last.
    shapes : dict of int to tuple of int
        Spatial size of each node.

    Returns
    -------
    dict of int to Spans
    """
    places = {steps[-1]: wanted}
    for number in reversed(steps):
        node = graph.nodes[number]
        if node.op is None:
            continue
        for taken in dict.fromkeys(node.inputs):
            spans = common(node.op.needs(places[number]), whole(shapes[taken]))
            places[taken] = around(spans, places[taken]) if taken in places else spans
    return places


def kept_bytes(graph: Graph, stages: list[Stage], itemsize: int = 4) -> int:
    """Return the most bytes that results kept between stages take at one time."""
    alive: dict[int, int] = {}
    most = 0
    for stage in stages[:-1]:
        channels = graph.nodes[stage.target].channels
        alive[stage.target] = itemsize * channels * math.prod(sides(stage.region))
        most = max(most, sum(alive.values()))
        alive = {node: size for node, size in alive.items() if node not in stage.done_with}
    return most


def _kept(graph: Graph, shapes: Mapping[int, Shape], room: int) -> frozenset[int]:
    """Return the nodes whose results are kept whole; `room` counts numbers."""
    kept = {graph.output}
    for number, node in graph.nodes.items():
        if node.op is None:
            continue
        before, after = (math.prod(shapes[n]) for n in (node.inputs[0], number))
        if after < before:
            kept.add(number)
        elif isinstance(node.op, Transposed | Nearest) and after > before:
            kept.update(node.inputs)
    users = graph.users()
    shared = [n for n in graph.nodes if n and n not in kept and len(set(users[n])) > 1]
    for number in sorted(shared, key=lambda n: _numbers(graph, shapes, n)):
        room -= _numbers(graph, shapes, number)
        if room < 0:
            break
        kept.add(number)
    return frozenset(kept - {0})


def _numbers(graph: Graph, shapes: Mapping[int, Shape], number: int) -> int:
    return graph.nodes[number].channels * math.prod(shapes[number])


def _steps(graph: Graph, target: int, kept: frozenset[int]) -> tuple[int, ...]:
    wanted, todo = {target}, [target]
    while todo:
        for taken in graph.nodes[todo.pop()].inputs:
            if taken and taken not in kept and taken not in wanted:
                wanted.add(taken)
                todo.append(taken)
    return tuple(sorted(wanted))


def _sources(graph: Graph, steps: tuple[int, ...]) -> tuple[int, ...]:
    own = set(steps)
    taken = (node for number in steps for node in graph.nodes[number].inputs)
    return tuple(dict.fromkeys(node for node in taken if node not in own))


def last_uses(graph: Graph, steps: tuple[int, ...]) -> dict[int, int]:
    """Return after which step each result is needed no more."""
    return {taken: number for number in steps for taken in graph.nodes[number].inputs}


def _peak(graph: Graph, steps: tuple[int, ...], shapes: Mapping[int, Shape], target: int) -> float:
    """Return how many numbers are alive at once for each element of the target."""
    ends, alive, most = last_uses(graph, steps), {}, 0.0
    for number in steps:
        for node in (*graph.nodes[number].inputs, number):
            alive[node] = _numbers(graph, shapes, node) / math.prod(shapes[target])
        # a convolution may rearrange what it takes and what it gives
        most = max(most, sum(alive.values()) + alive[number])
        alive = {node: size for node, size in alive.items() if ends.get(node, 0) > number}
    return most


def _halo(graph: Graph, stage: Stage, shapes: Mapping[int, Shape]) -> list[int]:
    """Return the context of a part on each side, in elements of the target."""
    shape = shapes[stage.target]
    middle = tuple((side // 2, side // 2 + 1) for side in shape)
    places = trace(graph, stage.steps, middle, shapes)
    widest = [0] * len(shape)
    for node, spans in places.items():
        scale = [own / side for own, side in zip(shape, shapes[node], strict=True)]
        lengths = [side * by for side, by in zip(sides(spans), scale, strict=True)]
        widest = [max(a, math.ceil((b - 1) / 2)) for a, b in zip(widest, lengths, strict=True)]
    return widest
