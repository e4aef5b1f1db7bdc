"""Writing into a project that was closed meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.io.project import Project, late
from napari_selfreg.io.project.late import opened_again
from tests.io.project.steps import new_project


def test_a_closed_project_is_opened_anew(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    assert project.closed
    with opened_again(project) as again:
        assert again is not project
        again.check_writable()
    assert again.closed


def test_it_waits_until_the_project_is_given_back(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    giving_back = threading.Timer(0.3, project.close)
    giving_back.start()
    with opened_again(project) as again:
        assert project.closed
        again.check_writable()
    giving_back.join()


def test_a_project_that_somebody_else_writes_stays_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "_PATIENCE_S", 0.05)
    project = new_project(tmp_path)
    project.close()
    with Project.open(project.folder) as theirs:
        with pytest.raises(WriteError, match="open"):
            opened_again(project)
        theirs.check_writable()
