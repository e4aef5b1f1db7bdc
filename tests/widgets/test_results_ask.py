"""Questions lead to paths that can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_selfreg.widgets import results_ask


def reply(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, value: Any) -> list[tuple]:
    asked: list[tuple] = []
    monkeypatch.setattr(owner, name, lambda *args: asked.append(args) or value)
    return asked


def test_folder_and_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reply(monkeypatch, QFileDialog, "getExistingDirectory", str(tmp_path))
    assert results_ask.ask_folder(None, tmp_path) == tmp_path
    reply(monkeypatch, QFileDialog, "getExistingDirectory", "")
    assert results_ask.ask_folder(None, tmp_path) is None
    asked = reply(monkeypatch, QFileDialog, "getOpenFileName", (str(tmp_path / "a.png"), ""))
    assert results_ask.ask_labels(None, tmp_path) == tmp_path / "a.png"
    assert "*.geojson" in asked[0][3]
    reply(monkeypatch, QFileDialog, "getOpenFileName", ("", ""))
    assert results_ask.ask_labels(None, tmp_path) is None


@pytest.mark.parametrize(
    ("chosen", "kind", "name"),
    [
        ("a.png", "PNG", "a.png"),
        ("a", "PNG, 300 dpi", "a.png"),
        ("a", "SVG, lines", "a.svg"),
        ("a.SVG", "PNG", "a.SVG"),
        ("case 1.2", "SVG", "case 1.2.svg"),
    ],
)
def test_pictures_have_a_suffix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str, kind: str, name: str
) -> None:
    reply(monkeypatch, QFileDialog, "getSaveFileName", (str(tmp_path / chosen), kind))
    assert results_ask.ask_picture(None, tmp_path) == tmp_path / name


def test_a_picture_is_not_replaced_because_of_a_missing_suffix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.png").touch()
    reply(monkeypatch, QFileDialog, "getSaveFileName", (str(tmp_path / "a"), "PNG, 300 dpi"))
    asked = reply(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Cancel)
    assert results_ask.ask_picture(None, tmp_path) is None
    assert "a.png will be replaced." in asked[0]
    reply(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Save)
    assert results_ask.ask_picture(None, tmp_path) == tmp_path / "a.png"


def test_replacing_is_asked_for_only_where_something_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = reply(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Cancel)
    assert results_ask.ask_to_replace(None, tmp_path, "f", False)
    (tmp_path / "f_objects.geojson").touch()
    assert results_ask.ask_to_replace(None, tmp_path, "f", True)
    assert not asked
    assert not results_ask.ask_to_replace(None, tmp_path, "f", False)
    assert "f_objects.geojson" in asked[0][2]
    reply(monkeypatch, QMessageBox, "question", QMessageBox.StandardButton.Save)
    assert results_ask.ask_to_replace(None, tmp_path, "f", False)
