"""Journal, snapshots and recovery against a model in memory; full disks; lost files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.project import Project, read_manifest, recovery
from napari_selfreg.io.project.generations import (
    GENERATIONS,
    POINTER,
    generation_folder,
    journal_file,
    numbers_in,
)
from napari_selfreg.io.project.manifest import write_manifest
from tests.io.project.script import Expected, record_at
from tests.io.project.steps import block, content, copy_files, new_field, new_project, picture
from tests.io.project.test_journal import FullDisk


class Recovery(RuleBasedStateMachine):
    """A project that is edited, snapshotted, closed, and copied as if the power had gone."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    @initialize()
    def create(self) -> None:
        self.project = new_project(self.folder, "ab")
        self.expected = Expected(self.project)

    @rule(steps=st.integers(1, 6))
    def edit(self, steps: int) -> None:
        for _ in range(steps):
            self.project.record(record_at(self.project.sequence + 1))

    @rule()
    def snapshot(self) -> None:
        self.project.snapshot()

    @rule(field=st.sampled_from(["f1", "f2"]))
    def release(self, field: str) -> None:
        self.project.release(field)

    @rule()
    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.project.folder, hash_images=False)

    @precondition(lambda self: self.project.sequence > 0)
    @rule(torn=st.integers(0, 400))
    def lose_power(self, torn: int) -> None:
        """A copy of the files, the newest one cut, gives what its whole records say."""
        copy = self.folder / "copy" / "case.selfreg"
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy_files(self.project, copy)
        journals = numbers_in(copy / "journal")
        if journals:
            last = journal_file(copy, journals[-1])
            data = last.read_bytes()
            last.write_bytes(data[: len(data) - min(torn, len(data))])
        with Project.open(copy, hash_images=False) as again:
            assert again.sequence <= self.project.sequence
            assert torn or again.sequence == self.project.sequence
            assert content(again) == self.expected.after(again.sequence)
            assert not again.warnings

    @invariant()
    def memory_is_right(self) -> None:
        if hasattr(self, "project"):
            assert content(self.project) == self.expected.after(self.project.sequence)

    def teardown(self) -> None:
        if hasattr(self, "project"):
            self.project.close()
        shutil.rmtree(self.folder, ignore_errors=True)


TestRecovery = Recovery.TestCase
TestRecovery.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)


def test_a_bookmark_brings_labels_and_objects_back_but_no_regions(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        for index in range(1, 30):
            project.record(record_at(index))
        project.bookmarks.put("before")
        then = content(project)
        for index in range(31, 60):
            project.record(record_at(index))
        project.snapshot()  # removes what is not kept
        regions = [project.facts(name).regions for name in ("f1", "f2")]
    with Project.open(project.folder) as project:
        assert project.bookmarks.names == ("before",)
        assert project.bookmarks.restore("before") == ("f1", "f2")
        for number, name in enumerate(("f1", "f2")):
            assert project.labels(name).tobytes() == then[name][0]
            facts, old = project.facts(name), then[name][1]
            said = {k: v.model_dump() for k, v in facts.objects.items() if v != type(v)()}
            assert said == {k: v for k, v in old["objects"].items() if any(v.values())}
            assert (facts.state, facts.model, facts.version) == (
                old["state"],
                old["model"],
                old["version"],
            )
            assert facts.regions == regions[number]
        assert project.bookmarks.restore("before") == ()
        project.bookmarks.drop("before")
        project.snapshot()
        assert project.bookmarks.names == ()
    assert len(numbers_in(project.folder / GENERATIONS)) <= 2


def test_a_full_disk_is_announced_and_memory_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    disk = FullDisk(monkeypatch)
    project = new_project(tmp_path)
    project.on_problem = told.append
    disk.full = True
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    assert "disk is full" in project.problem
    assert told == [project.problem]
    assert project.labels("f1")[0, 0] == 7
    with pytest.raises(WriteError, match="disk is full"):
        project.snapshot()
    project.apply("f1", [block(10, 10, 4, 5, 8)])
    before = content(project)
    elsewhere = project.copy_to(tmp_path / "other disk")
    disk.full = False
    project.close()
    for folder in (project.folder, elsewhere):
        with Project.open(folder) as again:
            assert content(again) == before


def test_closing_on_a_full_disk_says_so_and_frees_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    project = new_project(tmp_path)
    disk.full = True
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    with pytest.raises(WriteError, match="disk is full"):
        project.close()
    disk.full = False
    with Project.open(project.folder) as again:
        assert not again.read_only


def test_a_snapshot_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.io.project import snapshots

    def refuse(*_: object) -> None:
        raise WriteError("the disk is full")

    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        for step in ("write_fields", "write_state", "point_to"):
            with monkeypatch.context() as patch:
                patch.setattr(snapshots, step, refuse)
                with pytest.raises(WriteError):
                    project.snapshot()
            project.apply("f1", [block(1, 1, 2, 2, len(step))])
            with Project.open(project.folder) as reader:
                assert content(reader) == content(project)
        before = content(project)
    with Project.open(project.folder) as again:
        assert content(again) == before


def test_a_lost_pointer_is_no_loss(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 4, 5, 7)])
        project.snapshot()
        project.apply("f1", [block(1, 1, 2, 2, 3)])
        before = content(project)
        copy = copy_files(project, tmp_path / "copy.selfreg")
    for damage in ("", "{", '{"generation": 77}'):
        (copy / POINTER).write_text(damage)
        with Project.open(copy) as again:
            assert content(again) == before


