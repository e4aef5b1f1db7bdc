from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.io import kept, terms
from napari_selfreg.io.added_models import (
    FILE_NAME,
    added_models,
    forget_model,
    remember_model,
)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "settings_folder", lambda: tmp_path / "settings")


def make(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(b"")
    return path


def test_models_stay_in_the_order_of_adding(tmp_path: Path) -> None:
    first, second = make(tmp_path, "b"), make(tmp_path, "a")
    for path in (first, second, first):
        remember_model(path)
    assert added_models() == [second, first]
    forget_model(second)
    assert added_models() == [first]
    assert second.exists()


def test_a_file_that_is_gone_is_not_offered_until_it_is_back(tmp_path: Path) -> None:
    path = make(tmp_path, "a")
    remember_model(path)
    path.unlink()
    assert added_models() == []
    make(tmp_path, "a")
    assert added_models() == [path]


@pytest.mark.parametrize("content", [{"a": 1}, [1, None, ""], "text"])
def test_a_damaged_list_is_as_good_as_none(content: object) -> None:
    kept.store(FILE_NAME, content)
    assert added_models() == []
