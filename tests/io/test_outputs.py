"""Three files that agree with each other, or none."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.measurements import measure_objects
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import outputs
from napari_selfreg.io.outputs import (
    Origin,
    check_distinct_stems,
    check_writable,
    check_writable_file,
    output_paths,
    write_results,
)

ORIGIN = Origin("field 1", "glands", PixelSize.isotropic(0.5), "file", ("gland",))


def objects() -> npt.NDArray[np.int32]:
    labels = np.kron(np.arange(12).reshape(3, 4), np.ones((9, 7), int)).astype(np.int32)
    labels[12:15, 2:5] = 0  # a hole
    return labels


def table(labels: npt.NDArray[np.int32], origin: Origin = ORIGIN) -> dict[str, npt.NDArray[Any]]:
    rgb = np.full((*labels.shape, 3), 120, np.uint8)
    probability = np.full((1, *labels.shape), 0.75, np.float32)
    return measure_objects(labels, rgb, probability, origin.pixel_size, origin.classes)


def write(folder: Path, origin: Origin = ORIGIN) -> dict[str, Path]:
    return write_results(folder, objects(), table(objects(), origin), origin)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_names_and_a_folder_that_is_made(tmp_path: Path) -> None:
    files = write(tmp_path / "a" / "b")
    assert {kind: path.name for kind, path in files.items()} == {
        "objects": "field 1_objects.tif",
        "geojson": "field 1_objects.geojson",
        "measurements": "field 1_measurements.csv",
    }
    assert sorted((tmp_path / "a" / "b").iterdir()) == sorted(files.values())


def test_the_label_image_is_int32_deflate_and_exact(tmp_path: Path) -> None:
    with tifffile.TiffFile(write(tmp_path)["objects"]) as tiff:
        (page,) = tiff.pages
        assert page.dtype == np.int32
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        np.testing.assert_array_equal(page.asarray(), objects())


def test_one_feature_and_one_row_per_id(tmp_path: Path) -> None:
    files = write(tmp_path)
    ids = list(range(1, 12))
    document = json.loads(files["geojson"].read_text())
    assert [int(f["properties"]["name"]) for f in document["features"]] == ids
    assert [int(row["label"]) for row in rows(files["measurements"])] == ids


def test_table_and_outlines_hold_the_same_values(tmp_path: Path) -> None:
    files = write(tmp_path)
    features = json.loads(files["geojson"].read_text())["features"]
    for row, feature in zip(rows(files["measurements"]), features, strict=True):
        for name, value in feature["properties"]["measurements"].items():
            assert float(row[name]) == value
        assert row["class"] == feature["properties"]["classification"]["name"]
    assert float(rows(files["measurements"])[0]["area_um2"]) == 9 * 7 * 0.25


@pytest.mark.parametrize(
    ("pixel_size", "in_json", "in_table"),
    [
        (PixelSize(0.5, 0.5), 0.5, "0.5"),
        (PixelSize(0.499, 0.4990000001), 0.499, "0.499"),
        (PixelSize(0.25, 0.5), [0.25, 0.5], "0.25 0.5"),
    ],
)
def test_every_output_says_which_pixel_size_counted(
    tmp_path: Path, pixel_size: PixelSize, in_json: object, in_table: str
) -> None:
    origin = replace(ORIGIN, pixel_size=pixel_size, source="model")
    files = write(tmp_path, origin)
    with tifffile.TiffFile(files["objects"]) as tiff:
        page = tiff.pages.first
        x, y = page.get_resolution(unit=tifffile.RESUNIT.MICROMETER)
        assert (1 / y, 1 / x) == pytest.approx((pixel_size.y, pixel_size.x), rel=1e-6)
        descriptions = [json.loads(page.description)]
    descriptions.append(json.loads(files["geojson"].read_text()))
    for document in descriptions:
        assert document["um_per_px"] == in_json
        assert document["um_per_px_source"] == "model"
    assert {row["um_per_px"] for row in rows(files["measurements"])} == {in_table}
    assert {row["um_per_px_source"] for row in rows(files["measurements"])} == {"model"}


def test_a_coarse_level_lies_on_the_whole_slide(tmp_path: Path) -> None:
    files = write(tmp_path, replace(ORIGIN, scale=(4.0, 2.0)))
    first = json.loads(files["geojson"].read_text())["features"][0]
    assert max(first["geometry"]["coordinates"][0]) == [28.0, 36.0]
    with tifffile.TiffFile(files["objects"]) as tiff:
        x, y = tiff.pages.first.get_resolution(unit=tifffile.RESUNIT.MICROMETER)
    assert (1 / y, 1 / x) == pytest.approx((2.0, 1.0))


def test_no_path_in_any_output(tmp_path: Path) -> None:
    for path in write(tmp_path).values():
        assert str(tmp_path).encode() not in path.read_bytes()


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "1"), write(tmp_path / "2")
    for kind in first:
        assert first[kind].read_bytes() == second[kind].read_bytes()


def test_an_image_without_objects_still_gives_three_files(tmp_path: Path) -> None:
    labels = np.zeros((1, 1), np.int32)
    files = write_results(tmp_path, labels, table(labels), ORIGIN)
    assert rows(files["measurements"]) == []
    assert json.loads(files["geojson"].read_text())["features"] == []
    assert tifffile.imread(files["objects"]).shape == (1, 1)


@contextmanager
def disk_with(free: int) -> Iterator[None]:
    """Let the system refuse files beyond `free` bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["objects", "geojson"])
