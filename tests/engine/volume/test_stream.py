"""A forward in parts: equal to the whole, within its memory, and halved where that runs out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.blocks import sides, slices, whole
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.events import Notice
from napari_selfreg.engine.volume import local_ops
from napari_selfreg.engine.volume.graph import record
from napari_selfreg.engine.volume.stages import Room, kept_bytes, plan_stages
from napari_selfreg.engine.volume.stream import Part, Streamed
from tests.engine.volume.models import registered, small_volume_model

SMALL = small_volume_model().network
GRAPH = record(SMALL, torch.zeros(1, 1, 8, 8, 8))
TIGHT, AMPLE = Room(60_000, 0), Room(10**9, 10**9)


def streamed(graph, image, room, region=None, layout=torch.channels_last_3d):
    """Return the output of a region, the parts and the notices."""
    region = whole(image.shape[2:]) if region is None else region
    out, parts, notices = None, [], []
    for step in Streamed(graph, image, room, layout).run(region):
        if isinstance(step, Notice):
            notices.append(step.message)
            continue
        parts.append(step)
        if step.values is not None:
            if out is None:
                out = torch.full((1, step.values.shape[1], *sides(region)), torch.nan)
            out[(slice(None), slice(None), *slices(step.place, region))] = step.values
    return out, parts, notices


@given(st.tuples(*[st.integers(1, 12)] * 3), st.sampled_from([TIGHT, AMPLE]))
@settings(max_examples=15)
def test_parts_equal_one_forward(halves, room):
    image = torch.randn(1, 1, *(2 * side for side in halves))
    out, parts, _ = streamed(GRAPH, image, room)
    with torch.no_grad():
        torch.testing.assert_close(out, SMALL(image), atol=1e-5, rtol=1e-5)
    shares = [part.done for part in parts]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("basic_unet", {"features": (2, 2, 2, 2, 2, 2)}),
        ("dynunet", {"filters": [2, 2, 2, 2], "norm": "BATCH"}),
        ("dynunet", {"filters": [2, 2, 2], "norm": "BATCH", "res_block": True}),
    ],
)
def test_registered_networks_are_computed_in_parts(name, arguments):
    network = registered(name, **arguments).network
    image, region = torch.randn(1, 1, 32, 48, 32), ((3, 30), (11, 42), (0, 5))
    graph = record(network, torch.zeros(1, 1, 32, 32, 32))
    with torch.no_grad():
        expected = network(image)
    for room in (Room(1_500_000, 0), AMPLE):
        out, _, _ = streamed(graph, image, room)
        assert (out.softmax(1) - expected.softmax(1)).abs().max() < 1e-3
    part, steps, _ = streamed(graph, image, AMPLE, region)
    inside = (slice(None), slice(None), *slices(region))
    torch.testing.assert_close(part, expected[inside], atol=1e-3, rtol=1e-3)
    last = [step.place for step in steps if step.values is not None]
    assert all(sides(place) <= sides(region) for place in last)


def test_less_memory_means_more_parts_and_less_that_is_kept():
    shapes = GRAPH.shapes((32, 32, 32))
    tight, ample = (plan_stages(GRAPH, shapes, whole((32, 32, 32)), r) for r in (TIGHT, AMPLE))
    assert kept_bytes(GRAPH, tight) < kept_bytes(GRAPH, ample)
    last = tight[-1]
    assert len(last.parts(GRAPH, shapes, TIGHT.part)) > len(last.parts(GRAPH, shapes, AMPLE.part))
    for part in last.parts(GRAPH, shapes, TIGHT.part):
        assert last.bytes_per_element * 32 * max(sides(part)) <= 40 * TIGHT.part


def test_a_small_region_is_not_computed_as_a_whole():
    shapes = GRAPH.shapes((64, 64, 64))
    stages = plan_stages(GRAPH, shapes, ((8, 16), (8, 16), (8, 16)), AMPLE)
    assert max(max(sides(stage.region)) for stage in stages) <= 14


def test_closing_stops_after_the_current_part(monkeypatch):
    calls = count_convolutions(monkeypatch)
    job = Streamed(GRAPH, torch.randn(1, 1, 32, 32, 32), TIGHT).run(whole((32, 32, 32)))
    next(job)
    before = len(calls)
    assert not torch.is_inference_mode_enabled()
    job.close()
    assert len(calls) == before


def count_convolutions(monkeypatch, fail=lambda part: False):
    """Count them, and let memory run out where `fail` says so."""
    calls, compute = [], local_ops.Convolution.compute

    def counted(self, parts, wanted, limits, spare):
        if fail(wanted):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        calls.append(wanted)
        return compute(self, parts, wanted, limits, spare)

    monkeypatch.setattr(local_ops.Convolution, "compute", counted)
    return calls


def test_where_memory_runs_out_parts_are_halved_and_it_is_said(monkeypatch):
    image = torch.randn(1, 1, 32, 16, 16)
    with torch.no_grad():
        expected = SMALL(image)
    count_convolutions(monkeypatch, lambda wanted: max(sides(wanted)) > 20)
    out, _, notices = streamed(GRAPH, image, AMPLE)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)
    assert "Memory ran out: tiles are now 16 x 16 x 16 voxels." in notices


def test_without_any_memory_the_job_says_so(monkeypatch):
    count_convolutions(monkeypatch, lambda wanted: True)
    with pytest.raises(DeviceError, match="smallest tile"):
        streamed(GRAPH, torch.randn(1, 1, 32, 16, 16), AMPLE)


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch):
    def broken(self, *_):
        raise RuntimeError("something else")

    monkeypatch.setattr(local_ops.Convolution, "compute", broken)
    with pytest.raises(RuntimeError, match="something else"):
        streamed(GRAPH, torch.randn(1, 1, 8, 8, 8), AMPLE)


def test_every_part_but_those_of_the_output_is_without_values():
    _, parts, _ = streamed(GRAPH, torch.randn(1, 1, 8, 8, 8), AMPLE)
    assert all(isinstance(part, Part) for part in parts)
    assert parts[0].values is None
    assert parts[-1].values is not None
