"""What SCR penalises, pixel by pixel of a picture: the distance of the blocks from the last."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
import numpy.typing as npt
import torch

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.batching import BatchSize
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.forward import Floats, Outputs, Pixels
from napari_selfreg.engine.grids import Grids
from napari_selfreg.engine.planning import Tiling, largest_side, make_plan
from napari_selfreg.engine.predict import region_of
from napari_selfreg.engine.sinks import BlendedSink, DirectSink, Sink, Target
from napari_selfreg.engine.tile_loop import run_tiles
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.nets.outputs import main_logits, to_probabilities
from napari_selfreg.nets.residual import residual_maps

_MESSAGE = "Comparing the blocks of the model"


class ResidualForward:
    """A forward whose channels are the residual of every student block, then the foreground.

    Parameters
    ----------
    model : Model
        Its network is copied, not changed.
    device : torch.device
        Where to compute, in float32.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        self._network = copy.deepcopy(model.network).eval().to(device)
        self._spec, self._outputs, self._device = model.tapspec, Outputs.of(model.card), device
        mean, std = self._outputs.mean, self._outputs.std
        self._normalise = Normalizer((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))

    @property
    def channels(self) -> int:
        """Number of values per pixel."""
        return len(self._spec.student_blocks) + 1

    def __call__(self, windows: Sequence[Pixels], crops: Sequence[Box]) -> list[Floats]:
        """Return values (C, y, x) of the wanted part of each window (y, x, 3)."""
        pixels = torch.from_numpy(np.stack(windows)).to(self._device).permute(0, 3, 1, 2)
        with torch.inference_mode(), self._spec.open(self._network) as taps:
            outputs = self._outputs
            logits = self._network(self._normalise(pixels.float() / 255))
            logits = main_logits(logits, pixels, outputs.logits)
            values = to_probabilities(logits, outputs.n_classes, outputs.separation)
            foreground = values[:, : outputs.n_classes].sum(1)
            maps = list(residual_maps(taps, self._spec).values())
            stacked = torch.stack([*maps, foreground], 1).cpu().numpy()
        return [
            part[:, crop.y0 : crop.y1, crop.x0 : crop.x1]
            for part, crop in zip(stacked, crops, strict=True)
        ]


def predict_residuals(
    picture: npt.NDArray[np.uint8], pixel_size: PixelSize, model: Model, device: str = "auto"
) -> Generator[Event, None, Floats]:
    """Find the residuals of a picture; closing the generator cancels after the current tile.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 3)
        RGB.
    pixel_size : PixelSize
        Of the picture.
    model : Model
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Progress or Notice

    Returns
    -------
    ndarray of float32, shape (C, Y, X)
        One channel per student block, then the probability of any object, on the picture's grid.

    Raises
    ------
    BadInputError, DeviceError
        As `napari_selfreg.engine.predict.predict`.
    """
    region, chosen = region_of(picture, None), resolve_device(device)
    forward = ResidualForward(model, chosen)
    wanted = PixelSize(*model.card.um_per_px)
    grids = Grids.between((picture.shape[0], picture.shape[1]), pixel_size, wanted)
    tiling = Tiling.of(model.network, model.tapspec, grids.model)
    tiling = tiling.sized(largest_side(chosen, blends=tiling.blends))
    out = np.zeros((forward.channels, *region.shape), np.float32)
    target = Target(out, None, region, forward.channels)
    sink: Sink = DirectSink(grids, target)
    if tiling.blends:
        sink = BlendedSink(grids, target, forward.channels)
    plan = make_plan(tiling, grids, region, picture, sink.wanted, None, skip_glass=True)
    done = 0
    with freed_memory_kept(), closing(run_tiles(plan, forward, BatchSize(chosen))) as steps:
        for step in steps:
            if isinstance(step, Notice):
                yield step
                continue
            sink.take(step.tile, step.values, step.box)
            done += 1
            yield Progress(done, done + step.remaining, _MESSAGE)
    for share in sink.finish():
        yield Progress(round(share * done), done, _MESSAGE)
    return out