def test_a_full_disk_leaves_the_old_results_and_nothing_else(tmp_path: Path, kind: str) -> None:
    free = write(tmp_path)[kind].stat().st_size // 2
    old = {path: path.read_bytes() for path in write(tmp_path).values()}
    origin = replace(ORIGIN, model="other")
    columns = table(objects())
    with (
        pytest.raises(WriteError, match="disk is full: free some space"),
        disk_with(free),
    ):
        write_results(tmp_path, objects(), columns, origin)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_a_failure_in_the_last_file_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a fault of the program")

    monkeypatch.setattr(outputs, "_write_table", broken)
    with pytest.raises(KeyError):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"field 1_objects\.tif could not be written"):
        write(tmp_path / "file")


def test_a_folder_is_checked_without_making_it(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    for taken in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(WriteError, match="file is not a folder"):
            check_writable(taken)


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.os, "access", lambda *_: False)
    with pytest.raises(WriteError, match="permission is missing"):
        check_writable(tmp_path / "new")


def test_images_of_one_name_are_refused_before_anything_is_done() -> None:
    check_distinct_stems(["a/1.png", "b/2.png", "1.2.png"])
    with pytest.raises(BadInputError, match=r"1\.png and .*1\.tif would write the same files"):
        check_distinct_stems(["a/1.png", "a/2.png", "b/1.tif"])
    with pytest.raises(BadInputError):
        check_distinct_stems(["Field.png", "field.png"])


def test_output_paths_are_those_written(tmp_path: Path) -> None:
    assert output_paths(tmp_path, "field 1") == write(tmp_path)


def test_a_file_is_checked_without_making_it(tmp_path: Path) -> None:
    check_writable_file(tmp_path / "a" / "b.txt")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(WriteError, match=r"b\.txt could not be written \(a folder of that name"):
        check_writable_file(tmp_path / "b.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="file is not a folder"):
        check_writable_file(tmp_path / "file" / "b.txt")


@pytest.mark.parametrize("compressed", [False, True])
def test_outlines_of_an_earlier_run_do_not_stay_beside_others(
    tmp_path: Path, compressed: bool
) -> None:
    labels = objects()
    for each in (not compressed, compressed):
        files = write_results(tmp_path, labels, table(labels), ORIGIN, compressed=each)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files.values()}


def test_outlines_of_others_stay(tmp_path: Path) -> None:
    mine = tmp_path / "field 1_objects.geojson"
    mine.write_text('{"type":"FeatureCollection","features":[]}')
    write_results(tmp_path, objects(), table(objects()), ORIGIN, compressed=True)
    assert mine.is_file()
