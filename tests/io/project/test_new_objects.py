from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project import ObjectState, Project, Region
from napari_selfreg.io.project.new_objects import NewObjects, prepare_objects
from napari_selfreg.io.project.pictures import pixels_on_labels, read_picture
from tests.io.project.steps import (
    SHAPE,
    block,
    content,
    new_field,
    new_project,
    picture,
    start_labels,
)


def whole(value: int) -> np.ndarray:
    return np.full(SHAPE, value, np.int32)


def test_new_objects_get_classes_and_old_facts_go(tmp_path) -> None:
    with new_project(tmp_path) as project:
        found = NewObjects("f1", whole(1), {1: "stroma"})
        assert prepare_objects(project, found, "tuned", "abc").put(project)
        facts = project.facts("f1")
        assert set(np.unique(project.labels("f1"))) == {3}
        assert facts.objects[3].class_name == "stroma"
        assert facts.objects.get(1, ObjectState()) == ObjectState()
        assert (facts.model, facts.version) == ("tuned", "abc")


def test_reviewed_pixels_and_accepted_objects_stay_and_survive_reopening(tmp_path) -> None:
    with new_project(tmp_path) as project:
        project.set_objects("f1", {2: ObjectState(class_name="gland", accepted=True)})
        project.put_region("f1", Region.rectangle(Box(0, 0, 10, 10)))
        prepare_objects(project, NewObjects("f1", whole(0), {}), "tuned", "abc").put(project)
        after = np.array(project.labels("f1"))
        folder = project.folder
    old = start_labels()
    kept = old == 2
    kept[:10, :10] = True
    np.testing.assert_array_equal(after, np.where(kept, old, 0))
    with Project.open(folder) as again:
        np.testing.assert_array_equal(again.labels("f1"), after)
        assert again.facts("f1").objects[2].accepted


def test_nothing_new_changes_nothing(tmp_path) -> None:
    with new_project(tmp_path) as project:
        project.put_region("f1", Region.rectangle(Box(0, 0, *SHAPE), "field"))
        ready = prepare_objects(project, NewObjects("f1", whole(5)), "tuned", "abc")
        assert not ready.put(project)
        np.testing.assert_array_equal(project.labels("f1"), start_labels())


def paint(project: Project) -> None:
    project.apply("f1", [block(0, 0, 3, 3, 9)])


def accept(project: Project) -> None:
    project.set_objects("f1", {2: ObjectState(class_name="gland", accepted=True)})


def mark_reviewed(project: Project) -> None:
    project.put_region("f1", Region.rectangle(Box(0, 0, 10, 10)))


@pytest.mark.parametrize("new", [0, 5])
@pytest.mark.parametrize("edit", [paint, accept, mark_reviewed])
def test_what_a_person_does_after_they_were_prepared_is_not_lost(tmp_path, new, edit) -> None:
    with new_project(tmp_path) as project:
        ready = prepare_objects(project, NewObjects("f1", whole(new)), "tuned", "abc")
        edit(project)
        labels, facts = np.array(project.labels("f1")), project.facts("f1")
        with pytest.raises(BadInputError, match="a was edited meanwhile and stays"):
            ready.put(project)
        np.testing.assert_array_equal(project.labels("f1"), labels)
        assert project.facts("f1") == facts


def test_preparing_changes_nothing(tmp_path) -> None:
    with new_project(tmp_path) as project:
        before = content(project), project.sequence, project.steps("f1")
        prepare_objects(project, NewObjects("f1", whole(5)), "tuned", "abc")
        assert (content(project), project.sequence, project.steps("f1")) == before
        assert not project._memory.fields["f1"].vanished  # else it could come back by itself


def test_the_picture_lies_under_the_labels(tmp_path) -> None:
    image = picture(tmp_path / "large.png", shape=(60, 70))
    field = new_field(image, image_shape=(60, 70), offset=(10.0, 20.0))
    with Project.create(tmp_path / "p.selfreg", [field]) as project:
        seen = read_picture(project, "f1")
        with open_image(image) as source:
            np.testing.assert_array_equal(seen, np.asarray(source.levels[0][10:34, 20:52]))


@pytest.mark.parametrize("place", [{"offset": (50.0, 0.0)}, {"downsample": (2.0, 2.0)}])
def test_a_picture_that_does_not_reach_is_refused(tmp_path, place) -> None:
    image = picture(tmp_path / "large.png", shape=(60, 70))
    field = new_field(image, image_shape=(60, 70), **place)
    with Project.create(tmp_path / "p.selfreg", [field]) as project:
        with open_image(image) as source:
            assert pixels_on_labels(source, project.field("f1")) is None
        with pytest.raises(BadInputError, match="does not fit"):
            read_picture(project, "f1")
