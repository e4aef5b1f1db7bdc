from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import feature_files
from napari_selfreg.io.feature_files import (
    NumbersRow,
    maps_path,
    numbers_document,
    write_maps,
    write_numbers,
)
from napari_selfreg.io.pixel_size import PixelSizeChoice

NUMBERS = BlockNumbers("B", 3, 0.25, -0.5, 2.75, 1, 1 / 3, 0.125)
OME = {"ome": "http://www.openmicroscopy.org/Schemas/OME/2016-06"}


def test_maps_come_back_with_size_and_place(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).normal(0, 9, (3, 5, 4)).astype(np.float16)
    path = write_maps(maps_path(tmp_path, "glands", "B"), maps, (8.0, 4.0), (3.5, -1.5))
    assert path.name == "glands_B.ome.tif"
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].axes == "CYX"
        found = tiff.asarray()
        text = tiff.ome_metadata
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, maps.astype(np.float32))
    assert text is not None
    root = ElementTree.fromstring(text)
    pixels = root.find(".//ome:Pixels", OME)
    assert pixels is not None
    assert (pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeX")) == ("8.0", "4.0")
    assert pixels.get("PhysicalSizeXUnit") == "µm"
    planes = root.findall(".//ome:Plane", OME)
    assert {(p.get("PositionY"), p.get("PositionX")) for p in planes} == {("3.5", "-1.5")}
    assert len(planes) == len(root.findall(".//ome:Channel", OME)) == 3
    assert str(tmp_path) not in text


def test_other_programs_can_read_maps_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = np.ones((2, 16, 16), np.float16)
    with tifffile.TiffFile(write_maps(tmp_path / "a.ome.tif", maps, (1, 1), (0, 0))) as tiff:
        assert not tiff.is_bigtiff
        assert tiff.pages.first.predictor == 1
    monkeypatch.setattr(feature_files, "CLASSIC_BYTES", 4 * maps.size - 1)
    with tifffile.TiffFile(write_maps(tmp_path / "b.ome.tif", maps, (1, 1), (0, 0))) as tiff:
        assert tiff.is_bigtiff
        np.testing.assert_array_equal(tiff.asarray(), maps)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WriteError):
        write_maps(tmp_path / "file" / "a.tif", np.ones((1, 2, 2), np.float16), (1, 1), (0, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_row_per_model_and_block(tmp_path: Path) -> None:
    rows = [NumbersRow("one", 1.1, NUMBERS, cka=0.5), NumbersRow("two", 0.5, NUMBERS)]
    choice = PixelSizeChoice(PixelSize(0.5, 0.25), "file")
    path = write_numbers(tmp_path, "field", choice, rows)
    assert path == tmp_path / "numbers.csv"
    with path.open() as stream:
        found = list(csv.DictReader(stream))
    assert list(found[0])[:4] == ["image", "model", "um_per_px", "block"]
    assert [row["model"] for row in found] == ["one", "two"]
    assert [row["cka"] for row in found] == ["0.5", ""]
    assert found[0]["image"] == "field"
    assert {row["image_um_per_px"] for row in found} == {"0.5 0.25"}
    assert {row["um_per_px_source"] for row in found} == {"file"}
    assert float(found[1]["scr_distance"]) == pytest.approx(1 / 3, rel=1e-5)
    assert found[0]["attention_overlap"] == ""
    assert found[0]["dead"] == "1"


def test_the_document_of_a_row_names_every_number() -> None:
    document = numbers_document(NumbersRow("one", 1.1, NUMBERS, cka=0.5))
    assert document["effective_rank"] == 2.75
    assert document["attention_overlap"] is None
    assert document["cka"] == 0.5
    assert document["block"] == "B"
