from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from qtpy.QtGui import QColor, QImage

from napari_selfreg import __version__
from napari_selfreg.core.bootstrap import Interval
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.bundle import sha256
from napari_selfreg.widgets.inside.fields_job import FieldNumbers
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.matrices import MatrixSettings
from napari_selfreg.widgets.inside.matrix_picture import MatrixPicture
from napari_selfreg.widgets.inside.redundancy_files import (
    matrix_words,
    numbers_csv,
    png,
    provenance,
    save,
    save_means,
    svg,
    version_of,
)
from napari_selfreg.widgets.inside.redundancy_view import RedundancyView
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import BLOCKS
from tests.widgets.inside.test_fields_job import MEASURED
from tests.widgets.inside.test_matrices import matrices


def test_numbers_are_saved_with_where_they_come_from(view, looked, tmp_path: Path) -> None:
    view.save_as(tmp_path / "numbers.csv")
    assert view.status.text() == "Saved as numbers.csv."
    with (tmp_path / "numbers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["block"]) for row in rows] == [
        (name, block) for name in "ab" for block in BLOCKS
    ]
    assert float(rows[0]["similarity"]) == pytest.approx(
        looked.insides[0].numbers["E1"].similarity, rel=1e-4
    )
    assert rows[0]["image"] == "slide 7"
    assert (rows[0]["y0"], rows[0]["x1"], rows[0]["um_per_px"]) == ("4", "80", "0.5")
    assert len(rows[0]["model_sha256"]) == 12
    assert float(rows[0]["cka"]) == 0.75


def test_matrices_are_saved_as_picture_and_drawing(view, tmp_path: Path) -> None:
    view.save_as(tmp_path / "matrix.png")
    image = QImage(str(tmp_path / "matrix.png"))
    assert image.width() == 1600
    assert "slide 7" in image.text("Description")
    assert str(tmp_path) not in image.text("Description")
    view.save_as(tmp_path / "matrix.svg")
    drawing = (tmp_path / "matrix.svg").read_text("utf-8")
    assert "block D1, cosine of channels" in drawing
    assert "<text" in drawing  # editable


def test_another_suffix_and_a_missing_folder_are_told(view, tmp_path: Path) -> None:
    view.save_as(tmp_path / "numbers.xlsx")
    assert ".csv" in view.status.text()
    (tmp_path / "file").write_text("")
    view.save_as(tmp_path / "file" / "numbers.csv")
    assert "could not be written" in view.status.text()


