from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadModelError, WriteError
from napari_selfreg.io.added_models import added_models, remember_model
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.in_use import put_to_use
from napari_selfreg.widgets.shared import Shared
from tests.widgets.fakes import write_model


class Told:
    """What reaches the Segment panel."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.dropped: list[Path] = []
        self.wanted: list[Path] = []
        self.shared.modelDropped.connect(self.dropped.append)
        self.shared.modelWanted.connect(self.wanted.append)


@pytest.fixture
def told(qtbot) -> Told:
    return Told()


@pytest.fixture
def versions(project, tmp_path: Path) -> tuple[str, str]:
    one, two = (
        project.versions.add(write_model(tmp_path, name=name), name).id for name in ("one", "two")
    )
    return one, two


def test_of_a_project_only_the_version_in_use_stays_in_the_list(told, project, versions) -> None:
    one, two = versions
    other = write_model(project.folder.parent, name="elsewhere")
    remember_model(other)
    put_to_use(told.shared, project, one, None)
    put_to_use(told.shared, project, two, None)
    assert project.active_version == two
    path = project.versions.path(two)
    assert added_models() == [other.resolve(), path.resolve()]
    assert told.dropped[-1] == path
    assert told.wanted == []


def test_the_model_before_all_versions_comes_back(told, project, versions, tmp_path) -> None:
    put_to_use(told.shared, project, versions[0], None)
    outside = tmp_path / "glands.safetensors"
    put_to_use(told.shared, project, None, outside)
    assert project.active_version is None
    assert told.wanted == [outside]
    assert added_models() == []


def test_where_nobody_knows_that_model_none_is_chosen(told, project, versions) -> None:
    put_to_use(told.shared, project, None, None)
    assert told.wanted == told.dropped == []
    assert project.active_version is None


def test_a_damaged_version_changes_nothing(told, project, versions) -> None:
    one, two = versions
    put_to_use(told.shared, project, one, None)
    project.versions.path(two).write_bytes(b"x")
    with pytest.raises(BadModelError, match="damaged"):
        put_to_use(told.shared, project, two, None)
    assert project.active_version == one
    assert added_models() == [project.versions.path(one).resolve()]
    assert len(told.dropped) == 1


def test_a_project_open_elsewhere_is_not_changed(told, project, versions) -> None:
    with Project.open(project.folder) as second, pytest.raises(WriteError):
        put_to_use(told.shared, second, versions[0], None)
    assert project.active_version is None
    assert told.dropped == []
