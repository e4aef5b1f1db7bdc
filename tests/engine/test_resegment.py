from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.engine import resegment
from napari_selfreg.engine.events import Event, Notice, run
from napari_selfreg.engine.resegment import change_between, compare_models, find_again
from napari_selfreg.engine.resegment_types import CompareRequest, FieldCompared, ResegmentRequest
from napari_selfreg.engine.segment import ArraySegmentRequest, segment_array
from napari_selfreg.io.project import Project
from napari_selfreg.io.project.pictures import read_picture
from tests.bundles import tiny_bundle
from tests.io.project.steps import SHAPE, new_field, new_project, picture


@pytest.fixture
def project(tmp_path: Path):
    with new_project(tmp_path, "ab") as opened:
        yield opened


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    return (
        tiny_bundle(tmp_path / "one.safetensors", seed=1),
        tiny_bundle(tmp_path / "two.safetensors", seed=2),
    )


def objects(
    project: Project, field: str, model: Path, settings: PostProcessing | None = None
) -> np.ndarray:
    picture = read_picture(project, field)
    request = ArraySegmentRequest(picture, PixelSize(0.5, 0.5), model, settings=settings)
    return run(segment_array(request)).labels


def test_both_models_are_run_on_every_field(project, models) -> None:
    events: list[Event] = []
    run(compare_models(CompareRequest(project, *models, ("f2", "f1"), "cpu")), events.append)
    compared = [event for event in events if isinstance(event, FieldCompared)]
    assert [each.field for each in compared] == ["f2", "f1"]
    for each in compared:
        np.testing.assert_array_equal(each.before, objects(project, each.field, models[0]))
        np.testing.assert_array_equal(each.after, objects(project, each.field, models[1]))
        assert each.change == change_between(each.before, each.after)


def test_a_field_without_its_image_is_passed_over(project, models) -> None:
    project.images.path("f1").unlink()
    events: list[Event] = []
    run(compare_models(CompareRequest(project, *models, ("f1", "f2"), "cpu")), events.append)
    assert [e.field for e in events if isinstance(e, FieldCompared)] == ["f2"]
    assert any(isinstance(event, Notice) for event in events)
    found = run(find_again(ResegmentRequest(project, models[0], ("f1", "f2"), "cpu")))
    assert [each.field for each in found] == ["f2"]


def test_objects_are_found_again_without_touching_the_project(project, models) -> None:
    before = project.sequence
    (found,) = run(find_again(ResegmentRequest(project, models[0], ("f1",), "cpu")))
    np.testing.assert_array_equal(found.labels, objects(project, "f1", models[0]))
    assert set(found.classes) == set(np.unique(found.labels).tolist()) - {0}
    assert project.sequence == before


def test_enough_leaves_the_other_fields(project, models) -> None:
    request = ResegmentRequest(project, models[0], ("f1", "f2"), "cpu", lambda: True)
    assert run(find_again(request)) == ()


def test_both_jobs_find_objects_as_the_person_had_set(tmp_path, models) -> None:
    own = PostProcessing(min_area_um2=1e6)
    image = picture(tmp_path / "a.png")
    field = new_field(image, settings=own)
    with Project.create(tmp_path / "own.selfreg", [field]) as project:
        usual, wanted = (objects(project, "f1", models[0], each) for each in (None, own))
        assert not np.array_equal(usual, wanted)
        (found,) = run(find_again(ResegmentRequest(project, models[0], ("f1",), "cpu")))
        np.testing.assert_array_equal(found.labels, wanted)
        events: list[Event] = []
        run(compare_models(CompareRequest(project, *models, ("f1",), "cpu")), events.append)
        (compared,) = (event for event in events if isinstance(event, FieldCompared))
        np.testing.assert_array_equal(compared.before, wanted)
        np.testing.assert_array_equal(compared.after, objects(project, "f1", models[1], own))


@pytest.mark.parametrize("skip", [True, False])
def test_glass_is_looked_at_if_it_was_before(tmp_path, models, monkeypatch, skip) -> None:
    asked: list[bool] = []

    def watched(request: ArraySegmentRequest) -> Iterator[Event]:
        asked.append(request.skip_glass)
        return (yield from segment_array(request))

    monkeypatch.setattr(resegment, "segment_array", watched)
    field = new_field(picture(tmp_path / "a.png"), skip_glass=skip)
    with Project.create(tmp_path / "own.selfreg", [field]) as project:
        run(find_again(ResegmentRequest(project, models[0], ("f1",), "cpu")))
    assert asked == [skip]


@pytest.mark.parametrize(
    ("one", "other", "wanted"), [(0, 0, 0.0), (1, 2, 0.0), (1, 0, 1.0), (0, 3, 1.0)]
)
def test_the_change_counts_pixels_not_ids(one, other, wanted) -> None:
    before, after = np.full(SHAPE, one, np.int32), np.full(SHAPE, other, np.int32)
    assert change_between(before, after) == wanted


def test_half_of_the_objects() -> None:
    before, after = np.zeros((4, 4), np.int32), np.zeros((4, 4), np.int32)
    before[:2], after[:1] = 1, 1
    assert change_between(before, after) == 0.5
