"""Model versions: copied in, named, traced, put into use, taken out again."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadModelError, WriteError
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.project import Project
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
