"""Look whether the window stays alive while it segments: real viewer and model, large picture.

    python benchmarks/panel.py
    python benchmarks/panel.py --side 1024 --model nuclei-monuseg --profile 15
    xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/panel.py    # without a screen

Printed beside their limits: the time to open the Workbench, from Run to the first preview when the
engine is warm, the times of our slots (every call of a method of ours that Qt or napari makes,
from its start to its end, with whatever it makes napari do), and the gaps between the ticks of a
timer of 1 ms. ``work`` is the processor time that the window's own thread needs for the same: on a
machine that is busy with other things only that figure means something.
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import importlib
import inspect
import os
import pkgutil
import pstats
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LIMITS_MS = {"slots": 8, "gaps": 60, "first preview": 1000, "opening": 300, "slider": 200}
_SKIPPED = {"napari_selfreg.widgets.preload"}
_LONGEST_S = 3600


@dataclass
class Times:
    """Lengths of time, by the clock and as work of the window's thread, in seconds."""

    wall: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, wall: float, work: float, name: str = "") -> None:
        """Note one."""
        self.wall.append(wall)
        self.work.append(work)
        self.names.append(name)

    def line(self, kind: str) -> str:
        """Return p50, p99 and maximum of ``wall`` or ``work`` in milliseconds."""
        ms = np.array(getattr(self, kind) or [0.0]) * 1000
        p50, p99 = np.percentile(ms, [50, 99])
        return f"{kind:5} p50 {p50:8.1f}  p99 {p99:8.1f}  max {ms.max():8.1f}"

    def worst(self, number: int = 6) -> str:
        """Name the calls with the most work."""
        order = sorted(range(len(self.work)), key=lambda i: -self.work[i])[:number]
        return ", ".join(f"{self.names[i]} {self.work[i] * 1000:.0f}" for i in order)


class Watch:
    """Times every outermost call of our methods in the window's thread."""

    def __init__(self) -> None:
        self.times = Times()
        self.profile: cProfile.Profile | None = None
        self._inside = False
        self._thread = threading.get_ident()

    def install(self) -> None:
        """Wrap the methods of all our classes; before any object is made of them."""
        import napari_selfreg.widgets as room

        for info in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(info.name)
            if info.name in _SKIPPED:
                continue
            for kind in vars(module).values():
                if inspect.isclass(kind) and kind.__module__ == info.name:
                    self._wrap_methods(kind)

    def _wrap_methods(self, kind: type) -> None:
        for name, member in list(vars(kind).items()):
            if inspect.isfunction(member) and not name.startswith("__"):
                setattr(kind, name, self._timed(member))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # Qt hands a wrapper more arguments than the slot inside it takes.
        code = function.__code__
        most = None if code.co_flags & inspect.CO_VARARGS else code.co_argcount

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            args = args[:most]
            if self._inside or threading.get_ident() != self._thread:
                return function(*args, **kwargs)
            self._inside = True
            if self.profile is not None:
                self.profile.enable()
            began, worked = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                ended = time.perf_counter() - began, time.thread_time() - worked
                if self.profile is not None:
                    self.profile.disable()
                self.times.add(*ended, function.__qualname__)
                self._inside = False

        return timed


@contextmanager
def loop_gaps() -> Iterator[Times]:
    """Note the time between the ticks of a timer that should tick every millisecond."""
    from qtpy.QtCore import Qt, QTimer

    gaps, timer = Times(), QTimer()
    last = [time.perf_counter(), time.thread_time()]

    def tick() -> None:
        now = [time.perf_counter(), time.thread_time()]
        gaps.add(now[0] - last[0], now[1] - last[1])
        last[:] = now

    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(1)
    timer.timeout.connect(tick)
    timer.start()
    try:
        yield gaps
    finally:
        timer.stop()


