from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.totals import find_places, totals_in
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.outputs import Origin
from napari_selfreg.io.summary import COLUMNS, FILE_NAME, problem_row, summary_row, update_summary

SIZE = PixelSize(2.0, 5.0)


def row(stem: str = "field 1", labels: np.ndarray | None = None) -> dict[str, object]:
    if labels is None:
        labels = np.zeros((10, 20), np.int32)
        labels[2:4, 3:6] = 1
        labels[7, 7:9] = 2
    origin = Origin(stem, "glands", SIZE, "option", ("gland",))
    return summary_row(origin, totals_in(labels, find_places(labels), SIZE))


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / FILE_NAME).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_sums_up_a_field(tmp_path: Path) -> None:
    assert update_summary(tmp_path / "new", [row()]) == tmp_path / "new" / FILE_NAME
    (only,) = read(tmp_path / "new")
    assert tuple(only) == COLUMNS
    assert only["image"] == "field 1"
    assert only["objects"] == "2"
    assert float(only["area_percent"]) == 4.0
    assert float(only["median_area_um2"]) == 40.0
    assert float(only["density_per_mm2"]) == pytest.approx(2 / 0.002)
    assert float(only["field_area_mm2"]) == 0.002
    assert (only["um_per_px_y"], only["um_per_px_x"]) == ("2.0", "5.0")
    assert (only["um_per_px_source"], only["model"], only["problem"]) == ("option", "glands", "")


def test_nothing_found_has_no_median(tmp_path: Path) -> None:
    update_summary(tmp_path, [row(labels=np.zeros((4, 4), np.int32))])
    (only,) = read(tmp_path)
    assert (only["objects"], only["median_area_um2"], only["area_percent"]) == ("0", "", "0.0")


def test_new_rows_take_the_place_of_old_ones(tmp_path: Path) -> None:
    update_summary(tmp_path, [row("a"), problem_row("b", "b.png is empty.")])
    update_summary(tmp_path, [row("c"), row("b")])
    rows = read(tmp_path)
    assert [each["image"] for each in rows] == ["a", "b", "c"]
    assert rows[1]["problem"] == ""
    assert rows[1]["objects"] == "2"


def test_rows_stand_in_the_order_of_their_names_not_of_the_work(tmp_path: Path) -> None:
    for stem in ("field 10", "field 2", "Field 3", "a"):
        update_summary(tmp_path, [row(stem)])
    assert [each["image"] for each in read(tmp_path)] == ["a", "field 2", "Field 3", "field 10"]


def test_a_problem_is_told_in_its_row(tmp_path: Path) -> None:
    update_summary(tmp_path, [problem_row("b", "b.png is empty.")])
    (only,) = read(tmp_path)
    assert (only["image"], only["objects"], only["problem"]) == ("b", "", "b.png is empty.")


@pytest.mark.parametrize("content", [b"", b"something,else\n1,2\n", b"\xff\xfe\x00", b"image\n"])
def test_another_file_of_that_name_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    update_summary(tmp_path, [row("a")])
    assert [each["image"] for each in read(tmp_path)] == ["a"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError):
        update_summary(tmp_path / "file", [row("a")])
