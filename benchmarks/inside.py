"""Looking inside the gland model: time to the first maps, time of a click, memory.

    python benchmarks/inside.py          # a table
    python benchmarks/inside.py --json   # the same for a program

Each size runs in a process of its own, so that its peak of memory is its own; PyTorch is loaded
before the clock starts, as it is in the window. Aims: first maps within 1.5 s at 512², a click
within 100 ms per block at 512², all blocks of 1024² below 1.5 GB. Run it alone on the machine:
on a busy one only the processor's seconds (``OMP_NUM_THREADS=1``) and the memory say something.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import psutil

CASES = ((512, False), (512, True), (1024, False), (1024, True))
"""Side in pixels, and whether attention is asked for."""

_CLICKS = 9


def measure(side: int, attention: bool) -> dict[str, Any]:
    """Return seconds of a look, milliseconds of clicks and the peak of this process."""
    from napari_selfreg.core.types import PixelSize
    from napari_selfreg.engine.bundles import load_model
    from napari_selfreg.engine.events import run
    from napari_selfreg.engine.inside import click_similarity, look
    from napari_selfreg.engine.inside_types import Attention, InsideRequest

    model = load_model("glands")
    size = PixelSize(*model.card.um_per_px)
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    asked = Attention(1) if attention else None
    run(look(InsideRequest(image[:64, :64], size, model, device="cpu")))  # what only the first pays
    before = psutil.Process().memory_info().rss
    times, works = {}, {}
    for numbers in (False, True):
        inside = None  # the maps of the look before are not counted
        request = InsideRequest(image, size, model, device="cpu", numbers=numbers, attention=asked)
        begun, worked = time.perf_counter(), time.process_time()
        inside = run(look(request))
        times[numbers] = time.perf_counter() - begun
        works[numbers] = time.process_time() - worked
    clicks = {
        block: 1000 * statistics.median(_seconds(click_similarity, maps) for _ in range(_CLICKS))
        for block, maps in inside.blocks.items()
    }
    return {
        "side": side,
        "attention": attention,
        "maps_s": times[False],
        "maps_and_numbers_s": times[True],
        "work_s": works[True],
        "slowest_click_ms": max(clicks.values()),
        "loaded_gb": before / 1e9,
        "peak_gb": _peak() / 1e9,
    }


def _seconds(click: Any, maps: Any) -> float:
    begun = time.perf_counter()
    click(maps, (100.0, 100.0))
    return time.perf_counter() - begun


def _peak() -> int:
    """Return the largest memory this process has had."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak * (1 if sys.platform == "darwin" else 1024))


def main() -> None:
    """Measure every case and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case is not None:
        print(json.dumps(measure(*CASES[chosen.case])))
        return
    rows = []
    for case in range(len(CASES)):
        command = [sys.executable, __file__, "--case", str(case)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return
    print("| side | attention | maps, s | with numbers, s | processor, s | click, ms | peak, GB |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['side']} | {'yes' if row['attention'] else 'no'} | {row['maps_s']:.2f} "
            f"| {row['maps_and_numbers_s']:.2f} | {row['work_s']:.2f} "
            f"| {row['slowest_click_ms']:.0f} | {row['peak_gb']:.2f} |"
        )


if __name__ == "__main__":
    main()
