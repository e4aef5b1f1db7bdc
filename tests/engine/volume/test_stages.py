"""In which order networks are computed, what is kept, and how little context parts need."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.core.blocks import sides, whole
from napari_selfreg.engine.volume.graph import record
from napari_selfreg.engine.volume.stages import Room, kept_bytes, last_uses, plan_stages, trace
from tests.engine.volume.models import registered

UNET = registered("basic_unet", features=(2, 2, 4, 4, 8, 2)).network
GRAPH = record(UNET, torch.zeros(1, 1, 32, 32, 32))
SHAPE = (64, 64, 64)
SHAPES = GRAPH.shapes(SHAPE)
TIGHT, AMPLE = Room(10**6, 0), Room(10**9, 10**9)


@pytest.mark.parametrize("room", [TIGHT, AMPLE])
def test_every_stage_reads_only_what_is_kept_by_then(room):
    stages = plan_stages(GRAPH, SHAPES, whole(SHAPE), room)
    kept = {0}
    for stage in stages:
        assert set(stage.sources) <= kept
        assert stage.steps[-1] == stage.target
        kept.add(stage.target)
        kept -= set(stage.done_with) - {0}
    assert stages[-1].target == GRAPH.output
    assert stages[-1].region == whole(SHAPE)


def test_what_is_kept_lies_where_the_resolution_changes():
    stages = plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT)
    # four reductions, four enlargements, the output
    assert len(stages) == 9
    assert all(SHAPES[stage.target][0] < 64 for stage in stages[:-1])


def test_with_memory_nothing_is_computed_twice():
    stages = plan_stages(GRAPH, SHAPES, whole(SHAPE), AMPLE)
    steps = [step for stage in stages for step in stage.steps]
    assert len(steps) == len(set(steps))
    tight = plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT)
    assert sum(len(stage.steps) for stage in tight) > len(steps)


def test_the_context_of_a_part_is_that_of_a_few_kernels_not_of_the_network():
    last = plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT)[-1]
    places = trace(GRAPH, last.steps, ((32, 33),) * 3, SHAPES)
    # two convolutions of the decoder and two of the encoder's first block
    assert sides(places[0]) == (9, 9, 9)


def test_context_ends_at_the_border():
    last = plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT)[-1]
    places = trace(GRAPH, last.steps, ((0, 1), (63, 64), (0, 64)), SHAPES)
    assert places[0] == ((0, 5), (59, 64), (0, 64))


def test_a_region_needs_less_than_the_whole():
    region = ((0, 8), (0, 8), (0, 8))
    part = plan_stages(GRAPH, SHAPES, region, TIGHT)
    everything = plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT)
    assert kept_bytes(GRAPH, part) < kept_bytes(GRAPH, everything)


def test_results_are_dropped_after_their_last_use():
    last = plan_stages(GRAPH, SHAPES, whole(SHAPE), AMPLE)[-1]
    ends = last_uses(GRAPH, last.steps)
    assert all(number <= end for number, end in ends.items())
    assert GRAPH.output not in ends


def test_parts_need_as_much_memory_as_there_is():
    for stage in plan_stages(GRAPH, SHAPES, whole(SHAPE), TIGHT):
        parts = stage.parts(GRAPH, SHAPES, TIGHT.part)
        elements = [stage.bytes_per_element * torch.Size(sides(part)).numel() for part in parts]
        assert max(elements) <= TIGHT.part