def tissue(side: int) -> npt.NDArray[np.uint8]:
    """Return a square of the EBHI samples, mirrored side by side."""
    from PIL import Image

    import napari_selfreg

    folder = Path(napari_selfreg.__file__).parent / "samples"
    names = ("ebhi_normal.png", "ebhi_low_grade.png")
    pair = np.concatenate([np.asarray(Image.open(folder / name).convert("RGB")) for name in names])
    block = np.concatenate([pair, pair[:, ::-1]], axis=1)
    times = [-(-side // length) for length in block.shape[:2]]
    return np.ascontiguousarray(np.tile(block, (*times, 1))[:side, :side])


def wait(until: Callable[[], bool], every: int = 20) -> None:
    """Let the window run until something is true."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop, timer, end = QEventLoop(), QTimer(), time.monotonic() + _LONGEST_S
    timer.timeout.connect(lambda: loop.quit() if until() or time.monotonic() > end else None)
    timer.start(every)
    loop.exec()


def settle(seconds: float = 0.5) -> None:
    """Let the window come to rest."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def open_workbench(viewer: Any) -> tuple[Any, float, float]:
    """Return the Workbench and how long it took to be on the screen."""
    from qtpy.QtWidgets import QApplication

    from napari_selfreg.widgets.workbench import add_workbench

    began, worked = time.perf_counter(), time.thread_time()
    bench = add_workbench(viewer)
    QApplication.processEvents()
    return bench, time.perf_counter() - began, time.thread_time() - worked


def preload() -> Times:
    """Load the engine as an idle panel does, and return the gaps meanwhile."""
    from napari_selfreg.widgets import preload as module

    module._loader.begin()
    with loop_gaps() as gaps:
        wait(lambda: not module._loader.thread.is_alive())
    return gaps


def segment(viewer: Any, panel: Any) -> tuple[float, float]:
    """Press Run; return the seconds to the first preview and to the result."""
    before, found = len(viewer.layers), []
    panel.segmented.connect(found.append)
    began = time.perf_counter()
    panel.run()
    if panel.question.isVisible():  # a large picture: so many seconds, really?
        panel.question.accepted.emit()
    if not panel.runner.running:
        sys.exit(f"It does not run: {panel.status.text()}")
    wait(lambda: len(viewer.layers) > before or not panel.runner.running)
    first = time.perf_counter() - began
    wait(lambda: bool(found) or not panel.runner.running)
    total = time.perf_counter() - began
    settle()  # what the result makes napari do belongs to it
    panel.segmented.disconnect(found.append)
    return first, total


def slide(panel: Any, times: int = 12) -> list[float]:
    """Drag the threshold; return the seconds until the view shows each value."""
    waits, threshold = [], panel.sliders.threshold
    drawn: list[Any] = []
    panel.relabeller.drafts.finished.connect(drawn.append)
    for step in range(times):
        drawn.clear()
        began = time.perf_counter()
        threshold.setValue(0.3 + 0.03 * step)
        wait(lambda: bool(drawn), every=1)
        waits.append(time.perf_counter() - began)
    wait(lambda: not panel.relabeller.working)
    panel.relabeller.drafts.finished.disconnect(drawn.append)
    return waits


def report(name: str, seconds: float, work: float | None = None) -> None:
    """Print one length of time beside its limit."""
    rest = "" if work is None else f"  work {work * 1000:8.1f}"
    print(f"{name:14} wall {seconds * 1000:10.1f}{rest}  limit {LIMITS_MS[name]} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096, help="pixels along each side")
    parser.add_argument("--model", default="glands")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", type=int, default=0, help="lines of a profile of our slots")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    watch = Watch()
    watch.install()
    import napari

    viewer = napari.Viewer(show=True)
    settle()
    bench, seconds, work = open_workbench(viewer)
    report("opening", seconds, work)
    print(f"{'loading':8} {preload().line('wall')}")
    panel = bench.segment_panel
    bench.tabs.setCurrentIndex(1)  # to the front, where a person would press Run
    panel.model_picker.setValue(options.model)
    size = panel.model_picker.card().pixel_size
    place = {"rgb": True, "scale": (size.y, size.x), "units": ("um", "um")}
    viewer.add_image(tissue(512), name="warm-up", **place)
    segment(viewer, panel)
    viewer.layers.clear()
    viewer.add_image(tissue(options.side), name="tissue", **place)
    viewer.reset_view()
    settle(1)
    watch.times = Times()
    watch.profile = cProfile.Profile() if options.profile else None
    with loop_gaps() as gaps:
        first, total = segment(viewer, panel)
    report("first preview", first)
    for name, times in (("slots", watch.times), ("gaps", gaps)):
        for kind in ("wall", "work"):
            print(f"{name:8} {times.line(kind)}  limit of p99 {LIMITS_MS[name]} ms")
    print("most work:", watch.times.worst())
    print(f"{len(viewer.layers[-1].features)} objects in {total:.1f} s; {len(gaps.wall)} ticks")
    viewer.scene.camera.zoom *= 2  # a quarter of the picture: where a person judges outlines
    settle()
    waits = slide(panel)
    report("slider", sorted(waits)[len(waits) // 2])
    print("slider, each:", " ".join(f"{w * 1000:.0f}" for w in waits))
    if watch.profile is not None:
        pstats.Stats(watch.profile).sort_stats("cumtime").print_stats(options.profile)
    viewer.close()


if __name__ == "__main__":
    main()
