"""``project.json``: what may stand in it, and what is said when it cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.io.project.manifest import (
    FILE_NAME,
    ImageReference,
    Manifest,
    ProjectField,
    VersionRecord,
    is_project,
    manifest_file,
    read_manifest,
    write_manifest,
)

HASH = "0123456789abcdef" * 4
FIELD: dict[str, Any] = {
    "id": "f1",
    "stem": "Schnitt – ①",
    "image": {"path": "../a.png", "size": 7, "fingerprint": HASH},
    "image_shape": (100, 200),
    "shape": (24, 32),
    "offset": (-0.5, 3.25),
    "downsample": (4.0, 2.0),
    "um_per_px": (0.25, 0.5),
    "um_source": "file",
    "classes": ("gland",),
    "settings": {"threshold": 0.4, "min_area_um2": 30.0},
}
VERSION: dict[str, Any] = {
    "id": "0a1b",
    "title": "Ward 3",
    "model": "glands",
    "sha256": HASH,
    "created": datetime(2026, 1, 2, tzinfo=UTC),
    "facts": {"scores": [0.5, None, {"dice": 1}]},
}


def case(folder: Path, text: str | bytes) -> Path:
    project = folder / "case.selfreg"
    project.mkdir()
    (project / FILE_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())
    return project


def refused(project: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        read_manifest(project)
    return str(caught.value)


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    made = Manifest(
        name="Ward 3 – Größe", fields=(ProjectField(**FIELD),), versions=(VersionRecord(**VERSION),)
    )
    write_manifest(tmp_path, made)
    assert read_manifest(tmp_path) == made
    assert made.fields[0].settings == PostProcessing(threshold=0.4, min_area_um2=30.0)
    assert read_manifest(tmp_path / FILE_NAME) == made
    assert is_project(tmp_path)
    text = (tmp_path / FILE_NAME).read_text("utf-8")
    assert "Größe" in text
    assert text.endswith("}\n")


def test_a_field_knows_the_size_of_its_pixels() -> None:
    field = ProjectField(**FIELD)
    assert field.pixel_size == PixelSize(0.25, 0.5)
    assert field.label_size == PixelSize(1.0, 1.0)
    assert field.whole == Box(0, 0, 24, 32)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "F 1"},
        {"id": ".."},
        {"stem": ""},
        {"shape": (0, 3)},
        {"shape": (24, 2**31)},
        {"downsample": (0, 1)},
        {"um_per_px": (-0.5, 0.5)},
        {"um_per_px": (float("nan"), 0.5)},
        {"offset": (float("inf"), 0)},
        {"um_source": "guess"},
        {"classes": ()},
        {"owner": "somebody"},
        {"settings": {"threshold": float("nan")}},
        {"settings": {"separation": 2.0}},
        {"settings": {"colour": 1.0}},
    ],
)
def test_a_field_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProjectField(**{**FIELD, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../x"},
        {"title": ""},
        {"title": "x" * 201},
        {"sha256": HASH[:-1]},
        {"sha256": HASH.upper()},
        {"facts": {"dice": float("nan")}},
        {"facts": {"array": object()}},
    ],
)
def test_a_version_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VersionRecord(**{**VERSION, **changes})


def test_records_cannot_be_changed_in_place() -> None:
    reference = ImageReference(path="a", size=1, fingerprint=HASH)
    with pytest.raises(ValidationError, match="frozen"):
        reference.path = "b"


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", b"\xff\xfe\x00", "[" * 200_000])
def test_what_is_no_json_object_is_damaged_and_no_project(
    tmp_path: Path, text: str | bytes
) -> None:
    project = case(tmp_path, text)
    assert refused(project) == (
        "The project.json of case.selfreg is damaged: put back a copy of it."
    )
    assert not is_project(project)
    assert not is_project(project / FILE_NAME)


def test_the_first_reason_is_told(tmp_path: Path) -> None:
    made = Manifest(name="x").model_dump(mode="json")
    sentence = refused(case(tmp_path, json.dumps(made | {"name": ""})))
    assert sentence.startswith("The project.json of case.selfreg is damaged (name")
    assert sentence.endswith("): put back a copy of it.")


def test_a_newer_project_asks_for_a_newer_program(tmp_path: Path) -> None:
    made = {"kind": "napari-selfreg project", "schema_version": 2, "holograms": []}
    project = case(tmp_path, json.dumps(made))
    assert refused(project) == (
        "case.selfreg was made by a newer napari-selfreg: update the program to open it."
    )
    assert is_project(project)


def test_the_program_of_somebody_else_is_never_newer(tmp_path: Path) -> None:
    project = case(tmp_path, json.dumps({"name": "web-app", "schema_version": 9}))
    assert "is damaged" in refused(project)
    assert not is_project(project)


def test_a_folder_without_one_is_no_project(tmp_path: Path) -> None:
    sentence = f"{tmp_path.name} is no project: choose a folder that holds a project.json."
    assert refused(tmp_path) == sentence
    (tmp_path / "picture.png").touch()
    assert "is no project" in refused(tmp_path / "picture.png")
    assert not is_project(tmp_path / "picture.png")


def test_a_folder_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert "cannot be read" in refused(tmp_path)
    assert not is_project(tmp_path)


def test_the_file_is_found_from_the_folder_and_from_itself(tmp_path: Path) -> None:
    assert manifest_file(tmp_path) == tmp_path / FILE_NAME
    assert manifest_file(str(tmp_path / FILE_NAME)) == tmp_path / FILE_NAME


def test_a_write_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Manifest(name="old")
    write_manifest(tmp_path, made)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(WriteError, match="permission is missing"):
        write_manifest(tmp_path, Manifest(name="new"))
    assert read_manifest(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
