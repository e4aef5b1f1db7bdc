"""Projects: made, edited, closed and opened again."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import Camera, ObjectState, Project, Region, snapshots, store
from napari_selfreg.io.project.lock import IN_USE
from napari_selfreg.io.project.records import Edit
from tests.io.project.steps import (
    HOUR,
    SHAPE,
    at_rest,
    block,
    content,
    new_field,
    new_project,
    picture,
    start_labels,
    touch,
)


def edit_everything(project: Project) -> None:
    project.apply("f1", [block(0, 0, 4, 5, 7), block(20, 20, 3, 3, 8)])
    project.set_objects("f1", {1: ObjectState(class_name="stroma", accepted=True)})
    region = Region.rectangle(Box(0, 0, 10, 12))
    project.put_region("f1", region)
    project.put_region("f2", Region.rectangle(Box(1, 1, 5, 5), "view"))
    project.put_region("f2", region)
    project.remove_region("f2", region.id)
    project.set_camera("f2", Camera(center=(3.5, 4.25), zoom=2.0))
    project.set_note("f1", "ragged edge – ask again")
    project.set_state("f2", "done")
    project.set_model("f2", "mine", "abc")


@pytest.mark.parametrize("snapshot", [False, True])
def test_everything_comes_back(tmp_path: Path, snapshot: bool) -> None:
    with new_project(tmp_path, "ab") as project:
        edit_everything(project)
        if snapshot:
            project.snapshot()
            project.apply("f2", [block(3, 3, 2, 2, 5)])
        before = content(project)
    with Project.open(tmp_path / "case.selfreg") as again:
        assert content(again) == before
        assert not again.warnings
        assert not again.read_only
        assert again.looked_at == "f2"
        assert again.facts("f1").objects[1] == ObjectState(class_name="stroma", accepted=True)
        assert (again.labels("f1")[20:23, 20:23] == 8).all()


def test_a_new_project_holds_what_it_was_given(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        (field,) = project.fields
        assert (field.stem, field.shape, field.image_shape) == ("a", SHAPE, SHAPE)
        assert field.label_size == PixelSize(0.5, 0.5)
        assert field.image.path == "../a.png"
        facts = project.facts("f1")
        assert facts.objects == {1: ObjectState(class_name="gland")}
        assert (facts.model, facts.version, facts.state) == ("glands", "0123456789ab", "segmented")
        np.testing.assert_array_equal(project.labels("f1"), start_labels())


def test_labels_are_a_view_that_cannot_be_painted_on(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        view = project.labels("f1")
        with pytest.raises(ValueError, match="read-only"):
            view[0, 0] = 1
        project.apply("f1", [block(0, 0, 1, 1, 9)])
        assert view[0, 0] == 9


def test_an_edit_outside_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        before = content(project)
        with pytest.raises(BadInputError, match="lies outside"):
            project.apply("f1", [block(0, 0, 2, 2, 5), block(SHAPE[0] - 1, 0, 2, 2, 5)])
        assert content(project) == before
        assert project.sequence == 0


def test_the_second_opener_may_only_look(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        with Project.open(project.folder) as other:
            assert other.read_only
            assert other.reason == IN_USE
            assert content(other) == content(project)
            with pytest.raises(WriteError, match="another window"):
                other.apply("f1", [block(0, 0, 1, 1, 1)])
        project.apply("f1", [block(1, 1, 4, 5, 3)])  # the other's closing took nothing away
        assert not project.problem
    with Project.open(project.folder) as later:
        assert not later.read_only


def test_a_reader_survives_the_writers_snapshots(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, Project.open(project.folder) as reader:
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        project.snapshot()  # takes away the labels that the reader knows of
        np.testing.assert_array_equal(reader.labels("f1"), project.labels("f1"))


def test_a_field_is_added_later(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        name = project.add_field(new_field(picture(tmp_path / "b.png", 5)))
        project.apply(name, [block(0, 0, 2, 2, 4)])
        before = content(project)
    with Project.open(project.folder) as again:
        assert [field.id for field in again.fields] == ["f1", name]
        assert content(again) == before


def test_labels_on_a_part_of_a_slide_keep_their_place(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    field = new_field(image, offset=(100.0, 60.0), downsample=(4.0, 4.0), image_shape=(4000, 5000))
    with Project.create(tmp_path / "p", [field]) as project:
        (record,) = project.fields
        assert record.label_size == PixelSize(2.0, 2.0)
        assert (record.offset, record.image_shape) == ((100.0, 60.0), (4000, 5000))


def test_what_is_in_the_way_of_a_new_project_stays(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(BadInputError, match="is not empty"):
        Project.create(folder, [new_field(image)])
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "taken"]


def test_a_copy_holds_everything_and_finds_its_images(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        edit_everything(project)
        target = project.copy_to(tmp_path / "far" / "away")
        before = content(project)
    with Project.open(target) as copy:
        assert content(copy) == before
        assert [copy.images.state(field.id) for field in copy.fields] == ["found", "found"]


def test_released_labels_are_read_again(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.labels("f1")
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        project.release("f1")  # not on disk as labels: stays
        project.snapshot()
        project.release("f1")
        project.apply("f1", [block(8, 8, 2, 2, 9)])
        assert project.labels("f1")[0, 0] == 7
        assert project.labels("f1")[8, 8] == 9


def test_nothing_is_written_by_opening_and_closing(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        # Of a file written a moment ago the time is noted when it is hashed once more.
        touch(project.images.path("f1"), time.time_ns() - HOUR)
    with Project.open(project.folder) as again:
        again.images.hash_all(lambda: False)
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    Project.open(project.folder).close()
    after = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open files")
def test_a_project_that_is_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    project = at_rest(new_project(tmp_path))
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    shutil.rmtree(project.folder)
    project.apply("f1", [block(8, 8, 2, 2, 9)])
    with pytest.raises(WriteError, match="deleted meanwhile"):
        project.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows renames no folder with open files")
def test_a_folder_that_is_renamed_meanwhile_stays_one_project(tmp_path: Path) -> None:
    project = at_rest(new_project(tmp_path))
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    there = tmp_path / "ward 3.selfreg"
    project.folder.rename(there)
    project.apply("f1", [block(8, 8, 2, 2, 9)])
    before = content(project)
    for act in (
        project.snapshot,
        lambda: project.images.set_pixel_size("f1", PixelSize(2, 2)),
        lambda: project.add_field(new_field(picture(tmp_path / "c.png"))),
    ):
        with pytest.raises(WriteError, match=r"case\.selfreg was moved"):
            act()
    project.close()
    assert not project.folder.exists()
    with Project.open(there) as again:
        assert content(again) == before


def test_a_closed_project_refuses_edits(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    project.close()
    with pytest.raises(WriteError, match="is closed"):
        project.set_note("f1", "too late")


def test_what_is_no_project_is_refused_without_leaving_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is no project"):
        Project.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["snapshot", "manifest"])
def test_a_field_that_cannot_be_added_leaves_the_project_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: object) -> None:
        raise WriteError("the disk is full")

    new = new_field(picture(tmp_path / "b.png", 5))
    with new_project(tmp_path) as project:
        before = content(project)
        with monkeypatch.context() as patch:
            if step == "snapshot":
                patch.setattr(snapshots, "write_fields", refuse)
            else:
                patch.setattr(store, "write_manifest", refuse)
            with pytest.raises(WriteError, match="the disk is full"):
                project.add_field(new)
        assert content(project) == before
        with pytest.raises(KeyError):
            project.facts("f2")
        assert project.add_field(new) == "f2"
        before = content(project)
    with Project.open(project.folder) as again:
        assert content(again) == before
        assert not again.warnings


def test_no_record_comes_between_closing_and_the_end(tmp_path: Path) -> None:
    """What a thread was told is kept is there afterwards, however late it came."""

    def edit(project: Project, kept: list[int], begun: threading.Event) -> None:
        with suppress(WriteError):
            for number in itertools.count():
                kept.append(project.set_note("f1", str(number)))
                begun.set()

    for attempt in range(4):
        project, kept = new_project(tmp_path / str(attempt)), []
        begun = threading.Event()
        thread = threading.Thread(target=edit, args=(project, kept, begun))
        thread.start()
        assert begun.wait(60)
        project.close()
        thread.join()
        with Project.open(project.folder, hash_images=False) as again:
            assert again.sequence == kept[-1]
            assert again.facts("f1").note == str(len(kept) - 1)
            assert not again.warnings


def test_closing_twice_at_once_is_closing_once(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    threads = [threading.Thread(target=project.close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Project.open(project.folder) as again:
        assert not again.read_only
        assert again.labels("f1")[0, 0] == 7


def test_a_reader_and_a_closed_project_say_why(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    for act in (project.snapshot, lambda: project.add_field(new_field(tmp_path / "a.png"))):
        with pytest.raises(WriteError) as caught:
            act()
        assert str(caught.value) == "case is closed: open it again to change it."
    assert project.labels("f1").shape == SHAPE  # looking is allowed


def one_step(project: Project, prepared: bool) -> None:
    """Object 1 goes, and with its last pixel what was said about it."""
    record = Edit.of("f1", [block(0, 0, 11, 13, 4)], {4: ObjectState(class_name="stroma")})
    if prepared:
        assert project.carry_out(project.prepare(record))
    else:
        project.record(record)


@pytest.mark.parametrize("freed", [True, False])
def test_a_prepared_edit_does_what_the_edit_does(tmp_path: Path, freed: bool) -> None:
    results = []
    for prepared in (False, True):
        with new_project(tmp_path / str(prepared)) as project:
            one_step(project, prepared)
            if freed:
                project.snapshot()
                project.release("f1")
            project.apply("f1", [block(2, 3, 7, 9, 1)])  # undone: what was said is known again
            results.append(content(project))
            folder = project.folder
        with Project.open(folder) as again:
            assert content(again) == results[-1]
    assert results[0] == results[1]
    assert project.facts("f1").objects[1].class_name == "gland"


def test_a_prepared_edit_is_taken_over_after_the_labels_were_freed(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        ready = project.prepare(Edit.of("f1", [block(0, 0, 11, 13, 4)]))
        project.release("f1")
        assert project.carry_out(ready)
        expected = start_labels()
        expected[:11, :13] = 4
        np.testing.assert_array_equal(project.labels("f1"), expected)


def test_a_prepared_edit_of_what_has_changed_is_not_done(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        ready = project.prepare(Edit.of("f1", [block(0, 0, 11, 13, 4)]))
        project.set_objects("f1", {2: ObjectState(accepted=True)})
        before = content(project)
        assert not project.carry_out(ready)
        assert content(project) == before


def test_a_prepared_edit_outside_of_the_labels_is_refused(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, pytest.raises(BadInputError, match="outside"):
        project.prepare(Edit.of("f1", [block(20, 0, 11, 13, 4)]))
