"""The log of a run: rows, late columns, and what a resumed run drops."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.training_log import TrainingLog


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_scores_stand_in_the_row_of_their_step(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv", 0)
    log.add(1, {"total": 1.5})
    log.add(2, {"total": 1.25, "scr": 0.5})
    log.validated(2, 0.75)
    assert _rows(tmp_path / "log.csv") == [
        {"step": "1", "total": "1.5", "scr": "", "validation_dice": ""},
        {"step": "2", "total": "1.25", "scr": "0.5", "validation_dice": "0.75"},
    ]


def test_a_resumed_run_drops_rows_it_will_write_again(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv", 0)
    for step in (1, 2, 3):
        log.add(step, {"total": float(step)})
    log.flush()
    resumed = TrainingLog(tmp_path / "log.csv", 2)
    resumed.add(3, {"total": 9.0})
    resumed.flush()
    assert [row["total"] for row in _rows(tmp_path / "log.csv")] == ["1.0", "2.0", "9.0"]


def test_a_new_run_forgets_the_old_log(tmp_path: Path) -> None:
    old = TrainingLog(tmp_path / "log.csv", 0)
    old.add(1, {"total": 1.0})
    old.flush()
    TrainingLog(tmp_path / "log.csv", 0).flush()
    assert _rows(tmp_path / "log.csv") == []


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"\xef\xbb\xbfstep;total\r\n1;0,5\r\n", b"step,a\n1,0,5\n"]
)
def test_a_log_that_was_changed_is_said_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"log\.csv is no longer as.*--resume"):
        TrainingLog(path, 2)
    assert path.read_bytes() == content
