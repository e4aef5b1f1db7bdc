"""Where new projects go."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io.project import new_project_folder, places
from tests.io.project.steps import picture


def test_a_project_lies_beside_its_images(tmp_path: Path) -> None:
    image = picture(tmp_path / "ward 3" / "a.png")
    folder = new_project_folder(image)
    assert folder == tmp_path / "ward 3" / "ward 3 corrections.selfreg"
    folder.mkdir()
    assert new_project_folder(image).name == "ward 3 corrections 2.selfreg"


def test_or_in_documents_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = tmp_path / "Documents"
    monkeypatch.setattr(places, "can_write", lambda _: False)
    monkeypatch.setattr(places.platformdirs, "user_documents_path", lambda: documents)
    assert new_project_folder(tmp_path / "cd" / "a.png").parent == documents
    assert places.can_write(tmp_path) is False
    monkeypatch.undo()
    assert places.can_write(tmp_path)
    assert not places.can_write(tmp_path / "absent")


def test_the_next_free_number_is_taken(tmp_path: Path) -> None:
    image = tmp_path / "ward" / "a.png"
    image.parent.mkdir()
    taken = ["ward corrections", "ward corrections 2", "ward corrections 4"]
    for name in taken:
        (image.parent / f"{name}.selfreg").touch()  # a file of that name is in the way, too
    assert new_project_folder(image).name == "ward corrections 3.selfreg"
    assert len(list(image.parent.iterdir())) == len(taken)  # nothing was made


def test_an_image_at_the_root_has_a_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "can_write", lambda _: True)
    assert new_project_folder(Path("/a.png")).name == "images corrections.selfreg"


def test_a_disk_that_only_pretends_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(places.tempfile, "TemporaryFile", refuse)
    assert not places.can_write(tmp_path)


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    assert places.can_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
