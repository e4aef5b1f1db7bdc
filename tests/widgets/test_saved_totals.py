"""What was saved earlier is counted, read once, and read again when it is written again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets.saved_totals import SavedTotals
from tests.io.test_outputs import objects, table
from tests.io.test_saved_results import save
from tests.widgets.waits import LONG


@dataclass
class Saved:
    path: Path


@pytest.fixture
def totals(qtbot) -> SavedTotals:
    owner = QWidget()
    qtbot.addWidget(owner)
    return SavedTotals(owner)


def count() -> int:
    return len(table(objects())["area_um2"])


def test_saved_fields_are_read_once_and_counted(totals, qtbot, tmp_path: Path) -> None:
    fields = [Saved(tmp_path / "a.png"), Saved(tmp_path / "b.png"), Saved(tmp_path / "new.png")]
    for each in fields[:2]:
        save(each.path)
    with qtbot.waitSignal(totals.changed, timeout=LONG):
        assert totals.of(fields, None) == []
    assert [found.objects for found in totals.of(fields, None)] == [count(), count()]
    assert not totals.busy


def test_what_is_written_again_is_read_again(totals, qtbot, tmp_path: Path) -> None:
    field, folder = Saved(tmp_path / "a.png"), tmp_path / "all"
    save(field.path, folder=folder)
    with qtbot.waitSignal(totals.changed, timeout=LONG):
        totals.of([field], folder)
    rows = folder / "a_measurements.csv"
    lines = rows.read_text("utf-8").splitlines(keepends=True)
    rows.write_text("".join(lines[:-1]), "utf-8")
    os.utime(rows, ns=(1, 1))
    with qtbot.waitSignal(totals.changed, timeout=LONG):
        totals.of([field], folder)
    assert [found.objects for found in totals.of([field], folder)] == [count() - 1]


def test_files_that_are_none_of_ours_count_as_none(totals, qtbot, tmp_path: Path) -> None:
    field = Saved(tmp_path / "a.png")
    folder = save(field.path)
    (folder / "a_objects.tif").write_bytes(b"no TIFF")
    with qtbot.waitSignal(totals.changed, timeout=LONG):
        totals.of([field], None)
    assert totals.of([field], None) == []
    assert not totals.busy
