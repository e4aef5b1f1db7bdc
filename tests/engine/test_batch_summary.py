"""Rows wait while another program holds the summary."""

from __future__ import annotations

import csv
import errno
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.engine import batch_summary
from napari_selfreg.engine.batch_summary import Summaries
from napari_selfreg.io.atomic import write_error
from napari_selfreg.io.summary import problem_row, update_summary


def held(path: Path) -> WriteError:
    return write_error(path, PermissionError(errno.EACCES, "in use"))


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[WriteError]:
    """Errors with which the next writings fail, one after the other."""
    errors: list[WriteError] = []

    def update(folder: Path, rows: Any) -> str:
        if errors:
            raise errors.pop(0)
        return update_summary(folder, rows)

    monkeypatch.setattr(batch_summary, "update_summary", update)
    return errors


def images(folder: Path) -> list[str]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as stream:
        return [row["image"] for row in csv.DictReader(stream)]


def test_a_held_summary_is_told_once_and_tried_again(
    tmp_path: Path, refusing: list[WriteError]
) -> None:
    summaries = Summaries()
    refusing += [held(tmp_path / "summary.csv")] * 2
    (notice,) = summaries.add(tmp_path, problem_row("a", "bad"))
    assert "close programs that use the file" in notice.message
    assert summaries.add(tmp_path, problem_row("b", "bad")) == []
    assert summaries.notes == (notice.message,)
    assert summaries.add(tmp_path, problem_row("c", "bad")) == []
    assert images(tmp_path) == ["a", "b", "c"]
    assert summaries.notes == ()


def test_one_held_folder_does_not_keep_another(tmp_path: Path, refusing: list[WriteError]) -> None:
    summaries = Summaries()
    refusing += [held(tmp_path / "one" / "summary.csv")]
    summaries.add(tmp_path / "one", problem_row("a", "bad"))
    summaries.add(tmp_path / "two", problem_row("b", "bad"))
    assert (images(tmp_path / "one"), images(tmp_path / "two")) == (["a"], ["b"])


def test_what_waits_is_written_at_the_end(tmp_path: Path, refusing: list[WriteError]) -> None:
    summaries = Summaries()
    refusing += [held(tmp_path / "summary.csv")]
    summaries.add(tmp_path, problem_row("a", "bad"))
    summaries.close()
    assert images(tmp_path) == ["a"]
    refusing += [held(tmp_path / "summary.csv")] * 2
    summaries.add(tmp_path, problem_row("b", "bad"))
    summaries.close()
    assert images(tmp_path) == ["a"]


def test_a_full_disk_is_no_case_for_waiting(tmp_path: Path, refusing: list[WriteError]) -> None:
    refusing += [write_error(tmp_path / "summary.csv", OSError(errno.ENOSPC, "No space left"))]
    with pytest.raises(WriteError, match="disk is full"):
        Summaries().add(tmp_path, problem_row("a", "bad"))
