"""The jobs behind Before | after and Re-segment, with the real engine and a tiny network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.engine.events import run
from napari_selfreg.engine.resegment_types import CompareRequest, FieldCompared, ResegmentRequest
from napari_selfreg.widgets.finetune.compare_job import BEFORE, run_again, run_comparison
from tests.bundles import tiny_bundle


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "tiny.safetensors", um_per_px=(1.0, 1.0))


def test_a_model_compared_with_itself_changes_nothing(project, model) -> None:
    found: list[FieldCompared] = []

    def hear(event: object) -> None:
        if isinstance(event, FieldCompared):
            found.append(event)

    run(run_comparison(CompareRequest(project, model, model, ("f2", "f1"), "cpu")), hear)
    assert [each.field for each in found] == ["f2", "f1"]
    assert [each.change for each in found] == [0.0, 0.0]
    for each in found:
        np.testing.assert_array_equal(each.before, each.after)


def test_the_state_before_is_kept_once_there_is_something_to_put(project, model) -> None:
    before = np.array(project.labels("f1"))
    sequence = project.sequence
    found = run(run_again(ResegmentRequest(project, model, ("f1",), "cpu")))
    assert [each.field for each in found] == ["f1"]
    assert BEFORE in project.bookmarks.names
    assert project.sequence == sequence  # the main thread puts it there
    np.testing.assert_array_equal(project.labels("f1"), before)


def test_nothing_found_is_nothing_to_go_back_from(project, model) -> None:
    request = ResegmentRequest(project, model, ("f1", "f2"), "cpu", enough=lambda: True)
    assert run(run_again(request)) == ()
    assert BEFORE not in project.bookmarks.names
