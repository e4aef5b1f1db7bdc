"""How much of the labelling of a lazy picture is done before its last tile is predicted.

    python benchmarks/overlap.py
    python benchmarks/overlap.py --model glands --height 8192 --width 8192 --device cuda

The picture is a sample, mirrored side by side, that is read piece by piece. Processor time of the
labelling thread is counted, so that the shares also hold on a busy machine; they depend on the
rows of tiles: objects of the last row can only be labelled behind it. The labels are then compared
with those of one pass over the whole prediction.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from PIL import Image

import napari_selfreg
from napari_selfreg.core.labelling_bands import BandLabeller
from napari_selfreg.core.objects import label_objects
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Event, TileDone, run
from napari_selfreg.engine.growing import ObjectPlanes
from napari_selfreg.engine.overlap import predict_and_label
from napari_selfreg.engine.predict import PredictRequest

SAMPLE = Path(napari_selfreg.__file__).parent / "samples" / "ebhi_normal.png"


class MirroredSample:
    """A lazy picture of any size."""

    def __init__(self, height: int, width: int) -> None:
        tile = np.asarray(Image.open(SAMPLE).convert("RGB"))
        self._tile = np.concatenate([tile, tile[::-1]])
        self._tile = np.concatenate([self._tile, self._tile[:, ::-1]], axis=1)
        self.shape, self.dtype = (height, width, 3), tile.dtype

    def __getitem__(self, place: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
        rows, columns = (
            np.arange(*part.indices(side)) % length
            for part, side, length in zip(place, self.shape, self._tile.shape, strict=False)
        )
        return self._tile[rows[:, None], columns[None]]


class Clock:
    """Notes when the last tile came, and the processor time of labelling before and behind it."""

    def __init__(self) -> None:
        self.last_tile = self.began = time.perf_counter()
        self.spent: list[tuple[float, float]] = []

    def on_event(self, event: Event) -> None:
        """Note a tile."""
        if isinstance(event, TileDone):
            self.last_tile = time.perf_counter()

    def timed(self, advance: Any) -> Any:
        """Return `advance`, every step of it timed in the thread that works."""

        def steps(labeller: BandLabeller, known: int) -> Iterator[None]:
            working = advance(labeller, known)
            while True:
                began = time.thread_time()
                ended = next(working, self) is self
                self.spent.append((time.perf_counter(), time.thread_time() - began))
                if ended:
                    return
                yield

        return steps

    def labelling(self) -> tuple[float, float]:
        """Return processor seconds before the last tile, and in all."""
        before = sum(seconds for at, seconds in self.spent if at <= self.last_tile)
        return before, sum(seconds for _, seconds in self.spent)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="glands")
    parser.add_argument("--height", type=int, default=6144)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tile", type=int, help="a window holds about this number squared")
    chosen = parser.parse_args()
    model = load_model(chosen.model)
    size, settings = model.card.pixel_size, model.card.postprocessing
    picture: Any = MirroredSample(chosen.height, chosen.width)
    request = PredictRequest(picture, size, model, device=chosen.device, tile=chosen.tile)
    clock = Clock()
    with patch.object(BandLabeller, "advance", clock.timed(BandLabeller.advance)):
        found, labels = run(predict_and_label(request, model, settings), clock.on_event)
    wall, inference = time.perf_counter() - clock.began, clock.last_tile - clock.began
    before, total = clock.labelling()
    planes = ObjectPlanes(found.probability, model.card.n_classes)(slice(None))
    began = time.thread_time()
    whole = label_objects(*planes, settings, size)
    at_once = time.thread_time() - began
    megapixels = chosen.height * chosen.width / 1e6
    print(f"{megapixels:.1f} Mpx, {labels.max()} objects, {chosen.model}, {found.device}")
    print(f"wall: {inference:.1f} s until the last tile, {wall:.1f} s until the last object")
    print(f"labelling: {total:.2f} s CPU in its thread, {before / total:.0%} before the last tile")
    print(f"one pass over the whole: {at_once:.2f} s CPU, same labels: {(whole == labels).all()}")


if __name__ == "__main__":
    main()