def test_damaged_labels_are_told_not_guessed(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    chunk = generation_folder(project.folder, 1) / "f1" / "0" / "c" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 0xFF
    chunk.write_bytes(data)
    with Project.open(project.folder) as again, pytest.raises(BadInputError, match="damaged"):
        again.labels("f1")


def test_a_damaged_record_is_told_and_the_others_are_kept(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.apply("f1", [block(0, 0, 4, 5, 7)])
    place = next((project.folder / "journal").iterdir()).stat().st_size
    project.set_note("f1", "lost")
    project.apply("f1", [block(10, 10, 4, 5, 8)])
    copy = copy_files(project, tmp_path / "copy.selfreg")
    project.close()
    (journal,) = (copy / "journal").iterdir()
    data = bytearray(journal.read_bytes())
    data[place + 25] ^= 0xFF
    journal.write_bytes(data)
    with Project.open(copy) as again:
        assert len(again.warnings) == 1
        assert "damaged" in again.warnings[0]
        assert (again.labels("f1")[0, 0], again.labels("f1")[10, 10]) == (7, 8)
        assert again.facts("f1").note == ""


def test_falling_back_to_an_older_state_is_told(tmp_path: Path) -> None:
    """Of a damaged snapshot the one before is all that is left: never without a word."""
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 2, 2, 5)])
        project.bookmarks.put("kept")
        name = project.add_field(new_field(picture(tmp_path / "b.png", 3)))
        for field in ("f1", name):
            project.apply(field, [block(0, 0, 2, 2, 6)])
        number = project.snapshot()
    (generation_folder(project.folder, number) / "state.json").write_text("{")
    with Project.open(project.folder) as again:
        assert again.warnings == (
            "A part of the last corrections in case.selfreg was damaged on the disk and is lost; "
            "all others are here.",
        )
        assert again.labels("f1")[0, 0] == 5
        with pytest.raises(BadInputError) as caught:  # of a field that the older state has not
            again.labels(name)
        assert str(caught.value) == "The labels of a field of case are missing: put them back."


def test_a_lost_journal_between_two_is_told(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    for value in (5, 6, 7):
        project.apply("f1", [block(0, 0, 2, value, value)])
        project._journal.rotate(project._journal.number + 1)
    copy = copy_files(project, tmp_path / "copy.selfreg")
    project.close()
    journals = sorted((copy / "journal").iterdir())
    assert len(journals) == 3
    journals[1].unlink()
    with Project.open(copy) as again:
        assert len(again.warnings) == 1
        assert again.labels("f1")[0].tolist()[:8] == [7] * 7 + [0]
        assert again.sequence == 3


def test_records_of_fields_that_are_not_there_are_told(tmp_path: Path) -> None:
    project = new_project(tmp_path, "ab")
    project.set_note("f2", "x")
    project.set_note("f1", "y")
    copy = copy_files(project, tmp_path / "copy.selfreg")
    project.close()
    manifest = read_manifest(copy)
    write_manifest(copy, manifest.model_copy(update={"fields": manifest.fields[:1]}))
    with Project.open(copy) as again:
        assert len(again.warnings) == 1
        assert again.facts("f1").note == "y"


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    (project.folder / "journal" / "000099.journal").mkdir(parents=True)
    with pytest.raises(BadInputError, match=r"The corrections in case\.selfreg cannot be read \("):
        Project.open(project.folder)


def test_a_snapshot_that_came_between_is_read_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 2, 2, 5)])
        replayed, calls = recovery._replayed, []

        def slow(*arguments: Any, **options: Any) -> Any:
            calls.append(1)
            if len(calls) == 1:
                project.apply("f1", [block(0, 0, 2, 2, 6)])
                project.snapshot()
            return replayed(*arguments, **options)

        monkeypatch.setattr(recovery, "_replayed", slow)
        with Project.open(project.folder) as reader:
            assert len(calls) == 2
            assert content(reader) == content(project)
            assert not reader.warnings
