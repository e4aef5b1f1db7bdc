"""A whole forward of a network, computed in parts that fit the memory."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_selfreg.core.blocks import Spans, sides, slices, whole
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.batching import TOO_SMALL, is_out_of_memory
from napari_selfreg.engine.events import Event, Notice
from napari_selfreg.engine.volume.graph import Graph
from napari_selfreg.engine.volume.local_ops import Shape
from napari_selfreg.engine.volume.stages import (
    Room,
    Stage,
    last_uses,
    plan_stages,
    trace,
)

SMALLEST = 8
"""Parts whose sides are all at most this long are not halved any more."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part that is done.

    Parameters
    ----------
    place : Spans
        Where it lies, on the grid of what is computed.
    values : Tensor, shape (1, C, *spatial), or None
        Logits, if it is a part of the output.
    done : float
        Share of the work that is finished.
    """

    place: Spans
    values: Tensor | None
    done: float


class Streamed:
    """Computes a region of a network's output, as one forward of the whole would.

    Parameters
    ----------
    graph : Graph
        The network; its tensors lie on the device.
    image : Tensor, shape (1, C, *spatial)
        The whole, padded input, on the device.
    room : Room
        Memory that may be used.
    layout : torch.memory_format
        Of what is kept.
    """

    def __init__(
        self,
        graph: Graph,
        image: Tensor,
        room: Room,
        layout: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self._graph, self._layout, self._room = graph, layout, room
        self._shapes = graph.shapes(tuple(image.shape[2:]))
        self._kept: dict[int, tuple[Tensor, Spans]] = {0: (image, whole(image.shape[2:]))}

    @property
    def shapes(self) -> dict[int, Shape]:
        """Spatial size of every node."""
        return self._shapes

    def run(self, region: Spans) -> Generator[Part | Event, None, None]:
        """Compute a region; closing the generator stops after the current part.

        Parameters
        ----------
        region : Spans
            Part of the output.

        Yields
        ------
        Part or Notice
            Every part, also of what is computed on the way; a notice where memory ran out.

        Raises
        ------
        DeviceError
            If memory does not even suffice for the smallest part.
        """
        image = self._kept[0][0]
        stages = plan_stages(self._graph, self._shapes, region, self._room, image.element_size())
        works = [self._work(stage) for stage in stages]
        before, total = 0.0, sum(works)
        for stage, work in zip(stages, works, strict=True):
            last = stage is stages[-1]
            if not last:
                self._keep(stage, image)
            for part in self._stage(stage, last):
                if isinstance(part, Part):
                    done = (before + work * part.done) / total
                    yield Part(part.place, part.values, done)
                else:
                    yield part
            before += work
            for node in stage.done_with:
                self._kept.pop(node, None)

    def _stage(self, stage: Stage, last: bool) -> Generator[Part | Event, None, None]:
        todo = stage.parts(self._graph, self._shapes, self._room.part)
        whole_stage, done = _voxels(stage.region), 0
        while todo:
            place = todo.pop(0)
            values = self._attempt(stage, place)
            if values is None:
                todo = [half for part in (place, *todo) for half in _halves(part)]
                if len(todo) < 2 or sides(todo[0]) == sides(place):
                    raise DeviceError(TOO_SMALL)
                yield Notice(f"Memory ran out: tiles are now {_text(todo[0])} voxels.")
                continue
            if not last:
                self._put(stage.target, place, values)
            done += _voxels(place)
            yield Part(place, values if last else None, done / whole_stage)

    def _attempt(self, stage: Stage, place: Spans) -> Tensor | None:
        """Return a part, or None if memory ran out."""
        try:
            with torch.inference_mode():
                return self._compute(stage, place)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _compute(self, stage: Stage, wanted: Spans) -> Tensor:
        places = trace(self._graph, stage.steps, wanted, self._shapes)
        ends = last_uses(self._graph, stage.steps)
        made: dict[int, Tensor] = {}
        for number in stage.steps:
            node = self._graph.nodes[number]
            if node.op is None:
                continue
            limits = self._shapes[node.inputs[0]]
            parts = [
                self._get(made, taken, places, node.op.needs(places[number]))
                for taken in node.inputs
            ]
            first = node.inputs[0]
            spare = first in made and ends[first] == number and parts[0] is made[first]
            values = node.op.compute(parts, places[number], limits, spare)
            for taken in node.inputs:
                if ends[taken] == number:
                    made.pop(taken, None)
            made[number] = values
        return made[stage.target]

    def _get(
        self, made: dict[int, Tensor], number: int, places: dict[int, Spans], needed: Spans
    ) -> Tensor:
        """Return the needed part of a result, as far as it exists."""
        values, origin = (made[number], places[number]) if number in made else self._kept[number]
        inside = tuple(
            (max(0, start), min(side, stop))
            for (start, stop), side in zip(needed, self._shapes[number], strict=True)
        )
        if inside == origin:
            return values
        return values[(slice(None), slice(None), *slices(inside, origin))]

    def _keep(self, stage: Stage, like: Tensor) -> None:
        channels = self._graph.nodes[stage.target].channels
        memory = torch.empty(
            (1, channels, *sides(stage.region)),
            dtype=like.dtype,
            device=like.device,
            memory_format=self._layout,
        )
        self._kept[stage.target] = memory, stage.region

    def _put(self, number: int, place: Spans, values: Tensor) -> None:
        memory, origin = self._kept[number]
        memory[(slice(None), slice(None), *slices(place, origin))] = values

    def _work(self, stage: Stage) -> float:
        """Return how much a stage has to compute, roughly: numbers in and out of every step."""
        size = _voxels(stage.region) / _voxels(whole(self._shapes[stage.target]))
        work = 0.0
        for number in stage.steps:
            node = self._graph.nodes[number]
            taken = sum(self._graph.nodes[n].channels for n in node.inputs)
            weights = getattr(node.op, "weight", None)
            each = weights.numel() if weights is not None else taken
            work += each * _voxels(whole(self._shapes[number]))
        return work * size


def _voxels(spans: Spans) -> int:
    return math.prod(sides(spans))


def _halves(place: Spans) -> list[Spans]:
    """Return both halves along the longest side; a small part stays whole."""
    lengths = sides(place)
    axis = max(range(len(lengths)), key=lengths.__getitem__)
    if lengths[axis] <= SMALLEST:
        return [place]
    start, stop = place[axis]
    middle = (start + stop) // 2
    return [
        (*place[:axis], (start, middle), *place[axis + 1 :]),
        (*place[:axis], (middle, stop), *place[axis + 1 :]),
    ]


def _text(place: Spans) -> str:
    return " x ".join(map(str, sides(place)))
