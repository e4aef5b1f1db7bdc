from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io import kept, terms


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    target = tmp_path / "settings"
    monkeypatch.setattr(terms, "settings_folder", lambda: target)
    return target


def test_what_is_stored_is_loaded(folder: Path) -> None:
    assert kept.load("a.json") is None
    kept.store("a.json", {"x": [1, 2]})
    assert kept.load("a.json") == {"x": [1, 2]}
    (folder / "a.json").write_text("{broken")
    assert kept.load("a.json") is None


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file in its place")
    kept.store("a.json", 1)
    assert kept.load("a.json") is None
