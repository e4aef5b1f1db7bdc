from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.io.summary import FILE_NAME, problem_row, update_summary
from napari_selfreg.io.volume.grid import Grid
from napari_selfreg.io.volume.summary import volume_problem_row, volume_row


def row(stem: str, classes: tuple[str, ...] = ("front", "back")) -> dict[str, object]:
    labels = np.zeros((4, 5, 6), np.int32)
    labels[1, 1, :3], labels[2, 2, 2] = 1, 2
    grid = Grid((4, 5, 6), (2.0, 1.0, 0.5), None, stem)
    return volume_row(grid, measure_classes(labels, None, grid.spacing, classes), "tiny")


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / FILE_NAME).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_says_how_large_every_class_is(tmp_path: Path) -> None:
    update_summary(tmp_path, [row("scan")])
    assert read(tmp_path) == [
        {
            "image": "scan",
            "volume_mm3": "4.0",
            "volume_mm3_front": "3.0",
            "volume_mm3_back": "1.0",
            "spacing_mm": "2 1 0.5",
            "model": "tiny",
            "problem": "",
        }
    ]


def test_rows_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    for stem in ("case_10", "case_2", "case_1"):
        update_summary(tmp_path, [row(stem)])
    update_summary(tmp_path, [volume_problem_row("case_2", "case_2.nii is damaged.")])
    rows = read(tmp_path)
    assert [each["image"] for each in rows] == ["case_1", "case_2", "case_10"]
    assert (rows[1]["problem"], rows[1]["volume_mm3"]) == ("case_2.nii is damaged.", "")


def test_pictures_and_volumes_can_share_a_folder(tmp_path: Path) -> None:
    update_summary(tmp_path, [problem_row("field", "field.png is empty.")])
    update_summary(tmp_path, [row("scan")])
    assert [each["image"] for each in read(tmp_path)] == ["field", "scan"]
    update_summary(tmp_path, [problem_row("other", "other.png is empty.")])
    rows = read(tmp_path)
    assert [each["image"] for each in rows] == ["field", "other", "scan"]
    assert rows[2]["volume_mm3_front"] == "3.0"
    assert rows[0]["problem"] == "field.png is empty."


def test_columns_of_a_model_that_is_not_used_any_more_go(tmp_path: Path) -> None:
    update_summary(tmp_path, [row("scan", ("old", "older"))])
    update_summary(tmp_path, [row("scan")])
    assert "volume_mm3_old" not in read(tmp_path)[0]
