"""Time of each tool that corrects labels, on 2000 x 2000 pixels with 3,000 objects.

    python benchmarks/edit.py          # a table: median and worst time of each tool
    python benchmarks/edit.py --json   # the same for a program

A person waits for each of these: the aim is at most 50 ms. One object is a gland of a third of the
picture's side, all others are nuclei. Run it alone on the machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.draw import disk, ellipse

from napari_selfreg.core.edit import (
    ChunkTracker,
    SmartStroke,
    apply,
    delete,
    fill_inside,
    grow_probable,
    grow_similar,
    merge,
    next_object,
    smooth_outline,
    split,
)
from napari_selfreg.core.edit.wand import REACH
from napari_selfreg.core.types import Box

SIDE = 2000
OBJECTS = 3000
GLAND = 1
AIM_MS = 50.0
PATCH = Box(1000 - REACH, 1000 - REACH, 1001 + REACH, 1001 + REACH)
"""What the wand looks at around a click in the middle."""


@dataclass(frozen=True)
class Row:
    """Time of one tool in milliseconds (median and worst on the clock, median of the processor)."""

    tool: str
    median_ms: float
    work_ms: float
    worst_ms: float
    pixels: int


def field(rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Return a large ring and nuclei around and in it, `OBJECTS` in all."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[disk((1000, 1000), SIDE // 6)] = GLAND
    labels[disk((1000, 1000), SIDE // 12)] = 0
    rows, columns = rng.integers(0, SIDE, (2, 4 * SIDE))  # holes, so that there is something to do
    labels[rows, columns] = 0
    number = GLAND
    while number < OBJECTS:
        y, x = rng.integers(0, SIDE, 2)
        radii = rng.uniform(6, 12, 2)
        rows, columns = ellipse(y, x, *radii, shape=labels.shape, rotation=rng.uniform(0, np.pi))
        if not labels[rows, columns].any():
            number += 1
            labels[rows, columns] = number
    return labels


def tissue(labels: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return a picture in which objects are darker than the rest."""
    density = ndimage.gaussian_filter((labels == 0).astype(np.float32), 2)
    plane = 120 + 90 * density[..., None] + rng.normal(0, 6, (*labels.shape, 3))
    return plane.clip(0, 255).astype(np.uint8)


def change_everything(labels: npt.NDArray[np.int32]) -> Callable[[], int]:
    """Return a look for changes after all objects changed."""
    tracker = ChunkTracker(labels)
    states = [np.where(labels > 0, labels + OBJECTS, 0).astype(np.int32), labels]

    def look() -> int:
        states.reverse()
        return sum(edit.after.size for edit in tracker.update(states[1]))

    return look


def change_a_dab(labels: npt.NDArray[np.int32], within: Box | None) -> Callable[[], int]:
    """Return a look for changes after one dab."""
    tracker = ChunkTracker(labels)
    painted = labels.copy()
    apply(painted, SmartStroke(labels, (1000, 1000), 30).extend())
    states = [labels, painted]

    def look() -> int:
        states.reverse()
        return sum(edit.after.size for edit in tracker.update(states[0], within))

    return look


def tools(labels: npt.NDArray[np.int32], rng: np.random.Generator) -> dict[str, Callable[[], int]]:
    """Return every tool as a task that tells the pixels of the block it changes."""
    rgb = tissue(labels, rng)[PATCH.slices]
    probable = (255 - rgb[..., 0]).astype(np.float32) / 255
    middle, rim = (1000.0, 1000.0), (1000.0, 1250.0)
    some = list(range(2, 22))
    line = [(1000.0, 600.0), (990.0, 1400.0)]

    def sized(make: Callable[[], object]) -> Callable[[], int]:
        return lambda: int(getattr(make(), "after", np.zeros(0)).size)

    return {
        "brush: press on background": sized(lambda: SmartStroke(labels, middle, 20).extend()),
        "brush: press in an object": sized(lambda: SmartStroke(labels, rim, 60).extend()),
        "brush: move of 100 px, radius 60": sized(
            lambda: SmartStroke(labels, middle, 60).extend([(1060.0, 1080.0)])
        ),
        "brush: subtract, radius 60": sized(lambda: SmartStroke(labels, rim, 60, True).extend()),
        f"wand: colour, {PATCH.shape[0]} x {PATCH.shape[1]}": sized(
            lambda: grow_similar(labels, rgb, PATCH, middle, 0.3)
        ),
        f"wand: probability, {PATCH.shape[0]} x {PATCH.shape[1]}": sized(
            lambda: grow_probable(labels, probable, PATCH, middle, 0.3)
        ),
        "merge two": sized(lambda: merge(labels, [2, 3])),
        "merge twenty": sized(lambda: merge(labels, some)),
        "delete one": sized(lambda: delete(labels, [GLAND])),
        "delete twenty": sized(lambda: delete(labels, some)),
        "split a gland and nuclei": sized(lambda: split(labels, line)),
        "fill holes of a gland": sized(lambda: fill_inside(labels, [GLAND])),
        "smooth a gland": sized(lambda: smooth_outline(labels, [GLAND])),
        "smooth twenty": sized(lambda: smooth_outline(labels, some)),
        "next not accepted": sized(lambda: next_object(labels, range(1, OBJECTS // 2))),
        "changes: a dab, place known": change_a_dab(labels, Box(960, 960, 1040, 1040)),
        "changes: a dab, place unknown": change_a_dab(labels, None),
        "changes: everything": change_everything(labels),
    }


def measure(tool: str, task: Callable[[], int], repeats: int) -> Row:
    """Run a task several times after a first, uncounted one."""
    pixels = task()
    times = []
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        task()
        times.append((time.perf_counter() - began, time.process_time() - worked))
    (wall, work), (worst, _) = np.median(times, axis=0) * 1000, np.max(times, axis=0) * 1000
    return Row(tool, round(wall, 2), round(work, 2), round(worst, 2), pixels)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeats", type=int, default=20, help="runs of each tool")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = [measure(*tool, options.repeats) for tool in tools(field(rng), rng).items()]
    if options.json:
        print(json.dumps({"aim_ms": AIM_MS, "tools": [asdict(row) for row in rows]}))
        return
    print(f"{'tool':34} {'median ms':>10} {'CPU ms':>10} {'worst ms':>10} {'block, px':>10}")
    for row in rows:
        times = f"{row.median_ms:10.2f} {row.work_ms:10.2f} {row.worst_ms:10.2f}"
        print(f"{row.tool:34} {times} {row.pixels:10d}")
    slow = [row.tool for row in rows if row.median_ms > AIM_MS]
    print(f"slower than {AIM_MS:g} ms: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
