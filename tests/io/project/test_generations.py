"""Which snapshot is the present one, and which folders nobody needs any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import FieldFacts, ObjectState
from napari_selfreg.io.project import generations as module
from napari_selfreg.io.project.generations import (
    GENERATIONS,
    JOURNAL,
    POINTER,
    STATE,
    Generation,
    generation_folder,
    journal_file,
    next_number,
    numbers_in,
    point_to,
    present_generation,
    read_state,
    remove_unused,
    write_state,
)


def write(project: Path, number: int, **state: object) -> Generation:
    made = Generation(sequence=number, **state)
    generation_folder(project, number).mkdir(parents=True)
    write_state(project, number, made)
    return made


def journals(project: Path, *numbers: int) -> None:
    (project / JOURNAL).mkdir()
    for number in numbers:
        journal_file(project, number).touch()


def test_a_state_comes_back(tmp_path: Path) -> None:
    facts = {"f1": FieldFacts(objects={3: ObjectState(accepted=True)}, note="n", state="done")}
    made = write(tmp_path, 7, facts=facts, labels={"f1": 2}, active="v", bookmarks={"b": 1})
    assert read_state(tmp_path, 7) == made
    assert (tmp_path / GENERATIONS / "000007" / STATE).is_file()


def test_the_pointer_decides(tmp_path: Path) -> None:
    states = {number: write(tmp_path, number) for number in (1, 2, 3)}
    point_to(tmp_path, 2)
    assert present_generation(tmp_path) == (2, states[2], True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"generation": "x"}',
        '{"generation": Infinity}',
        '{"number": 1}',
        "\xff",
    ],
)
def test_without_a_pointer_the_newest_complete_one_counts(tmp_path: Path, text: str) -> None:
    states = {number: write(tmp_path, number) for number in (1, 10, 9)}
    generation_folder(tmp_path, 11).mkdir()  # never completed
    (tmp_path / POINTER).write_bytes(text.encode("latin-1"))
    assert present_generation(tmp_path) == (10, states[10], True)
    (tmp_path / POINTER).unlink()
    assert present_generation(tmp_path) == (10, states[10], True)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"sequence": -1}', b"\xff\xfe", b"[]"])
def test_a_damaged_state_is_passed_over_and_told(tmp_path: Path, damage: bytes) -> None:
    older = write(tmp_path, 1)
    write(tmp_path, 2)
    (generation_folder(tmp_path, 2) / STATE).write_bytes(damage)
    assert present_generation(tmp_path) == (1, older, False)  # without a pointer
    point_to(tmp_path, 2)
    assert present_generation(tmp_path) == (1, older, False)


def test_a_pointer_to_what_is_gone_is_told(tmp_path: Path) -> None:
    older = write(tmp_path, 1)
    point_to(tmp_path, 5)
    assert present_generation(tmp_path) == (1, older, False)


def test_a_project_without_any_snapshot_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "case.selfreg"
    folder.mkdir()
    with pytest.raises(BadInputError) as caught:
        present_generation(folder)
    assert str(caught.value) == (
        "The corrections in case.selfreg cannot be read: put back a copy of the project."
    )


def test_only_numbers_count_and_none_is_used_twice(tmp_path: Path) -> None:
    assert next_number(tmp_path) == 1
    write(tmp_path, 12)
    journals(tmp_path, 3, 14)
    for name in ("notes.txt", "²", ".DS_Store", "x3", "-4"):
        (tmp_path / GENERATIONS / name).touch()
    assert numbers_in(tmp_path / GENERATIONS) == [12]
    assert numbers_in(tmp_path / JOURNAL) == [3, 14]
    assert next_number(tmp_path) == 15
    assert numbers_in(tmp_path / "absent") == []


def test_what_nothing_refers_to_is_removed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    write(tmp_path, 2)
    write(tmp_path, 3, labels={"f1": 2})  # a bookmark that needs the labels of 2
    write(tmp_path, 4)
    write(tmp_path, 5)
    present = write(tmp_path, 6, labels={"f1": 5, "f2": 6}, bookmarks={"b": 3})
    journals(tmp_path, 4, 5, 6, 7)
    remove_unused(tmp_path, 6, present)
    assert numbers_in(tmp_path / GENERATIONS) == [2, 3, 5, 6]
    assert numbers_in(tmp_path / JOURNAL) == [6, 7]


@pytest.mark.parametrize("damage", [None, b"{"])
def test_beside_a_damaged_bookmark_nothing_is_removed(tmp_path: Path, damage: bytes | None) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number)
    present = write(tmp_path, 4, bookmarks={"b": 3})
    state = generation_folder(tmp_path, 3) / STATE
    state.unlink() if damage is None else state.write_bytes(damage)
    remove_unused(tmp_path, 4, present)
    assert numbers_in(tmp_path / GENERATIONS) == [1, 2, 3, 4]


def test_a_journal_that_cannot_be_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = write(tmp_path, 2)
    journals(tmp_path, 1, 2)

    def refuse(*_: object) -> None:
        raise PermissionError("in use")

    monkeypatch.setattr(module.Path, "unlink", refuse)
    remove_unused(tmp_path, 2, present)
    assert numbers_in(tmp_path / JOURNAL) == [1, 2]
