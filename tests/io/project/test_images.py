"""Images by reference: moved, changed, missing, located, hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.io.project import Project, images
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


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_known_hash_moves_with_its_image(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        project.images.hash_all(lambda: False)
        before = [field.image.sha256 for field in project.fields]
        assert None not in before
        away = tmp_path / "away"
        away.mkdir()
        for name in "ab":
            (tmp_path / f"{name}.png").rename(away / f"{name}.png")
        project.images.locate("f2", away / "b.png")
        assert [field.image.sha256 for field in project.fields] == before
        assert [field.image.path for field in project.fields] == [
            "../away/a.png",
            "../away/b.png",
        ]


def test_another_image_has_no_hash_yet(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.images.hash_all(lambda: False)
        other = picture(tmp_path / "other.png", 9)
        project.images.locate("f1", other, changed=True)
        assert project.fields[0].image.sha256 is None
        project.images.hash_all(lambda: False)
        assert project.fields[0].image.sha256 == digest(other)


def test_an_image_located_while_the_old_one_is_hashed_stays_located(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing a slide takes minutes: nobody waits for it before they choose another file."""
    other = picture(tmp_path / "other.png", 9)
    with new_project(tmp_path) as project:

        def slow(file: Path, _: object) -> str:
            project.images.locate("f1", other, changed=True)
            return digest(file)

        monkeypatch.setattr(images, "full_hash", slow)
        project.images.hash_all(lambda: False)
        assert project.images.path("f1") == other
        assert project.fields[0].image.sha256 is None


@pytest.mark.parametrize("state", ["missing", "changed"])
def test_only_the_image_that_was_corrected_is_hashed(tmp_path: Path, state: str) -> None:
    with new_project(tmp_path, "ab") as project:
        (tmp_path / "a.png").unlink()
        if state == "changed":
            picture(tmp_path / "a.png", 5)
        assert project.images.state("f1") == state
        project.images.hash_all(lambda: False)
        one, two = (field.image.sha256 for field in project.fields)
        assert one is None
        assert two == digest(tmp_path / "b.png")


def test_hashing_that_is_stopped_writes_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        project.images.hash_all(lambda: True)
        assert {field.image.sha256 for field in project.fields} == {None}


def test_images_beside_it_are_taken_only_if_they_are_the_same(tmp_path: Path) -> None:
    with new_project(tmp_path, "abcd") as project:
        away = tmp_path / "away"
        (away / "c.png").mkdir(parents=True)  # a folder of that name
        for name in "abc":
            (tmp_path / f"{name}.png").rename(away / f"{name}.png" if name == "a" else away / name)
        picture(away / "b.png", 77)
        picture(away / "d.png", 3)  # d is where it was
        assert project.images.locate("f1", away / "a.png") == ("f1",)
        assert [project.images.state(f"f{n}") for n in (2, 3, 4)] == ["missing", "missing", "found"]
        assert project.images.path("f4") == tmp_path / "d.png"


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.png"
    text.write_text("no image")
    with new_project(tmp_path) as project:
        project.images.hash_all(lambda: False)  # else that comes in between
        before = project.fields
        with pytest.raises(BadInputError, match=r"notes\.png"):
            project.images.locate("f1", text, changed=True)
        with pytest.raises(BadInputError) as caught:
            project.images.locate("f1", tmp_path / "gone.png")
        assert str(caught.value) == "gone.png cannot be read (No such file or directory)."
        assert project.fields == before


def test_the_sentences_tell_both_sizes(tmp_path: Path) -> None:
    wide = picture(tmp_path / "wide.png", 9, (10, 50))
    with new_project(tmp_path) as project:
        with pytest.raises(BadInputError) as caught:
            project.images.locate("f1", wide)
        assert str(caught.value) == (
            "wide.png has 50 x 10 pixels, the image of a had 32 x 24: choose that one."
        )


def test_a_reader_locates_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, Project.open(project.folder) as reader:
        with pytest.raises(WriteError, match="another window"):
            reader.images.locate("f1", tmp_path / "a.png")
        assert reader.images.state("f1") == "found"
