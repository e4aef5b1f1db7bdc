from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import remembered
from napari_selfreg.io.remembered import (
    FILE_NAME,
    remember_pixel_size,
    remember_voxel_size,
    remembered_pixel_size,
    remembered_voxel_size,
)

SIZE = PixelSize(0.5, 0.25)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "settings"
    monkeypatch.setattr(remembered, "settings_folder", lambda: folder)
    monkeypatch.setattr(remembered, "_here", {})
    return folder


def forget_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_here", {})


def test_it_counts_for_the_whole_folder_and_no_other(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    remember_pixel_size(first / "a.png", SIZE)
    assert remembered_pixel_size(first / "b.png") == SIZE
    assert remembered_pixel_size(first) == SIZE
    assert remembered_pixel_size(other / "a.png") is None


def test_it_is_kept_between_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_pixel_size(tmp_path / "a.png", PixelSize.isotropic(2))
    remember_pixel_size(tmp_path / "a.png", SIZE)
    forget_session(monkeypatch)
    assert remembered_pixel_size(tmp_path / "b.png") == SIZE


def test_the_file_names_no_folder(tmp_path: Path, settings: Path) -> None:
    remember_pixel_size(tmp_path / "Mrs. Miller" / "a.png", SIZE)
    text = (settings / FILE_NAME).read_text("utf-8")
    assert "Miller" not in text
    assert tmp_path.name not in text


def test_only_the_newest_are_kept(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_MOST_FOLDERS", 2)
    for name in "abc":
        remember_pixel_size(tmp_path / name / "x.png", SIZE)
    assert len(json.loads((settings / FILE_NAME).read_text("utf-8"))) == 2
    forget_session(monkeypatch)
    assert remembered_pixel_size(tmp_path / "a" / "x.png") is None
    assert remembered_pixel_size(tmp_path / "c" / "x.png") == SIZE


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"x": 1}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, settings: Path, text: str) -> None:
    settings.mkdir()
    (settings / FILE_NAME).write_text(text, "utf-8")
    assert remembered_pixel_size(tmp_path / "a.png") is None
    remember_pixel_size(tmp_path / "a.png", SIZE)
    assert remembered_pixel_size(tmp_path / "a.png") == SIZE


@pytest.mark.parametrize("value", [[0, 1], [1], "x", [1, None], [-1, 1]])
def test_an_absurd_entry_is_as_good_as_none(tmp_path: Path, settings: Path, value: object) -> None:
    remember_pixel_size(tmp_path / "a.png", SIZE)
    remembered._here.clear()
    stored = json.loads((settings / FILE_NAME).read_text("utf-8"))
    (settings / FILE_NAME).write_text(json.dumps(dict.fromkeys(stored, value)), "utf-8")
    assert remembered_pixel_size(tmp_path / "a.png") is None


def test_settings_that_cannot_be_written_last_for_the_session(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text("in the way", "utf-8")
    remember_pixel_size(tmp_path / "a.png", SIZE)
    assert remembered_pixel_size(tmp_path / "a.png") == SIZE
    forget_session(monkeypatch)
    assert remembered_pixel_size(tmp_path / "a.png") is None


def test_voxels_are_remembered_apart_from_pixels(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_pixel_size(tmp_path, PixelSize(0.5, 0.25))
    assert remembered_voxel_size(tmp_path / "a.nii") is None
    remember_voxel_size(tmp_path / "a.nii", (3.0, 1.0, 0.5))
    assert remembered_voxel_size(tmp_path / "b.nii") == (3.0, 1.0, 0.5)
    assert remembered_pixel_size(tmp_path / "b.nii") == PixelSize(0.5, 0.25)
    forget_session(monkeypatch)
    assert remembered_voxel_size(tmp_path) == (3.0, 1.0, 0.5)
    text = (settings / FILE_NAME).read_text("utf-8")
    for absurd in ("[3.0, 1.0]", "[3.0, 1.0, -1]", '"abc"', "7"):
        (settings / FILE_NAME).write_text(text.replace("[3.0, 1.0, 0.5]", absurd), "utf-8")
        assert remembered_voxel_size(tmp_path) is None
