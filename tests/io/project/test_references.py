"""References to images: paths from the project, fingerprints, full hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import references
from napari_selfreg.io.project.references import (
    fingerprint_of,
    full_hash,
    place_of,
    reference_to,
    relative_to,
    state_of,
)


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


def test_small_files_are_sampled_whole(tmp_path: Path) -> None:
    file = tmp_path / "image"
    prints = set()
    for content in (b"", b"a", b"b", b"ab", b"aa"):
        file.write_bytes(content)
        prints.add(fingerprint_of(file))
    assert len(prints) == 5


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"y" * ((1 << 20) + 1)])
def test_a_full_hash_is_that_of_all_bytes(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "image"
    file.write_bytes(content)
    assert full_hash(file, lambda: False) == hashlib.sha256(content).hexdigest()


def test_hashing_may_stop_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"x" * (3 << 20))
    answers = iter([False, True, False])
    assert full_hash(file, lambda: next(answers)) is None
    assert next(answers) is False  # it did not ask again


names = st.lists(
    st.text("abc –.äß ", min_size=1, max_size=8).filter(lambda text: text.strip(". ")),
    min_size=1,
    max_size=4,
)


@given(names, names)
def test_a_path_from_a_folder_leads_back_to_the_file(image: list[str], project: list[str]) -> None:
    root = Path(Path.cwd().anchor)
    file, folder = root.joinpath(*image), root.joinpath(*project)
    path = relative_to(file, folder)
    assert "\\" not in path
    assert not Path(path).is_absolute()
    reference = references.ImageReference(path=path, size=0, fingerprint="0" * 64)
    assert place_of(reference, folder) == file


def test_a_file_on_another_drive_keeps_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(references.os.path, "relpath", other_drive)
    file = tmp_path / "a.png"
    file.touch()
    reference = reference_to(file, tmp_path / "p")
    assert reference.path == file.as_posix()
    monkeypatch.undo()
    assert place_of(reference, tmp_path / "elsewhere") == file
    assert state_of(reference, tmp_path / "elsewhere") == "found"


def test_states_of_a_file(tmp_path: Path) -> None:
    file, project = tmp_path / "a.png", tmp_path / "p"
    file.write_bytes(b"image")
    reference = reference_to(file, project)
    assert (reference.size, reference.sha256) == (5, None)
    assert state_of(reference, project) == "found"
    for other in (b"IMAGE", b"images"):  # of the same size, and not
        file.write_bytes(other)
        assert state_of(reference, project) == "changed"
    file.unlink()
    assert state_of(reference, project) == "missing"
    assert state_of(reference, tmp_path / "p" / "deeper") == "missing"


def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        reference_to(tmp_path / "a.png", tmp_path)
    assert str(caught.value) == "a.png cannot be read (No such file or directory)."
    with pytest.raises(BadInputError, match=r"cannot be read \("):
        reference_to(tmp_path, tmp_path)
