"""Time and memory of handing 100,000 objects to QuPath.

    python benchmarks/export.py            # .geojson
    python benchmarks/export.py --gzip     # .geojson.gz
    python benchmarks/export.py --objects 400000

The memory is what the process grows by while it writes, beside the label image and the table.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from skimage.draw import ellipse

from napari_selfreg.core.totals import find_places
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.outputs import Origin, write_results

CELL = 24
UM = PixelSize.isotropic(0.25)


def nuclei(wanted: int) -> npt.NDArray[np.int32]:
    """Return a label image with one turned ellipse per cell of a square grid."""
    rng = np.random.default_rng(0)
    side = math.ceil(math.sqrt(wanted))
    labels = np.zeros((side * CELL, side * CELL), np.int32)
    shapes = [
        ellipse(11, 11, *rng.uniform(5, 11, 2), (CELL, CELL), rotation=rng.uniform(0, np.pi))
        for _ in range(500)
    ]
    for label in range(1, wanted + 1):
        row, column = divmod(label - 1, side)
        rows, columns = shapes[label % 500]
        labels[rows + row * CELL, columns + column * CELL] = label
    return labels


def table_of(labels: npt.NDArray[np.int32]) -> dict[str, npt.NDArray[Any]]:
    """Return measurements as large as real ones."""
    places, rng = find_places(labels), np.random.default_rng(1)
    names = ("perimeter_um", "eccentricity", "solidity", "mean_probability")
    columns = {name: rng.random(places.index.size) for name in names}
    stains = {f"mean_{name}": rng.random(places.index.size) for name in ("haematoxylin", "eosin")}
    classes = np.full(places.index.size, "nucleus")
    area = places.pixels * UM.area_um2
    return {"index": places.index, "area_um2": area, **columns, **stains, "class": classes}


class PeakMemory:
    """Watches how much the process grows."""

    def __init__(self) -> None:
        self._process, self._done = psutil.Process(), threading.Event()
        self._before = self.peak = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        """Megabytes more than at the beginning, at the worst moment."""
        return (self.peak - self._before) / 1e6

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, self._process.memory_info().rss)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--gzip", action="store_true")
    options = parser.parse_args()
    labels = nuclei(options.objects)
    table = table_of(labels)
    origin = Origin("benchmark", "none", UM, "option", ("nucleus",))
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
        wall, work = time.perf_counter(), time.process_time()
        files = write_results(folder, labels, table, origin, compressed=options.gzip)
        wall, work = time.perf_counter() - wall, time.process_time() - work
        size = Path(files["geojson"]).stat().st_size / 1e6
    print(
        f"{options.objects} objects on {labels.size / 1e6:.0f} Mpx: {wall:.1f} s wall, "
        f"{work:.1f} s CPU, outlines {size:.1f} MB, memory +{memory.growth_mb:.0f} MB at its peak"
    )


if __name__ == "__main__":
    main()
