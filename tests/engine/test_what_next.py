from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine import what_next as module
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.doubt import DoubtMap
from napari_selfreg.engine.events import Event, Notice, run
from napari_selfreg.engine.what_next import CHANCE, REASONS, what_next, what_next_in
from napari_selfreg.engine.what_next_types import (
    DEFAULT,
    STRATEGIES,
    PictureRequest,
    WhatNextRequest,
)
from napari_selfreg.io.project import Region
from tests.bundles import tiny_bundle
from tests.engine.models import picture
from tests.io.project.steps import SHAPE, new_project


@pytest.fixture
def project(tmp_path: Path):
    with new_project(tmp_path, "ab") as opened:
        yield opened


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "one.safetensors")


@pytest.fixture
def model(bundle: Path) -> Model:
    return load_model(bundle)


def ask(model: Model, size: float = 1.0, **changes: object) -> PictureRequest:
    image = picture(300, 400)
    return PictureRequest(image, PixelSize(size, size), model, device="cpu", **changes)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_ranks_windows_apart(model: Model, strategy: str) -> None:
    found = run(what_next_in(ask(model, strategy=strategy), "f7"))
    assert found
    assert {one.field for one in found} == {"f7"}
    assert {one.box.shape for one in found} == {(128, 128)}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    known = {CHANCE} if strategy == "random" else set(REASONS.values())
    assert {one.reason for one in found} <= known


def test_a_window_is_as_large_for_the_model_whatever_the_pixels(model: Model) -> None:
    found = run(what_next_in(ask(model, 0.8, most=1)))
    assert [one.box.shape for one in found] == [(160, 160)]
    (all_of_it,) = run(what_next_in(ask(model, 0.1)))
    assert all_of_it.box == Box(0, 0, 300, 400)


def test_what_is_reviewed_is_left_out(model: Model) -> None:
    reviewed = np.zeros((300, 400), bool)
    reviewed[:, :250] = True
    for one in run(what_next_in(ask(model, reviewed=reviewed))):
        assert one.box.x1 > 250 + 64
    reviewed[:] = True
    assert run(what_next_in(ask(model, reviewed=reviewed))) == ()


def test_the_reason_is_about_what_is_not_reviewed(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreground = np.zeros((300, 400), np.float32)
    foreground[100:200, 100:200] = 1
    scores = np.zeros_like(foreground)
    scores[100:200, 96:104] = 1  # an outline
    scores[120:180, 10:60] = 0.5

    def seen(request: object, model: object):
        yield from ()
        return DoubtMap(scores, foreground)

    monkeypatch.setattr(module, "doubt_map", seen)
    (first, *_) = run(what_next_in(ask(model, strategy="tta")))
    assert first.reason == REASONS["missed"]
    reviewed = np.zeros((300, 400), bool)
    reviewed[:, :80] = True
    (first, *_) = run(what_next_in(ask(model, strategy="tta", reviewed=reviewed)))
    assert first.reason == REASONS["outline"]
    assert REASONS["outline"] == "Undecided outline here."


def test_wrong_questions_are_refused(model: Model) -> None:
    with pytest.raises(BadInputError, match="luck"):
        run(what_next_in(ask(model, strategy="luck")))
    with pytest.raises(BadInputError, match="differ in size"):
        run(what_next_in(ask(model, reviewed=np.zeros((3, 4), bool))))


def test_all_fields_of_a_project_are_ranked_together(project, bundle: Path) -> None:
    found = run(what_next(WhatNextRequest(project, ("f2", "f1"), bundle, device="cpu")))
    assert sorted(one.field for one in found) == ["f1", "f2"]
    assert {one.box for one in found} == {Box(0, 0, *SHAPE)}
    assert found[0].score >= found[1].score
    assert DEFAULT in STRATEGIES
    again = run(what_next(WhatNextRequest(project, ("f2",), bundle, device="cpu")))
    assert again == tuple(one for one in found if one.field == "f2")
    assert found[0].score != found[1].score, "chance is another one in every field"


def test_reviewed_fields_and_those_without_an_image_are_passed_over(project, bundle: Path) -> None:
    project.put_region("f1", Region.rectangle(Box(0, 0, *SHAPE), "field"))
    events: list[Event] = []
    request = WhatNextRequest(project, ("f1", "f2"), bundle, device="cpu")
    assert [one.field for one in run(what_next(request), events.append)] == ["f2"]
    assert not any(isinstance(event, Notice) for event in events)
    project.images.path("f2").unlink()
    before = project.sequence
    assert run(what_next(request), events.append) == ()
    assert any(isinstance(event, Notice) for event in events)
    assert project.sequence == before
