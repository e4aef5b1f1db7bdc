"""What is found in a tile cut from a slide lies on the slide."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from shapely.geometry import shape

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.engine.events import Notice, run
from napari_selfreg.engine.segment import SegmentRequest, segment
from napari_selfreg.io.qupath_tiles import SlidePlace
from tests.engine.test_segment import card, dark_is_tissue

SQUARES = ((130, 410, 40), (220, 520, 26), (300, 430, 58))
"""Row, column and side on the slide."""


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("napari_selfreg.engine.stoppable.predict", dark_is_tissue)
    return SimpleNamespace(card=card(postprocessing=PostProcessing(threshold=0.5)))


def slide() -> np.ndarray:
    rgb = np.full((500, 700, 3), 255, np.uint8)
    for row, column, side in SQUARES:
        rgb[row : row + side, column : column + side] = 0
    return rgb


def cut(x: int, y: int, w: int, h: int, d: float) -> np.ndarray:
    """Cut a tile and shrink it by averaging, as QuPath does."""
    part = slide()[y : y + h, x : x + w].astype(np.float64)
    rows, columns = round(h / d), round(w / d)
    ys = np.minimum((np.arange(rows * 8) + 0.5) / (rows * 8) * h, h - 1).astype(int)
    xs = np.minimum((np.arange(columns * 8) + 0.5) / (columns * 8) * w, w - 1).astype(int)
    fine = part[np.ix_(ys, xs)].reshape(rows, 8, columns, 8, 3)
    return fine.mean(axis=(1, 3)).astype(np.uint8)


def bounds(file: str | Path) -> list[tuple[float, ...]]:
    features = json.loads(Path(file).read_text())["features"]
    return sorted(shape(feature["geometry"]).bounds for feature in features)


def painted() -> list[tuple[float, ...]]:
    return sorted((x, y, x + side, y + side) for y, x, side in SQUARES)


@pytest.mark.parametrize("d", [1.0, 2.0, 1.61290])
def test_a_tile_with_the_name_of_qupath_comes_back_in_slide_pixels(
    tmp_path: Path, dark: Any, d: float
) -> None:
    x, y, w, h = 385, 101, 240, 300
    prefix = "" if d == 1 else f"d={d:g},"
    image = tmp_path / f"CMU-1 [{prefix}x={x},y={y},w={w},h={h}].tif"
    tifffile.imwrite(image, cut(x, y, w, h, d), photometric="rgb")
    result = run(segment(SegmentRequest(image, dark, tmp_path / "out", um_per_px=0.5)))
    assert result["objects"] == len(SQUARES)
    found = bounds(result["outputs"]["geojson"])
    assert np.abs(np.array(found) - painted()).max() <= 1
    document = json.loads(Path(result["outputs"]["geojson"]).read_text())
    assert document["slide_offset"] == [x, y]
    assert np.allclose(document["slide_downsample"], d, rtol=0.01)
    labels = tifffile.imread(result["outputs"]["objects"])
    assert labels.shape == (round(h / d), round(w / d))  # the label image stays the field's


def test_a_place_that_is_given_wins_over_the_name(tmp_path: Path, dark: Any) -> None:
    image = tmp_path / "a [x=1,y=2,w=240,h=300].png"
    tifffile.imwrite(tmp_path / "tile.tif", cut(385, 101, 240, 300, 2), photometric="rgb")
    (tmp_path / "tile.tif").rename(image)
    place = SlidePlace(385, 101, (2.0, 2.0))
    request = SegmentRequest(image, dark, tmp_path / "out", um_per_px=0.5, place=place)
    found = bounds(run(segment(request))["outputs"]["geojson"])
    assert np.abs(np.array(found) - painted()).max() <= 1


def test_a_tile_that_was_cut_since_keeps_its_own_pixels_and_says_so(
    tmp_path: Path, dark: Any
) -> None:
    image = tmp_path / "a [d=2,x=385,y=101,w=240,h=300].tif"
    tifffile.imwrite(image, cut(385, 101, 200, 300, 2), photometric="rgb")
    events = []
    request = SegmentRequest(image, dark, tmp_path / "out", um_per_px=0.5)
    run(segment(request), events.append)
    told = [event.message for event in events if isinstance(event, Notice)]
    assert any("not the slide's" in message for message in told)
    document = json.loads(next((tmp_path / "out").glob("*.geojson")).read_text())
    assert "slide_offset" not in document


def test_compressed_outlines_and_the_settings_in_all_files(tmp_path: Path, dark: Any) -> None:
    image = tmp_path / "field.tif"
    tifffile.imwrite(image, slide(), photometric="rgb")
    request = SegmentRequest(image, dark, tmp_path / "out", um_per_px=0.5, compressed=True)
    files = run(segment(request))["outputs"]
    assert Path(files["geojson"]).name == "field_objects.geojson.gz"
    document = json.loads(gzip.decompress(Path(files["geojson"]).read_bytes()))
    assert len(document["features"]) == len(SQUARES)
    assert document["threshold"] == 0.5
    head, row, *_ = Path(files["measurements"]).read_text().splitlines()
    assert head.endswith("um_per_px_source,threshold,min_area_um2,max_hole_um2,separation")
    assert row.endswith("option,0.5,0.0,0.0,0.5")
    description = json.loads(tifffile.TiffFile(files["objects"]).pages[0].description)
    assert description["separation"] == 0.5
