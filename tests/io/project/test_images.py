"""Images by reference: moved, changed, missing, located, hashed."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project import Project, images
from tests.io.project.steps import (
    HOUR,
    SHAPE,
    at_rest,
    large_picture,
    new_field,
    new_project,
    overwrite_middle,
    picture,
    touch,
)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def hashed(tmp_path: Path) -> Any:
    """A project of one large picture, hashed; nothing is hashed in its background any more."""
    image = large_picture(tmp_path / "a.png")
    Project.create(tmp_path / "case.selfreg", [new_field(image)]).close()
    with at_rest(Project.open(tmp_path / "case.selfreg", hash_images=False)) as project:
        project.images.hash_all(lambda: False)
        yield project


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed since."""
    names: list[str] = []
    whole = images.full_hash

    def noted(file: Path, stopped: Any) -> str | None:
        names.append(file.name)
        return whole(file, stopped)

    monkeypatch.setattr(images, "full_hash", noted)
    return names


def test_a_folder_that_moves_as_a_whole_finds_its_images(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    new_project(here, "ab").close()
    here.rename(there)
    with Project.open(there / "case.selfreg") as project:
        assert project.images.path("f2") == there / "b.png"
        assert [project.images.state(name) for name in ("f1", "f2")] == ["found", "found"]


def test_the_pixel_size_of_one_image_is_put_right(tmp_path: Path) -> None:
    with new_project(tmp_path, "ab") as project:
        before = project.field("f2").pixel_size
        project.images.set_pixel_size("f1", PixelSize(0.25, 0.5))
        project.snapshot()
    with Project.open(project.folder) as again:
        assert again.field("f1").pixel_size == PixelSize(0.25, 0.5)
        assert again.field("f1").um_source == "option"
        assert again.field("f2").pixel_size == before


def test_several_sizes_are_written_at_once_and_only_if_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_rest(new_project(tmp_path, "abc")) as project:
        written: list[object] = []
        change = project.change_manifest
        monkeypatch.setattr(
            project, "change_manifest", lambda **parts: written.append(parts) or change(**parts)
        )
        before = project.field("f3")
        sizes = {"f1": PixelSize(1, 1), "f2": PixelSize(2, 2), "f3": before.pixel_size}
        for _ in range(2):
            project.images.set_pixel_sizes(sizes)
        assert [field.pixel_size for field in project.fields] == list(sizes.values())
        assert project.field("f3") == before
        assert len(written) == 1


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
    with at_rest(new_project(tmp_path)) as project:
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
    with at_rest(new_project(tmp_path)) as project:

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


def test_other_content_of_the_same_size_is_noticed(hashed: Project) -> None:
    told: list[str] = []
    hashed.images.on_changed = told.append
    overwrite_middle(hashed.images.path("f1"))
    before = hashed.fields
    hashed.images.hash_all(lambda: False)
    assert hashed.images.state("f1") == "changed"
    assert told == ["f1"]
    assert hashed.fields == before  # it is what the original is known by


def test_it_is_noticed_again_after_reopening(hashed: Project) -> None:
    overwrite_middle(hashed.images.path("f1"))
    hashed.close()
    with Project.open(hashed.folder) as again:
        end = time.monotonic() + 20
        while again.images.state("f1") == "found" and time.monotonic() < end:
            time.sleep(0.01)
        assert again.images.state("f1") == "changed"


def test_the_original_put_back_is_found(hashed: Project) -> None:
    file = hashed.images.path("f1")
    original, moment = file.read_bytes(), file.stat().st_mtime_ns
    overwrite_middle(file)
    hashed.images.hash_all(lambda: False)
    file.write_bytes(original)
    touch(file, moment)
    hashed.images.hash_all(lambda: False)
    assert hashed.images.state("f1") == "found"


def test_only_files_that_were_touched_are_read_again(hashed: Project, read: list[str]) -> None:
    hashed.images.hash_all(lambda: False)
    assert read == []
    touch(hashed.images.path("f1"), time.time_ns() - HOUR // 2)
    hashed.images.hash_all(lambda: False)
    hashed.images.hash_all(lambda: False)
    assert read == ["a.png"]
    assert hashed.images.state("f1") == "found"


def test_a_file_written_a_moment_ago_is_read_once_more(hashed: Project, read: list[str]) -> None:
    """Clocks of disks are coarse: it may be written again without another time."""
    touch(hashed.images.path("f1"), time.time_ns())
    hashed.images.hash_all(lambda: False)
    hashed.images.hash_all(lambda: False)
    assert read == ["a.png", "a.png"]


def test_a_project_that_knows_no_times_reads_its_images_once(
    hashed: Project, read: list[str]
) -> None:
    hashed.close()
    file = hashed.folder / "project.json"
    content = json.loads(file.read_text())
    del content["fields"][0]["image"]["mtime_ns"]  # as the first programs wrote it
    file.write_text(json.dumps(content))
    for _ in range(2):
        with Project.open(hashed.folder, hash_images=False) as again:
            again.images.hash_all(lambda: False)
    assert read == ["a.png"]


def test_a_file_that_is_written_while_it_is_read_is_not_judged(
    hashed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = touch(hashed.images.path("f1"), time.time_ns() - HOUR // 3)
    before = hashed.fields

    def torn(path: Path, _: object) -> str:
        touch(path, time.time_ns())
        return "0" * 64

    monkeypatch.setattr(images, "full_hash", torn)
    hashed.images.hash_all(lambda: False)
    assert hashed.images.path("f1") == file
    assert hashed.images.state("f1") == "found"
    assert hashed.fields == before


def test_a_located_image_is_compared_as_a_whole(hashed: Project, tmp_path: Path) -> None:
    known = hashed.fields[0].image.sha256
    twin = tmp_path / "twin.png"
    twin.write_bytes(hashed.images.path("f1").read_bytes())
    overwrite_middle(twin)
    touch(twin, hashed.images.path("f1").stat().st_mtime_ns)
    hashed.images.path("f1").unlink()
    hashed.images.locate("f1", twin)
    assert hashed.fields[0].image.sha256 == known
    hashed.images.hash_all(lambda: False)
    assert hashed.images.state("f1") == "changed"


def test_so_are_those_that_moved_along(tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    news = [new_field(large_picture(tmp_path / f"{name}.png")) for name in "ab"]
    with at_rest(Project.create(tmp_path / "case.selfreg", news)) as project:
        project.images.hash_all(lambda: False)
        for name in "ab":
            (tmp_path / f"{name}.png").rename(away / f"{name}.png")
        overwrite_middle(away / "b.png")
        assert project.images.locate("f1", away / "a.png") == ("f1", "f2")
        project.images.hash_all(lambda: False)
        assert [project.images.state(name) for name in ("f1", "f2")] == ["found", "changed"]


def test_locating_compares_without_being_asked(tmp_path: Path) -> None:
    image = large_picture(tmp_path / "a.png")
    with Project.create(tmp_path / "case.selfreg", [new_field(image)]) as project:
        project.images.hash_all(lambda: False)
        moved = overwrite_middle(image.rename(tmp_path / "moved.png"))
        project.images.locate("f1", moved)
        end = time.monotonic() + 20
        while project.images.state("f1") == "found" and time.monotonic() < end:
            time.sleep(0.01)
        assert project.images.state("f1") == "changed"


def test_an_image_known_to_be_another_is_taken_only_if_it_may_differ(hashed: Project) -> None:
    file = overwrite_middle(hashed.images.path("f1"))
    hashed.images.hash_all(lambda: False)
    with pytest.raises(BadInputError, match="say that it may differ"):
        hashed.images.locate("f1", file)
    assert hashed.images.state("f1") == "changed"
    hashed.images.locate("f1", file, changed=True)
    assert hashed.images.state("f1") == "found"
    hashed.images.hash_all(lambda: False)
    assert hashed.images.state("f1") == "found"
    assert hashed.fields[0].image.sha256 == digest(file)


def test_a_reader_compares_and_writes_nothing(hashed: Project) -> None:
    touch(hashed.images.path("f1"), time.time_ns() - HOUR // 3)
    before = (hashed.folder / "project.json").read_bytes()
    with Project.open(hashed.folder, hash_images=False) as reader:
        assert reader.read_only
        reader.images.hash_all(lambda: False)
        assert reader.images.state("f1") == "found"
        overwrite_middle(hashed.images.path("f1"))
        reader.images.hash_all(lambda: False)
        assert reader.images.state("f1") == "changed"
    assert (hashed.folder / "project.json").read_bytes() == before


def test_hashing_that_is_stopped_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Project, "check_images", lambda self: None)  # not in the background, too
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
