from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Notice, StepDone, run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.advanced import TuneOptions
from napari_selfreg.widgets.finetune.job import TuneRequest, next_name, read_fields, run_tuning
from napari_selfreg.widgets.finetune.source import ProjectCorrections
from tests.bundles import tiny_bundle
from tests.widgets.fakes import make_card
from tests.widgets.finetune.cases import review


@pytest.fixture
def request_(project, tmp_path: Path) -> TuneRequest:
    for each in ("f1", "f2"):
        review(project, each)
    base = tiny_bundle(tmp_path / "tiny.safetensors", separation="contour")
    options = TuneOptions(device="cpu")
    corrections = ProjectCorrections(project)
    return TuneRequest(corrections, ("f1", "f2"), base, None, 1, steps=2, options=options)


def test_the_engine_learns_from_the_project(request_, project) -> None:
    base_title = read_card(request_.base).title
    events: list[Any] = []
    tuned = run(run_tuning(request_), events.append)
    assert [event.step for event in events if isinstance(event, StepDone)] == [1, 2]
    assert project.versions.all == (tuned.version,)
    card = read_card(project.versions.path(tuned.version.id))
    assert card.name == "tiny-tuned-1"
    ending = f"ersion 1, 2 images, {date.today().isoformat()}"
    assert tuned.version.title == f"V{ending}"
    assert card.title == tuned.version.facts["title"] == f"{base_title}, v{ending}"
    assert card.training["fields"]["count"] == 2
    assert tuned.version.facts["verdict"] == tuned.result.verdict.kind
    assert tuned.version.facts["validation"]["n"] == 2
    assert not tuned.result.output.exists()  # only the project's copy stays
    longer = replace(request_, go_on=tuned.result, parent=tuned.version.id, number=2)
    again = run(run_tuning(longer))
    assert again.version.parent == tuned.version.id
    later = read_card(project.versions.path(again.version.id))
    assert (later.name, later.title) == (
        "tiny-tuned-2",
        card.title.replace("version 1", "version 2"),
    )
    assert again.result.base is tuned.result.base
    assert again.result.seed == tuned.result.seed + 1


@pytest.mark.parametrize("dropped", [False, True])
def test_closing_the_window_keeps_the_best_unless_it_was_dropped(
    request_, project, dropped
) -> None:
    job = run_tuning(request_)
    while not isinstance(next(job), StepDone):
        pass
    if dropped:
        request_.dropped.set()
    job.close()
    assert len(project.versions.all) == (0 if dropped else 1)


def test_closing_the_project_first_keeps_the_best_too(request_, project) -> None:
    job = run_tuning(request_)
    while not isinstance(next(job), StepDone):
        pass
    project.close()
    job.close()
    with Project.open(project.folder) as again:
        (version,) = again.versions.all
    assert version.facts == {"stopped": True}
    assert not again.read_only


def test_enough_ends_with_a_result(request_) -> None:
    request = replace(request_, steps=500, enough=threading.Event())
    request.enough.set()
    tuned = run(run_tuning(request))
    assert tuned.result.stopped
    assert tuned.result.steps == 1


def test_a_field_without_its_picture_is_left_out(request_, project) -> None:
    project.images.path("f1").unlink()
    notices: list[Any] = []
    fields = run(read_fields(request_.corrections, ("f1", "f2"), ("gland",)), notices.append)
    assert [field.name for field in fields] == ["field1"]
    assert any("left out" in each.message for each in notices if isinstance(each, Notice))
    with pytest.raises(BadInputError):
        run(read_fields(request_.corrections, ("f1",), ("gland",)))
    project.images.path("f2").unlink()
    with pytest.raises(BadInputError, match="locate"):
        run(read_fields(request_.corrections, ("f1", "f2"), ("gland",)))


@pytest.mark.parametrize("name", ["glands", "glands-tuned", "glands-tuned-2", "glands-tuned-17"])
def test_no_two_versions_of_a_project_share_a_name(name: str) -> None:
    names = [next_name(make_card(name=name), number) for number in (1, 2)]
    assert names == ["glands-tuned-1", "glands-tuned-2"]


def test_a_long_name_still_fits_a_card() -> None:
    name = next_name(make_card(name="g" * 64), 1234)
    assert make_card(name=name).name.endswith("-tuned-1234")
