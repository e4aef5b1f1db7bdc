from __future__ import annotations

import csv
import errno
from collections.abc import Callable
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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_row_sums_up_a_field(tmp_path: Path) -> None:
    assert update_summary(tmp_path / "new", [row()]) == ""
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


def ours(tmp_path: Path) -> str:
    """Return the text of a summary of one field."""
    update_summary(tmp_path, [row("a")])
    return (tmp_path / FILE_NAME).read_text("utf-8")


def test_what_a_table_program_saves_as_utf_8_is_kept(tmp_path: Path) -> None:
    text = ours(tmp_path).replace("\n", "\r\n")
    (tmp_path / FILE_NAME).write_bytes(text.encode("utf-8-sig"))
    assert update_summary(tmp_path, [row("b")]) == ""
    assert [each["image"] for each in read(tmp_path)] == ["a", "b"]
    assert names(tmp_path) == [FILE_NAME]


def test_rows_that_a_table_program_left_empty_are_nothing(tmp_path: Path) -> None:
    text = ours(tmp_path)
    empty = "," * text.splitlines()[0].count(",") + "\n"
    (tmp_path / FILE_NAME).write_text(text + 2 * empty, "utf-8")
    assert update_summary(tmp_path, [row("b")]) == ""
    assert [each["image"] for each in read(tmp_path)] == ["a", "b"]


def test_a_column_of_hers_is_kept(tmp_path: Path) -> None:
    text = ours(tmp_path).replace(",model,", ",remark,model,").replace(",glands,", ",torn,glands,")
    (tmp_path / FILE_NAME).write_text(text, "utf-8")
    assert update_summary(tmp_path, [row("b")]) == ""
    assert [each["remark"] for each in read(tmp_path)] == ["torn", ""]


def test_an_empty_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    assert update_summary(tmp_path, [row("a")]) == ""
    assert names(tmp_path) == [FILE_NAME]


@pytest.mark.parametrize("content", [b"something,else\n1,2\n", b"\xff\xfe\x00", b"image\n"])
def test_another_file_of_that_name_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "summary.1.csv").write_text("taken")
    (tmp_path / FILE_NAME).write_bytes(content)
    told = update_summary(tmp_path, [row("a")])
    assert [each["image"] for each in read(tmp_path)] == ["a"]
    assert (tmp_path / "summary.2.csv").read_bytes() == content
    assert "it is now summary.2.csv" in told
    assert names(tmp_path) == ["summary.1.csv", "summary.2.csv", FILE_NAME]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";").encode("cp1252"),
        lambda text: text.replace("glands", "Dr\u00fcsen").encode("cp1252"),
        lambda text: (text + text.splitlines()[1]).encode(),  # the same field twice
        lambda text: text.replace("\n", ",\n", 1).replace(",\n", ",mine\n").encode(),
        lambda text: (text.rstrip() + ",beyond\n").encode(),
    ],
    ids=["semicolons", "cp1252", "twice", "unnamed column", "cell beyond the columns"],
)
def test_rows_that_would_be_lost_are_set_aside(
    tmp_path: Path, change: Callable[[str], bytes]
) -> None:
    changed = change(ours(tmp_path))
    (tmp_path / FILE_NAME).write_bytes(changed)
    assert "summary.1.csv" in update_summary(tmp_path, [row("b")])
    assert (tmp_path / "summary.1.csv").read_bytes() == changed
    assert [each["image"] for each in read(tmp_path)] == ["b"]


def test_nothing_is_set_aside_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / FILE_NAME).write_text("something,else\n")
    monkeypatch.setattr(csv.DictWriter, "writerows", full)
    with pytest.raises(WriteError, match="disk is full"):
        update_summary(tmp_path, [row("a")])
    assert names(tmp_path) == [FILE_NAME]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError):
        update_summary(tmp_path / "file", [row("a")])