def test_means_are_saved_with_their_intervals(qtbot, tmp_path: Path) -> None:
    view = RedundancyView()
    qtbot.addWidget(view)
    view.show_fields(MEASURED)
    assert view.about.text().startswith("Means over 3 fields")
    view.save_as(tmp_path / "means.csv")
    with (tmp_path / "means.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["similarity", "dead"]
    assert (rows[0]["low"], rows[0]["high"], rows[0]["fields"]) == ("0.25", "0.75", "3")
    both = FieldNumbers(("a", "b"), MEASURED.means * 2, {"E1": Interval(0.9, 0.8, 1.0)}, 3)
    save_means(tmp_path / "both.csv", both)
    assert "a and b,E1,cka,0.9,0.8,1,3" in (tmp_path / "both.csv").read_text()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def picture(qtbot, looked) -> MatrixPicture:
    made = MatrixPicture()
    qtbot.addWidget(made)
    made.setMatrices(matrices(looked))
    return made


def test_one_model_has_no_cka_and_no_empty_columns_move(looked) -> None:
    one = replace(
        looked,
        request=replace(looked.request, sources=looked.request.sources[:1], names=("a",)),
        insides=looked.insides[:1],
        alike={},
    )
    rows = rows_of(numbers_csv(one))
    assert len(rows) == len(BLOCKS)
    assert {row["cka"] for row in rows} == {""}
    assert {row["model"] for row in rows} == {"a"}
    for row, numbers in zip(rows, looked.insides[0].numbers.values(), strict=True):
        assert int(row["channels"]) == numbers.channels
        assert float(row["ifd"]) == pytest.approx(numbers.ifd, rel=1e-4)
        assert float(row["effective_rank"]) == pytest.approx(numbers.effective_rank, rel=1e-4)


def test_a_file_of_pixels_is_named_without_its_folder(looked, tmp_path: Path) -> None:
    named = replace(looked.request.picture, name=str(tmp_path / "person" / "slide.svs"))
    elsewhere = replace(looked, request=replace(looked.request, picture=named))
    for text in (provenance(elsewhere), numbers_csv(elsewhere)):
        assert "slide.svs" in text
        assert "person" not in text


def test_where_a_picture_comes_from_is_one_line(looked) -> None:
    words = provenance(looked)
    sums = [sha256(source.model)[:12] for source in looked.request.sources]
    assert words == (
        f"napari-selfreg {__version__}; a ({sums[0]}) and b ({sums[1]}); image slide 7, rows 4 to "
        "60, columns 0 to 80, 0.5 µm per pixel;"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (MatrixSettings("D1"), "block D1, cosine of channels, sorted as IFD does."),
        (
            MatrixSettings("B", True, "cluster"),
            "block B, correlation of channels, alike ones together.",
        ),
        (
            MatrixSettings("E1", order="network"),
            "block E1, cosine of channels, as in the network.",
        ),
    ],
)
def test_how_a_matrix_was_made_is_said(settings: MatrixSettings, words: str) -> None:
    assert matrix_words(settings) == words


def test_a_network_that_is_no_file_has_no_sum() -> None:
    assert version_of(Source("Net", make_card(), SimpleNamespace())) == "no file"


def test_a_picture_shows_the_matrices_on_white_paper(looked, picture) -> None:
    image = QImage.fromData(png(picture, "words"))
    assert image.text("Description") == "words"
    assert image.pixelColor(1, 1) == QColor("white")
    seen = {image.pixelColor(x, image.height() // 3).name() for x in range(0, image.width(), 7)}
    assert len(seen) >= 3  # paper and cells


def test_a_drawing_has_titles_and_ends_as_text(looked, picture) -> None:
    drawing = ElementTree.fromstring(svg(picture, "Ä <words> & more"))
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(each.itertext()).strip() for each in drawing.iter(f"{space}text")]
    assert {"a", "b", "0 unlike", "alike 1"} <= set(texts)
    assert drawing.findtext(f"{space}desc") == "Ä <words> & more"
    assert len(list(drawing.iter(f"{space}image"))) == 3  # two squares and the bar


def test_the_suffix_may_be_written_large(looked, picture, tmp_path: Path) -> None:
    settings = MatrixSettings("D1")
    assert save(tmp_path / "A.CSV", looked, picture, settings).read_text().startswith("block,")
    assert save(tmp_path / "A.PNG", looked, picture, settings).read_bytes()[1:4] == b"PNG"
    with pytest.raises(BadInputError, match=r"\.csv, \.png, \.svg"):
        save(tmp_path / "a", looked, picture, settings)


def test_a_table_that_cannot_be_written_leaves_the_old_one(looked, picture, tmp_path) -> None:
    old = tmp_path / "numbers.csv"
    old.write_text("old")
    with pytest.raises(BadInputError):
        save(tmp_path / "numbers.xlsx", looked, picture, MatrixSettings("D1"))
    assert [path.name for path in tmp_path.glob("numbers*")] == ["numbers.csv"]
    assert old.read_text() == "old"


def test_means_say_from_which_bundle_they_are(looked, tmp_path: Path) -> None:
    named = replace(MEASURED, sources=looked.request.sources[:1])
    (row, *_) = rows_of(save_means(tmp_path / "means.csv", named).read_text())
    assert row["model_sha256"] == sha256(looked.request.sources[0].model)[:12]
    assert row["software"] == f"napari-selfreg {__version__}"
