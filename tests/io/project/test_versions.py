"""Model versions: copied in, named, traced, put into use, taken out again."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError, BadModelError, WriteError
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import Project, read_manifest, store
from tests.bundles import split_file, tiny_bundle, with_card
from tests.io.project.steps import new_project


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [tiny_bundle(folder / f"m{seed}.safetensors", seed=seed) for seed in range(3)]


def test_versions_come_back_with_lineage_and_notes(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        base = project.versions.add(bundles[0], "Bundled glands")
        tuned = project.versions.add(bundles[1], "First try", parent=base.id, facts={"steps": 20})
        project.versions.rename(tuned.id, "Ward 3")
        project.versions.write_note(tuned.id, "better on crypts")
        project.versions.activate(tuned.id)
    with Project.open(project.folder) as again:
        one, two = again.versions.all
        assert (one, two.title, two.note) == (base, "Ward 3", "better on crypts")
        assert two.facts == {"steps": 20}
        assert again.versions.active == two
        assert again.versions.lineage(two.id) == (two, one)
        assert again.versions.path(two.id).read_bytes() == bundles[1].read_bytes()
        again.versions.activate(None)
        assert again.versions.active is None


def test_a_version_is_exported_as_one_bundle(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        version = project.versions.add(bundles[0], "Mine")
        file = project.versions.export(version.id, tmp_path / "for a friend")
    assert file.name == "for a friend.safetensors"
    assert file.read_bytes() == bundles[0].read_bytes()
    assert read_card(file).name == version.model


def test_the_same_bundle_is_one_version(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        first = project.versions.add(bundles[0], "Mine")
        assert project.versions.add(bundles[0], "Again") == first
        assert project.versions.all == (first,)


def test_a_damaged_version_is_not_put_into_use(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        version = project.versions.add(bundles[0], "Mine")
        with_card(project.versions.path(version.id), title="Other")
        with pytest.raises(BadModelError, match="Mine is missing or damaged"):
            project.versions.activate(version.id)
        project.versions.path(version.id).unlink()
        with pytest.raises(BadModelError):
            project.versions.export(version.id, tmp_path / "x")
        assert project.versions.active is None


def test_what_is_no_model_is_no_version(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"\x80pickle")
    with new_project(tmp_path) as project:
        with pytest.raises(BadModelError):
            project.versions.add(file, "Mine")
        assert project.versions.all == ()


def test_a_reader_gets_no_version_in(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project, Project.open(project.folder) as reader:
        with pytest.raises(WriteError, match="another window"):
            reader.versions.add(bundles[0], "Mine")
        assert not (project.folder / "models").exists()


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=6))
def test_versions_against_a_list(
    tmp_path_factory: pytest.TempPathFactory,
    bundles: list[Path],
    steps: list[tuple[int, int, bool]],
) -> None:
    """Adding, renaming and activating in any order, with reopening, does what a list would."""
    folder = tmp_path_factory.mktemp("project")
    project = new_project(folder)
    titles: dict[int, str] = {}
    order: list[int] = []
    active: int | None = None
    names = (f"title {number}" for number in itertools.count())
    known: dict[int, str] = {}
    for model, action, reopen in steps:
        if action == 0 or model not in known:
            title = next(names)
            known[model] = project.versions.add(bundles[model], title).id
            if model not in titles:
                order.append(model)
                titles[model] = title
        elif action == 1:
            titles[model] = next(names)
            project.versions.rename(known[model], titles[model])
        else:
            active = model if action == 2 else None
            project.versions.activate(None if active is None else known[model])
        if reopen:
            project.close()
            project = Project.open(project.folder)
        assert [each.title for each in project.versions.all] == [titles[each] for each in order]
        assert project.active_version == (None if active is None else known[active])
    project.close()


def test_bundles_of_the_tests_differ(bundles: list[Path]) -> None:
    assert len({split_file(path)[1] for path in bundles}) == len(bundles)


@pytest.mark.parametrize("title", ["", "x" * 201])
def test_a_title_that_cannot_be_kept_is_told(
    tmp_path: Path, bundles: list[Path], title: str
) -> None:
    sentence = "Give the version a title of 1 to 200 letters."
    with new_project(tmp_path) as project:
        with pytest.raises(BadInputError) as caught:
            project.versions.add(bundles[0], title)
        assert str(caught.value) == sentence
        version = project.versions.add(bundles[0], "Mine")
        with pytest.raises(BadInputError) as caught:
            project.versions.rename(version.id, title)
        assert str(caught.value) == sentence
        assert project.versions.all == (version,)
        assert len(list((project.folder / "models").iterdir())) == 1


def test_a_version_that_cannot_be_listed_leaves_no_file(
    tmp_path: Path, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise WriteError("the disk is full")

    with new_project(tmp_path) as project:
        with monkeypatch.context() as patch:
            patch.setattr(store, "write_manifest", refuse)
            with pytest.raises(WriteError, match="the disk is full"):
                project.versions.add(bundles[0], "Mine")
        assert project.versions.all == ()
        assert list((project.folder / "models").iterdir()) == []
        assert project.versions.add(bundles[0], "Mine").title == "Mine"


def test_versions_added_at_once_are_all_kept(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        together = threading.Barrier(len(bundles))

        def add(bundle: Path) -> None:
            together.wait(60)
            project.versions.add(bundle, bundle.stem)

        threads = [threading.Thread(target=add, args=(bundle,)) for bundle in bundles]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {each.title for each in project.versions.all} == {path.stem for path in bundles}
    assert len(read_manifest(project.folder).versions) == len(bundles)


def test_a_parent_must_be_known_and_a_circle_ends(tmp_path: Path, bundles: list[Path]) -> None:
    with new_project(tmp_path) as project:
        with pytest.raises(KeyError, match="nobody"):
            project.versions.add(bundles[0], "Mine", parent="nobody")
        one = project.versions.add(bundles[0], "One")
        two = project.versions.add(bundles[1], "Two", parent=one.id)
        project.versions._change(one.id, parent=two.id)  # only a damaged file has that
        line = project.versions.lineage(two.id)
        assert [each.title for each in line] == ["Two", "One"]
        project.versions._change(one.id, parent="gone")
        assert [each.title for each in project.versions.lineage(one.id)] == ["One"]
        assert project.versions.lineage("gone") == ()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a", "a.safetensors"),
        ("a.safetensors", "a.safetensors"),
        ("v1.2", "v1.2.safetensors"),
        ("new/folder/a", "new/folder/a.safetensors"),
    ],
)
def test_exported_files_get_the_suffix_of_models(
    tmp_path: Path, bundles: list[Path], name: str, wanted: str
) -> None:
    with new_project(tmp_path) as project:
        version = project.versions.add(bundles[0], "Mine")
        assert project.versions.export(version.id, tmp_path / name) == tmp_path / wanted
    assert (tmp_path / wanted).read_bytes() == bundles[0].read_bytes()


def test_unknown_versions_are_key_errors(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        for act in (project.versions.activate, project.versions.path, project.versions.check):
            with pytest.raises(KeyError, match="nobody"):
                act("nobody")
        project.versions.activate(None)
        assert project.versions.active is None


def test_facts_that_json_cannot_hold_are_refused_before_the_file_is_copied(
    tmp_path: Path, bundles: list[Path]
) -> None:
    with new_project(tmp_path) as project:
        with pytest.raises(ValidationError):
            project.versions.add(bundles[0], "Mine", facts={"dice": float("nan")})
        assert not (project.folder / "models").exists()
        version = project.versions.add(bundles[0], "Mine", facts={"dice": [0.5, None]})
        with pytest.raises(ValidationError):
            project.versions.write_facts(version.id, {"dice": float("inf")})
        project.versions.write_facts(version.id, {"verdict": {"gain": 0.25}})
    with Project.open(project.folder) as again:
        assert again.versions.all[0].facts == {"verdict": {"gain": 0.25}}
