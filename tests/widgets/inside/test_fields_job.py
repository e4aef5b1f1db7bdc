from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.bootstrap import Interval
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets.inside.fields_job import FieldNumbers, FieldsRequest, measure_fields
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.numbers_table import NumbersTable
from napari_selfreg.widgets.inside.redundancy_files import save_means
from napari_selfreg.widgets.inside.redundancy_view import RedundancyView
from tests.bundles import tiny_bundle

SIZE = PixelSize(1, 1)


def request(folder: Path, *models: int) -> FieldsRequest:
    rng = np.random.default_rng(0)
    fields = []
    for number in range(2):
        path = folder / f"field{number}.png"
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(path)
        fields.append((path, SIZE))
    bundles = [tiny_bundle(folder / f"m{seed}.safetensors", seed=seed) for seed in models]
    sources = tuple(Source(path.stem, read_card(path), path) for path in bundles)
    return FieldsRequest(tuple(fields), sources, tuple(each.label for each in sources), "cpu")


def test_every_number_gets_its_mean_and_interval_over_the_fields(tmp_path: Path) -> None:
    asked = request(tmp_path, 0, 1)
    measured = run(measure_fields(asked))
    assert (measured.n, measured.names, measured.notes) == (2, ("m0", "m1"), ())
    one_by_one = [
        run(measure_fields(FieldsRequest((each,), asked.sources, asked.names, "cpu")))
        for each in asked.fields
    ]
    rank = measured.means[1]["D1"]["effective_rank"]
    singles = [each.means[1]["D1"]["effective_rank"].mean for each in one_by_one]
    assert rank.mean == pytest.approx(np.mean(singles))
    assert (rank.low, rank.high) == pytest.approx((min(singles), max(singles)))
    assert set(measured.alike) == set(measured.means[0])
    assert all(0 <= each.mean <= 1 for each in measured.alike.values())


def test_a_field_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    asked = request(tmp_path, 0)
    asked.fields[0][0].write_bytes(b"no picture")
    measured = run(measure_fields(asked))
    assert measured.n == 1
    assert "left out" in measured.notes[0]
    asked.fields[1][0].write_bytes(b"no picture")
    with pytest.raises(BadInputError):
        run(measure_fields(asked))


MEASURED = FieldNumbers(
    ("a",),
    ({"E1": {"similarity": Interval(0.5, 0.25, 0.75), "dead": Interval(1.0, 0.0, 2.0)}},),
    {},
    3,
)


def test_the_table_shows_means_and_tells_the_interval(qtbot) -> None:
    table = NumbersTable()
    qtbot.addWidget(table)
    table.setMeans(MEASURED)
    assert table.item(0, 0).text() == "0.50"
    assert "a: 0.50 (0.25 to 0.75)" in table.item(0, 0).toolTip()
    assert table.item(0, 1).text() == "–"  # not measured


def test_means_are_saved_with_their_intervals(qtbot, tmp_path: Path) -> None:
    view = RedundancyView()
    qtbot.addWidget(view)
    view.show_fields(MEASURED)
    assert view.status.text().startswith("Means over 3 fields")
    view.save_as(tmp_path / "means.csv")
    with (tmp_path / "means.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["similarity", "dead"]
    assert (rows[0]["low"], rows[0]["high"], rows[0]["fields"]) == ("0.25", "0.75", "3")
    both = FieldNumbers(("a", "b"), MEASURED.means * 2, {"E1": Interval(0.9, 0.8, 1.0)}, 3)
    save_means(tmp_path / "both.csv", both)
    assert "a and b,E1,cka,0.9,0.8,1,3" in (tmp_path / "both.csv").read_text()
