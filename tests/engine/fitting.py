"""What trainings on pictures and on volumes have in common, for their tests."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.engine.checkpoint import read_progress
from napari_selfreg.engine.events import Event, StepDone, run
from napari_selfreg.engine.training_loop import FitResult

Job = Generator[Event, None, FitResult]

FROZEN = {"steps": 50, "learning_rate": 1e-12, "patience": 2, "validate_every": 1}
"""Settings with which nothing is learned."""


def equal(first: FitResult, second: FitResult) -> bool:
    """Return whether two runs end with the same weights, bit for bit."""
    assert first.weights.keys() == second.weights.keys()
    return all(torch.equal(first.weights[k], second.weights[k]) for k in first.weights)


def check_resumption(folder: Path, start: Callable[[str, bool], Job]) -> None:
    """Run once as a whole and once in two parts; ``start(name, resume)`` starts a run there."""
    whole = run(start("whole", False))
    job = start("parts", False)
    for event in job:
        if isinstance(event, StepDone) and event.step == 3:
            break
    job.close()
    assert read_progress(folder / "parts/state.safetensors").step == 3
    parts = run(start("parts", True))
    assert equal(whole, parts)
    assert parts.progress.step == whole.progress.step > 3
    logs = [(folder / name / "log.csv").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def check_patience(job: Job) -> None:
    """Run with `FROZEN` settings."""
    progress = run(job).progress
    assert progress.finished
    assert progress.step < FROZEN["steps"]


def check_divergence(network: nn.Module, job: Job) -> None:
    """Run a job on a network that no longer holds numbers."""
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(SelfRegError, match="learning_rate"):
        run(job)
