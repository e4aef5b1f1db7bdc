from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io import terms


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    target = tmp_path / "settings" / "napari-selfreg"
    monkeypatch.setattr(terms, "settings_folder", lambda: target)
    monkeypatch.setattr(terms, "_shown_here", set())
    return target


def test_a_notice_is_needed_once_for_each_model(folder: Path) -> None:
    assert terms.needs_notice("glands-glas")
    terms.remember("glands-glas")
    assert not terms.needs_notice("glands-glas")
    assert terms.needs_notice("nuclei-monuseg")
    assert terms.needs_notice("glands")


def test_it_is_remembered_by_the_next_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms.remember("glands-glas")
    monkeypatch.setattr(terms, "_shown_here", set())
    assert not terms.needs_notice("glands-glas")
    terms.remember("nuclei-monuseg")
    terms.remember("nuclei-monuseg")
    assert (folder / terms.FILE_NAME).read_text().split() == ["glands-glas", "nuclei-monuseg"]


def test_a_folder_that_cannot_be_written_is_tolerated(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    terms.remember("glands-glas")
    assert not terms.needs_notice("glands-glas")
    assert folder.read_text() == "a file where the folder should be"


def test_a_damaged_file_is_tolerated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    (folder / terms.FILE_NAME).write_bytes(b"\xff\xfe\x00glands\nglands-glas\n")
    assert terms.needs_notice("glands")
    assert not terms.needs_notice("glands-glas")
