"""Open, segment, close, again and again, and look whether anything is left behind.

    python benchmarks/cycles.py                # 200 cycles with a stand-in for the model
    python benchmarks/cycles.py --real 3       # and 3 with the real one
    xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/cycles.py    # without a screen

Each cycle docks a Workbench, opens a sample, segments it, closes the dock and removes the layers.
After the third cycle, when everything is loaded and caches are filled, the number of widgets,
threads and living layers and the level of the memory must stay.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil

SETTLED = 3
"""Cycles that may still load and cache."""

MEMORY_MB = 50
"""How far the memory may move afterwards: allocators keep some of what they had."""

_LONGEST_S = 600


@dataclass(frozen=True)
class Level:
    """What there is after a cycle."""

    widgets: int
    threads: int
    layers: int
    memory_mb: float


def stand_in(request: Any) -> Generator[Any, None, Any]:
    """Find what is dark, without a model; a job for the Segment panel."""
    from scipy import ndimage

    from napari_selfreg.engine.events import TileDone

    rgb = np.asarray(request.picture.colours())[request.box.slices]
    dark = rgb.mean(axis=2) < np.percentile(rgb, 20)
    yield TileDone(request.box, (dark * 255).astype(np.uint8), 1, 1)
    labels, count = ndimage.label(dark)
    table = {"index": np.arange(1, count + 1), "area_um2": np.ones(count)}
    probability = dark[None].astype(np.float32)
    return SimpleNamespace(
        labels=labels.astype(np.int32), box=request.box, table=table, notes=(), version="",
        probability=probability, uncertainty=None,
    )  # fmt: skip


def wait(until: Callable[[], bool]) -> None:
    """Let the window run until something is true."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + _LONGEST_S
    while not until() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)


def cycle(viewer: Any, job: Callable[..., Any] | None, seen: list[weakref.ref[Any]]) -> None:
    """Dock, open, segment, close; `seen` receives every layer there was."""
    from napari.layers import Layer

    from napari_selfreg.widgets.sample_data import ebhi_normal
    from napari_selfreg.widgets.workbench import add_workbench

    bench = add_workbench(viewer)
    panel, results, found = bench.segment_panel, bench.results_panel, []
    if job is not None:
        panel.control._job = job
    viewer.add_layer(Layer.create(*ebhi_normal()[0]))
    panel.segmented.connect(found.append)
    panel.run()
    wait(lambda: bool(found) or not panel.runner.running)
    if not found:
        sys.exit(f"It did not segment: {panel.status.text()}")
    wait(lambda: not results.tasks.runner.running)
    seen.extend(weakref.ref(layer) for layer in viewer.layers)
    found.clear()
    viewer.window.remove_dock_widget(bench)
    viewer.layers.clear()


def level(seen: list[weakref.ref[Any]]) -> Level:
    """Count what is left."""
    from qtpy.QtCore import QCoreApplication, QEvent
    from qtpy.QtWidgets import QApplication

    for _ in range(3):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
    return Level(
        len(QApplication.allWidgets()),
        threading.active_count(),
        sum(layer() is not None for layer in seen),
        psutil.Process().memory_info().rss / 2**20,
    )


def leaks(levels: list[Level]) -> list[str]:
    """Say what grew after the third cycle; nothing if all is well."""
    first, last = levels[SETTLED - 1], levels[-1]
    found = [
        f"{name}: {getattr(first, name)} after {SETTLED} cycles, {getattr(last, name)} at the end"
        for name in ("widgets", "threads", "layers")
        if getattr(last, name) > getattr(first, name)
    ]
    if last.memory_mb > first.memory_mb + MEMORY_MB:
        found.append(f"memory: from {first.memory_mb:.0f} to {last.memory_mb:.0f} MB")
    return found


def main() -> None:
    """Run the cycles and print the levels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--real", type=int, default=0, help="cycles with the real model")
    options = parser.parse_args()
    import napari

    viewer = napari.Viewer(show=True)
    seen: list[weakref.ref[Any]] = []
    for job, number in ((None, options.real), (stand_in, options.cycles)):
        levels = []
        for index in range(number):
            cycle(viewer, job, seen)
            levels.append(level(seen))
            if index < SETTLED or (index + 1) % 20 == 0:
                print(index + 1, levels[-1], flush=True)
        if number > SETTLED:
            print("\n".join(leaks(levels)) or "nothing is left behind", flush=True)
    viewer.close()


if __name__ == "__main__":
    main()
