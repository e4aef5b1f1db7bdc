"""What a person names comes onto the stage, in the order she goes there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_opener import FieldOpener
from tests.widgets.open_steps import write_fields
from tests.widgets.waits import LONG


class Stage:
    """Notes what is shown."""

    def __init__(self) -> None:
        self.field: Field | None = None
        self.image: Any = None
        self.shown: list[str] = []
        self.kept: set[str] = set()

    def has(self, field: Field) -> bool:
        return field.stem in self.kept

    def show(self, field: Field, opened: Any = None) -> Any:
        self.field, self.image = field, SimpleNamespace(metadata={})
        self.shown.append(field.stem)
        return self.image

    def clear(self) -> None:
        self.field = self.image = None
        self.shown.append("")

    def fit_again(self) -> None:
        """Nothing to fit."""


@pytest.fixture
def opening(qtbot) -> Any:
    owner = QWidget()
    qtbot.addWidget(owner)
    fields, stage = FieldList(), Stage()
    opener = FieldOpener(fields, stage, owner)
    told: list[str] = []
    opener.told.connect(told.append)
    return SimpleNamespace(opener=opener, fields=fields, stage=stage, told=told, owner=owner)


def rest(opening: Any, qtbot: Any) -> None:
    def still() -> bool:
        return not (opening.opener.busy or opening.opener.looker.running)

    qtbot.waitUntil(still, timeout=LONG)


def stems(opening: Any) -> list[str]:
    return [field.stem for field in opening.fields]


def test_a_folder_is_listed_and_its_first_image_shown(opening: Any, tmp_path: Path, qtbot) -> None:
    opening.opener.open_paths([write_fields(tmp_path / "in")])
    assert opening.told == ["Looking for images…"]
    rest(opening, qtbot)
    assert stems(opening) == ["a", "b", "c"]
    assert opening.stage.shown == ["a"]
    assert [field.facts.shape for field in opening.fields] == [(40, 60), (40, 61), (40, 62)]
    assert opening.told[-1] == ""


def test_what_is_named_meanwhile_waits_and_comes(opening: Any, tmp_path: Path, qtbot) -> None:
    for name in ("one", "two"):
        opening.opener.open_paths([write_fields(tmp_path / name, name[0])])
    assert opening.opener.busy
    qtbot.waitUntil(lambda: stems(opening) == ["o", "t"], timeout=LONG)
    rest(opening, qtbot)
    assert opening.stage.field.stem == "t"


def test_only_the_last_of_quick_steps_is_shown(opening: Any, tmp_path: Path, qtbot) -> None:
    folder = write_fields(tmp_path / "in")
    fields = opening.fields.add(sorted(folder.iterdir()))
    for field in fields:
        opening.fields.set_current(field)
    qtbot.waitUntil(lambda: opening.stage.field is fields[2], timeout=LONG)
    rest(opening, qtbot)
    assert opening.stage.shown == ["c"]


def test_what_lies_ready_is_not_opened_again(opening: Any, tmp_path: Path) -> None:
    opening.stage.kept = {"b"}
    _, second = opening.fields.add([tmp_path / "a.png", tmp_path / "b.png"])  # no such files
    shown: list[Any] = []
    opening.opener.shown.connect(shown.append)
    opening.fields.set_current(second)
    assert shown == [second]
    assert opening.stage.shown == ["b"]
    assert not opening.opener.opener.running


def test_a_file_that_cannot_be_opened_is_told_and_the_stage_is_empty(
    opening: Any, tmp_path: Path, qtbot
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    (field,) = opening.fields.add([bad])
    opening.fields.set_current(field)
    qtbot.waitUntil(lambda: bool(field.problem), timeout=LONG)
    rest(opening, qtbot)
    assert "bad.png" in field.problem
    assert opening.stage.image is None
    assert opening.stage.shown[-1] == ""


def test_a_folder_without_images_is_told_and_the_next_one_comes(
    opening: Any, tmp_path: Path, qtbot
) -> None:
    (tmp_path / "empty").mkdir()
    opening.opener.open_paths([tmp_path / "empty"])
    opening.opener.open_paths([write_fields(tmp_path / "in", "z")])
    qtbot.waitUntil(lambda: stems(opening) == ["z"], timeout=LONG)
    rest(opening, qtbot)
    assert any("empty" in text for text in opening.told)


def test_the_last_field_leaves_an_empty_stage(opening: Any, tmp_path: Path, qtbot) -> None:
    opening.opener.open_paths([write_fields(tmp_path / "in", "a")])
    qtbot.waitUntil(lambda: opening.stage.field is not None, timeout=LONG)
    rest(opening, qtbot)
    opening.fields.remove(list(opening.fields))
    assert opening.stage.image is None


def test_an_image_that_was_removed_is_shown_again(opening: Any, tmp_path: Path, qtbot) -> None:
    opening.opener.open_paths([write_fields(tmp_path / "in", "a")])
    qtbot.waitUntil(lambda: opening.stage.field is not None, timeout=LONG)
    rest(opening, qtbot)
    opening.opener.show_again()
    assert opening.stage.shown == ["a"]
    opening.stage.image = opening.stage.field = None
    opening.opener.show_again()
    qtbot.waitUntil(lambda: opening.stage.shown == ["a", "a"], timeout=LONG)
