"""A finished model is known by its run, and stays until the next one is complete."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_selfreg.core.errors import WriteError
from napari_selfreg.engine.checkpoint import TrainingProgress, write_tensors
from napari_selfreg.engine.finished import is_scored, sparing
from napari_selfreg.engine.publish import run_record
from tests.bundles import tiny_bundle

DONE = TrainingProgress(step=7, best_step=5, best_dice=0.9, seconds=61.4, finished=True)
SCORE: dict[str, Any] = {"protocol": "native", "split": "s", "n": 1, "values": {}}


def _output(folder: Path, progress: TrainingProgress = DONE, *, scored: bool = True) -> Path:
    """Write the bundle of a run."""
    training = run_record(progress, torch.device("cpu"))
    metrics = [SCORE] if scored else []
    return tiny_bundle(folder / "m.safetensors", training=training, metrics=metrics)


def _state(folder: Path, progress: TrainingProgress = DONE) -> Path:
    metadata = {"progress": json.dumps(asdict(progress))}
    write_tensors(folder / "main" / "state.safetensors", {"a": torch.zeros(1)}, metadata)
    return folder / "main"


def test_the_scored_model_of_a_finished_run_is_known(tmp_path: Path) -> None:
    assert is_scored(_output(tmp_path), _state(tmp_path))


def test_all_else_is_not_taken_for_it(tmp_path: Path) -> None:
    output = tmp_path / "m.safetensors"
    assert not is_scored(output, _state(tmp_path))
    output.write_bytes(b"no bundle")
    assert not is_scored(output, _state(tmp_path))
    _output(tmp_path, scored=False)
    assert not is_scored(output, _state(tmp_path))
    _output(tmp_path)
    assert not is_scored(output, tmp_path / "nowhere")
    assert not is_scored(output, _state(tmp_path, replace(DONE, step=8)))
    early = replace(DONE, finished=False)
    assert not is_scored(_output(tmp_path, early), _state(tmp_path, early))


@pytest.mark.parametrize("resume", [True, False])
def test_only_a_resumed_run_writes_a_draft(tmp_path: Path, resume: bool) -> None:
    output, state = _output(tmp_path), _state(tmp_path)
    with sparing(output, state, resume=resume) as target:
        assert (target != output) is resume
        target.write_bytes(b"new")
        assert (output.read_bytes() != b"new") is resume
    assert output.read_bytes() == b"new"
    assert not list(tmp_path.glob(".selfreg-*"))


def test_what_breaks_leaves_the_model(tmp_path: Path) -> None:
    output, state = _output(tmp_path), _state(tmp_path)
    before = output.read_bytes()
    with pytest.raises(RuntimeError), sparing(output, state, resume=True) as target:
        target.write_bytes(b"half")
        raise RuntimeError
    assert output.read_bytes() == before
    assert not list(tmp_path.glob(".selfreg-*"))


def test_a_draft_that_cannot_take_its_place_is_said(tmp_path: Path) -> None:
    output, state = _output(tmp_path), _state(tmp_path)
    refused = pytest.raises(WriteError, match="could not be written")
    with refused, sparing(output, state, resume=True):
        pass  # nothing is there to take it
