"""Time from probabilities to objects, measurements and files, and of the metrics of objects.

    python benchmarks/objects.py            # one megapixel with about 700 touching nuclei
    python benchmarks/objects.py --side 12  # 144 megapixels, about 100,000 nuclei

Run it alone on the machine, with OMP_NUM_THREADS=1 for figures of one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.draw import ellipse

from napari_selfreg.core.measurements import measure_objects
from napari_selfreg.core.metrics import aji, object_dice, object_f1, object_hausdorff, pq
from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.targets import contour_target
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.outputs import Origin, write_results

Value = TypeVar("Value")
UM = PixelSize.isotropic(0.25)
METRICS = (object_f1, object_dice, aji, pq, object_hausdorff)
SETTINGS = PostProcessing(min_area_um2=6.0, max_hole_um2=6.0)


def nuclei(rng: np.random.Generator, number: int = 720) -> npt.NDArray[np.int32]:
    """Return a megapixel with ellipses of 5 to 11 pixels radius; many touch."""
    labels = np.zeros((1000, 1000), np.int32)
    for label in range(1, number + 1):
        y, x = rng.integers(0, 1000, 2)
        radii = rng.uniform(5, 11, 2)
        place = ellipse(y, x, *radii, shape=labels.shape, rotation=rng.uniform(0, np.pi))
        labels[place] = np.where(labels[place] > 0, labels[place], label)
    return labels


def maps(labels: npt.NDArray[np.int32], rng: np.random.Generator) -> list[npt.NDArray[Any]]:
    """Return foreground and contour as a network might give them."""
    noise = ndimage.gaussian_filter(rng.standard_normal(labels.shape), 2)
    noise *= 0.1 / noise.std()
    sources = (labels > 0, contour_target(labels, 1.0, UM))
    smooth = [ndimage.gaussian_filter(source.astype(np.float32), 1.0) for source in sources]
    return [(plane + noise).clip(0, 1).astype(np.float32) for plane in smooth]


def timed(name: str, megapixels: float, task: Callable[[], Value], repeats: int) -> Value:
    """Run a task and print its best time."""
    seconds = []
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        value = task()
        seconds.append((time.perf_counter() - began, time.process_time() - worked))
    wall, work = map(min, zip(*seconds, strict=True))
    print(f"{name:28} {wall:8.3f} s wall {work:8.3f} s CPU {wall / megapixels:8.3f} s/Mpx")
    return value


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1, help="megapixels along each side")
    side = parser.parse_args().side
    rng = np.random.default_rng(0)
    foreground, contour = (np.tile(p, (side, side)) for p in maps(nuclei(rng), rng))
    rgb = rng.integers(0, 256, (*foreground.shape, 3), dtype=np.uint8)
    size, repeats = float(side * side), 5 if side == 1 else 1
    labels = timed(
        "objects (contour)",
        size,
        lambda: label_objects(foreground, contour, SETTINGS, UM),
        repeats,
    )
    timed("objects (necks)", size, lambda: label_objects(foreground, None, SETTINGS, UM), repeats)
    table = timed(
        "measurements",
        size,
        lambda: measure_objects(labels, rgb, foreground[None], UM, ("nucleus",)),
        repeats,
    )
    origin = Origin("benchmark", "none", UM, "option", ("nucleus",))
    with tempfile.TemporaryDirectory() as folder:
        timed("three files", size, lambda: write_results(folder, labels, table, origin), repeats)
        sizes = sum(path.stat().st_size for path in Path(folder).iterdir())
    one, other = (nuclei(np.random.default_rng(seed)) for seed in (0, 1))
    for metric in METRICS:  # always of one megapixel
        timed(metric.__name__, 1, partial(metric, one, other), repeats)
    print(f"{labels.max()} objects, {size:g} Mpx, {sizes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
