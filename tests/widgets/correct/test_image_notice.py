from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.widgets.correct.image_notice import CHANGED, MISSING, image_notice
from tests.io.project.steps import new_project, picture


def test_every_state_has_its_sentence(tmp_path: Path) -> None:
    with new_project(tmp_path, "abc") as project:
        picture(tmp_path / "b.png", 9)
        (tmp_path / "c.png").unlink()
        said = [image_notice(project, field) for field in ("f1", "f2", "f3")]
        assert said == ["", CHANGED.format("b"), MISSING.format("c")]


@pytest.mark.parametrize("field", [None, "f7"])
def test_without_a_field_there_is_nothing_to_say(tmp_path: Path, field: str | None) -> None:
    with new_project(tmp_path) as project:
        (tmp_path / "a.png").unlink()
        assert image_notice(project, field) == ""
        assert image_notice(None, "f1") == ""
