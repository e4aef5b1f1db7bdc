"""Tiles run in order, survive a lack of memory, and stop when told."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.batching import BatchSize
from napari_selfreg.engine.events import Notice
from napari_selfreg.engine.planning import Tiling
from napari_selfreg.engine.tile_loop import Plan, Step, run_tiles

SHAPE = (96, 160)
IMAGE = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
TILING = Tiling(SHAPE, 8, 8, False, (8, 8), (48, 48), False)


class Batches(BatchSize):
    """Batches of a GPU, without one."""

    def __init__(self, size):
        super().__init__(torch.device("cpu"))
        self.size = size


def plan(read=None, skip=lambda pixels: False):
    return Plan(
        tiles=tuple(TILING.tiles(Box(0, 0, *SHAPE))),
        read=read or (lambda window: IMAGE[window.slices]),
        wanted=lambda tile: tile.core,
        skip=skip,
        split=TILING.split,
    )


def red(windows, crops):
    """A network that sees red."""
    return [
        (window[crop.slices][None, ..., 0] / 255).astype(np.float32)
        for window, crop in zip(windows, crops, strict=True)
    ]


class Greedy:
    """Runs out of memory above a number of pixels."""

    def __init__(self, most, error):
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, windows, crops):
        pixels = sum(window.shape[0] * window.shape[1] for window in windows)
        self.sizes.append(pixels)
        if pixels > self.most:
            raise self.error
        return red(windows, crops)


def paint(steps):
    """Return the picture the steps make, and the notices."""
    result, notices = np.full(SHAPE, np.nan, np.float32), []
    for step in steps:
        if isinstance(step, Notice):
            notices.append(step.message)
        elif step.values is not None:
            assert np.isnan(result[step.box.slices]).all()
            result[step.box.slices] = step.values[0]
    return result, notices


EXPECTED = (IMAGE[..., 0] / 255).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_every_tile_is_done_once_in_batches_of_any_size(size):
    result, notices = paint(run_tiles(plan(), red, Batches(size)))
    np.testing.assert_array_equal(result, EXPECTED)
    assert notices == []


def test_the_number_of_remaining_tiles_counts_down():
    steps = list(run_tiles(plan(), red, Batches(2)))
    assert [step.remaining for step in steps] == list(range(len(steps)))[::-1]


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_batches_are_halved_then_tiles_and_it_is_told(error):
    greedy = Greedy(40 * 40, error)
    result, notices = paint(run_tiles(plan(), greedy, Batches(4)))
    np.testing.assert_array_equal(result, EXPECTED)
    assert [note for note in notices if "tile(s)" in note] == [
        "Memory ran out: 2 tile(s) are now predicted at a time.",
        "Memory ran out: 1 tile(s) are now predicted at a time.",
    ]
    assert notices[-1] == "Memory ran out: tiles are now 24 x 24 pixels."
    assert max(greedy.sizes[len(notices) :]) <= 40 * 40


def test_too_little_memory_for_the_smallest_tile_is_an_error_with_a_remedy():
    with pytest.raises(DeviceError, match="choose the device cpu"):
        paint(run_tiles(plan(), Greedy(10, MemoryError()), Batches(2)))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def broken(windows, crops):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(run_tiles(plan(), broken, Batches(2)))


def test_skipped_windows_never_reach_the_network():
    seen = []

    def forward(windows, crops):
        seen.extend(windows)
        return red(windows, crops)

    dark = [tile.window for tile in plan().tiles if tile.window.x0 == 0]
    steps = run_tiles(plan(skip=lambda pixels: pixels is dark_pixels(pixels)), forward, Batches(2))
    skipped = [step for step in steps if isinstance(step, Step) and step.values is None]
    assert len(skipped) == len(dark)
    assert len(seen) == len(plan().tiles) - len(dark)


def dark_pixels(pixels):
    """Return the pixels themselves if they are those of the left margin."""
    left = [IMAGE[t.window.slices] for t in plan().tiles if t.window.x0 == 0]
    return pixels if any(np.array_equal(pixels, other) for other in left) else None


def test_windows_are_read_ahead_in_one_other_thread():
    threads = set()

    def read(window):
        threads.add(threading.current_thread().name)
        return IMAGE[window.slices]

    paint(run_tiles(plan(read), red, Batches(2)))
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


def test_an_image_that_cannot_be_read_ends_the_job():
    def read(window):
        raise OSError("truncated")

    with pytest.raises(OSError, match="truncated"):
        list(run_tiles(plan(read), red, Batches(1)))


def test_closing_stops_reading_and_computing():
    before, calls = threading.active_count(), []

    def forward(windows, crops):
        calls.append(1)
        return red(windows, crops)

    steps = run_tiles(plan(), forward, Batches(1))
    next(steps)
    steps.close()
    assert len(calls) == 1
    assert threading.active_count() == before
