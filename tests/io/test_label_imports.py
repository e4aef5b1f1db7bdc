"""Every kind of label file a pathologist has ends as labels on her image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_imports import import_labels
from napari_selfreg.io.qupath_tiles import SlidePlace

LABELS = np.kron(np.array([[0, 1, 0], [2, 0, 7]]), np.ones((4, 5), int)).astype(np.uint8)
XML = (
    "<Annotations><Annotation><Regions><Region Type='0'><Vertices>"
    "<Vertex X='1' Y='1'/><Vertex X='6' Y='1'/><Vertex X='6' Y='5'/><Vertex X='1' Y='5'/>"
    "</Vertices></Region></Regions></Annotation></Annotations>"
)


def outline(folder: Path, *corner: float, side: float = 4) -> Path:
    x, y = corner
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    item: dict[str, Any] = {"type": "Polygon", "coordinates": [ring]}
    path = folder / "o.geojson"
    path.write_text(json.dumps({"type": "Feature", "geometry": item, "properties": {}}))
    return path


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a_anno.bmp"])
def test_pictures_of_ids_keep_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".tif":
        tifffile.imwrite(path, LABELS)
    else:
        Image.fromarray(LABELS).save(path)
    assert np.array_equal(import_labels(path, LABELS.shape).labels, LABELS)


def test_a_mask_becomes_objects(tmp_path: Path) -> None:
    mask = LABELS > 1
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "m.png")
    labels = import_labels(tmp_path / "m.png", LABELS.shape).labels
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert np.array_equal(labels > 0, mask)


def test_aperio(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(XML)
    labels = import_labels(tmp_path / "a.xml", (8, 9)).labels
    assert set(np.unique(labels)) == {0, 1}


def test_huge_ids_are_numbered_anew(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LABELS.astype(np.int32) * 200_000_000)
    with pytest.raises(BadInputError):
        tifffile.imwrite(tmp_path / "b.tif", LABELS.astype(np.int64) * 10**12)
        import_labels(tmp_path / "b.tif", LABELS.shape)
    labels = import_labels(tmp_path / "a.tif", LABELS.shape).labels
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    assert np.array_equal(labels > 0, LABELS > 0)


def test_far_too_large_names_of_outlines_become_small_ids(tmp_path: Path) -> None:
    path = outline(tmp_path, 2, 3)
    item = json.loads(path.read_text())
    item["properties"] = {"name": "99999998", "classification": {"name": "Gland"}}
    path.write_text(json.dumps(item))
    found = import_labels(path, (8, 9))
    assert np.unique(found.labels).tolist() == [0, 1]
    assert found.classes == {1: "Gland"}


def test_outlines_in_slide_pixels_or_else_in_those_of_the_tile(tmp_path: Path) -> None:
    place = SlidePlace(1000, 500, (2.0, 2.0))
    on_slide = import_labels(outline(tmp_path, 1004, 506), (8, 9), place=place).labels
    assert np.argwhere(on_slide)[[0, -1]].tolist() == [[3, 2], [4, 3]]
    on_tile = import_labels(outline(tmp_path, 2, 3), (8, 9), place=place).labels
    assert np.argwhere(on_tile)[[0, -1]].tolist() == [[3, 2], [6, 5]]


def test_a_coarser_level_of_a_slide(tmp_path: Path) -> None:
    labels = import_labels(outline(tmp_path, 8, 16, side=16), (8, 9), (4.0, 4.0)).labels
    assert np.argwhere(labels)[[0, -1]].tolist() == [[4, 2], [7, 5]]


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.docx", "no kind that holds labels"), ("none.png", "does not exist")],
)
def test_faults(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        import_labels(tmp_path / name, (8, 9))


def test_another_size_an_empty_picture_and_a_slide(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    with pytest.raises(BadInputError, match="same size"):
        import_labels(tmp_path / "a.png", (3, 3))
    with pytest.raises(BadInputError, match="too large"):
        import_labels(tmp_path / "a.png", LABELS.shape, (4.0, 4.0))
    Image.fromarray(LABELS * 0).save(tmp_path / "e.png")
    with pytest.raises(BadInputError, match="no object"):
        import_labels(tmp_path / "e.png", LABELS.shape)
