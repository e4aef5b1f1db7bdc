"""How long an edit takes until it is in the journal, and a snapshot of a field.

    python benchmarks/journal.py [--side 2000] [--edits 500] [--json]

Strokes change one block of 256 × 256 pixels; one edit in fifty changes the whole field, as an undo
of something large does. The disk is that of the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import NewField, Project

BLOCK = 256
EVERY = 50


@dataclass(frozen=True)
class Change:
    """One block of labels."""

    box: Box
    after: Any


def measure(folder: Path, side: int, edits: int) -> dict[str, float]:
    """Return times in milliseconds."""
    random = np.random.default_rng(0)
    image = folder / "field.png"
    Image.new("RGB", (side, side)).save(image)
    labels = random.integers(0, 3000, (side // 20 + 1,) * 2, np.int32)
    labels = np.ascontiguousarray(labels.repeat(20, 0).repeat(20, 1)[:side, :side])
    field = NewField(image, labels, PixelSize(0.5, 0.5), "file", ("gland",))
    strokes, whole = [], []
    with Project.create(folder / "project", [field]) as project:
        project.labels("f1")
        for number in range(edits):
            y, x = (int(at) for at in random.integers(0, max(1, side - BLOCK), 2))
            large = number % EVERY == EVERY - 1
            box = Box(0, 0, side, side) if large else Box(y, x, y + BLOCK, x + BLOCK)
            change = Change(box, labels[box.slices])
            began = time.perf_counter()
            project.apply("f1", [change])
            (whole if large else strokes).append(1e3 * (time.perf_counter() - began))
            time.sleep(0.005)
        began = time.perf_counter()
        project.snapshot()
        snapshot = 1e3 * (time.perf_counter() - began)
    return {
        "stroke_median_ms": float(np.median(strokes)),
        "stroke_p99_ms": float(np.percentile(strokes, 99)),
        "whole_field_median_ms": float(np.median(whole)) if whole else float("nan"),
        "snapshot_ms": snapshot,
    }


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2000)
    parser.add_argument("--edits", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(Path(folder), options.side, options.edits)
    if options.json:
        print(json.dumps(times))
        return
    for name, value in times.items():
        print(f"{name:24}{value:9.2f}")


if __name__ == "__main__":
    main()
