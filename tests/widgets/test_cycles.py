"""The benchmark of open, segment, close, with few cycles."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "cycles.py"
CYCLES = 5


@pytest.fixture(scope="module")
def cycles() -> Any:
    spec = importlib.util.spec_from_file_location("cycles", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["cycles"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cycles"]


def test_a_leak_would_be_told(cycles: Any) -> None:
    calm = cycles.Level(10, 2, 0, 500.0)
    assert cycles.leaks([calm] * 4) == []
    assert len(cycles.leaks([calm] * 3 + [cycles.Level(11, 3, 1, 600.0)])) == 4


def test_nothing_is_left_behind(cycles: Any, make_napari_viewer: Any) -> None:
    viewer, seen, levels = make_napari_viewer(), [], []
    for _ in range(CYCLES):
        cycles.cycle(viewer, cycles.stand_in, seen)
        levels.append(cycles.level(seen))
    assert len(seen) == 2 * CYCLES
    assert cycles.leaks(levels) == []
