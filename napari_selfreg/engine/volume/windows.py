"""Predicting a volume window by window, for networks that cannot be computed in small parts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from napari_selfreg.core.blocks import Block, Spans, common, sides, slices
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.engine.batching import TOO_SMALL, is_out_of_memory
from napari_selfreg.engine.blend import window_weights
from napari_selfreg.engine.events import Event, Notice
from napari_selfreg.engine.forward import Floats
from napari_selfreg.engine.volume.tiling import VolumeTiling


@dataclass(frozen=True, eq=False)
class Predicted:
    """What is known so far.

    Parameters
    ----------
    place : Spans
        What was predicted, on the model's grid.
    values : ndarray of float32, shape (K[+1], z, y, x), or None
        Probabilities there, of blended windows not blended yet; None for a step on the way.
    done : float
        Share of the work that is finished.
    """

    place: Spans
    values: Floats | None
    done: float


def predict_windows(
    voxels: Floats,
    region: Spans,
    tiling: VolumeTiling,
    forward: Callable[[Floats], Floats],
    out: Floats,
) -> Generator[Predicted | Event, None, None]:
    """Predict a region; closing the generator stops after the current window.

    Parameters
    ----------
    voxels : ndarray of float32, shape (Z, Y, X)
        The whole, padded volume.
    region : Spans
        What is predicted.
    tiling : VolumeTiling
        Where memory runs out its windows are halved and all begins anew: smaller windows lie
        elsewhere.
    forward : callable
        Predicts one window.
    out : ndarray of float32, shape (K[+1], z, y, x)
        Where probabilities of the region are written.

    Yields
    ------
    Predicted or Notice

    Raises
    ------
    DeviceError
        If memory does not even suffice for the smallest window.
    """
    weight = np.zeros(out.shape[1:], np.float32) if tiling.blends else None
    blocks, done = tiling.blocks(region), 0
    while done < len(blocks):
        block = blocks[done]
        values = _attempt(forward, np.ascontiguousarray(voxels[slices(block.window)]))
        if values is None:
            smaller = tiling.halved()
            if smaller is None:
                raise DeviceError(TOO_SMALL)
            tiling, blocks, done = smaller, smaller.blocks(region), 0
            out[:] = 0
            if weight is not None:
                weight[:] = 0
            yield Notice(f"Memory ran out: tiles are now {_text(tiling)} voxels.")
            continue
        done += 1
        if weight is None:
            _cut_into(out, region, block, values)
        else:
            _add(out, weight, region, block, values)
        core = values[(slice(None), *slices(block.core, block.window))]
        yield Predicted(block.core, core, done / len(blocks))
    if weight is not None:
        out /= np.maximum(weight, np.finfo(np.float32).tiny)


def _attempt(forward: Callable[[Floats], Floats], window: Floats) -> Floats | None:
    """Return the probabilities of a window, or None if memory ran out."""
    try:
        return forward(window)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def _cut_into(out: Floats, region: Spans, block: Block, values: Floats) -> None:
    place = (slice(None), *slices(block.core, region))
    out[place] = values[(slice(None), *slices(block.core, block.window))]


def _add(out: Floats, weight: Floats, region: Spans, block: Block, values: Floats) -> None:
    """Add a weighted window to the sums, as far as it lies in the region."""
    part = common(block.window, region)
    own, there = slices(part, block.window), slices(part, region)
    weights = window_weights(sides(block.window))[own]
    for channel, total in zip(values, out, strict=True):  # one by one: a product as large as that
        total[there] += channel[own] * weights
    weight[there] += weights


def _text(tiling: VolumeTiling) -> str:
    return " x ".join(map(str, tiling.window))
