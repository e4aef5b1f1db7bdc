"""Images by reference: moved, changed, missing, located, hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import Project, new_project_folder, places
from napari_selfreg.io.project.keeper import Keeper
from napari_selfreg.io.project.references import fingerprint_of, full_hash
from tests.io.project.steps import SHAPE, new_project, picture


def test_a_folder_that_moves_as_a_whole_finds_its_images(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    new_project(here, "ab").close()
    here.rename(there)
    with Project.open(there / "case.selfreg") as project:
        assert project.images.path("f2") == there / "b.png"
        assert [project.images.state(name) for name in ("f1", "f2")] == ["found", "found"]


def test_locating_one_image_finds_those_that_moved_with_it(tmp_path: Path) -> None:
    with new_project(tmp_path, "abc") as project:
        away = tmp_path / "away"
        away.mkdir()
        for name in "ab":
            (tmp_path / f"{name}.png").rename(away / f"{name}.png")
        assert [project.images.state(f"f{n}") for n in (1, 2, 3)] == ["missing", "missing", "found"]
        assert project.images.locate("f1", away / "a.png") == ("f1", "f2")
        assert [project.images.state(f"f{n}") for n in (1, 2, 3)] == ["found"] * 3
    with Project.open(project.folder) as again:
        assert again.images.path("f2") == away / "b.png"


def test_another_image_is_refused(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        (tmp_path / "a.png").unlink()
        larger = picture(tmp_path / "larger.png", 9, (40, 40))
        similar = picture(tmp_path / "similar.png", 9)
        with pytest.raises(BadInputError, match="has 40 x 40 pixels"):
            project.images.locate("f1", larger, changed=True)
        with pytest.raises(BadInputError, match="not the image that was corrected"):
            project.images.locate("f1", similar)
        assert project.images.state("f1") == "missing"
        project.images.locate("f1", similar, changed=True)
        assert project.images.path("f1") == similar
        assert project.images.state("f1") == "found"


def test_a_changed_image_is_noticed(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        Image.new("RGB", SHAPE[::-1]).save(tmp_path / "a.png")
        assert project.images.state("f1") == "changed"


def test_images_are_hashed_in_the_background(tmp_path: Path) -> None:
    project = new_project(tmp_path, "ab")
    project.images.hash_all(lambda: False)
    project.close()
    with Project.open(project.folder, hash_images=False) as again:
        for field, name in zip(again.fields, "ab", strict=True):
            digest = hashlib.sha256((tmp_path / f"{name}.png").read_bytes()).hexdigest()
            assert field.image.sha256 == digest


def test_hashing_stops_when_it_should(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (3 << 20))
    assert full_hash(file, lambda: True) is None
    assert full_hash(file, lambda: False) == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("place", [0, 150_000, 299_999])
def test_a_fingerprint_samples_begin_middle_and_end(tmp_path: Path, place: int) -> None:
    file = tmp_path / "image"
    data = bytearray(300_000)
    file.write_bytes(data)
    before = fingerprint_of(file)
    data[place] = 1
    file.write_bytes(data)
    assert fingerprint_of(file) != before


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


def test_a_failing_task_does_not_stop_the_next(tmp_path: Path) -> None:
    import threading

    done = threading.Event()

    def fails(_: object) -> None:
        raise OSError("no disk")

    keeper = Keeper()
    keeper.ask(fails)
    keeper.ask(lambda _: done.set())
    assert done.wait(60)
    keeper.stop()
    keeper.ask(fails)  # ignored
