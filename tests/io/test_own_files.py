"""Files of ours are known by what is in them, not by their names."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import pytest
import tifffile

from napari_selfreg.io import own_files
from napari_selfreg.io.outputs import write_results
from napari_selfreg.io.own_files import is_own, quiet
from tests.io.test_outputs import ORIGIN, objects, table


@pytest.mark.parametrize("compressed", [False, True])
def test_all_three_files_are_known(tmp_path: Path, compressed: bool) -> None:
    labels = objects()
    files = write_results(tmp_path, labels, table(labels), ORIGIN, compressed=compressed)
    assert [is_own(path) for path in files.values()] == [True, True, True]


def test_files_of_others_are_not(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a_objects.tif", objects())
    (tmp_path / "a_objects.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    (tmp_path / "b_objects.geojson").write_text('{"features":[{"software":"napari-selfreg"}]}')
    (tmp_path / "a_objects.geojson.gz").write_bytes(b"no gzip")
    (tmp_path / "a_measurements.csv").write_text("image,label,area\n")
    (tmp_path / "b_measurements.csv").write_bytes(b"\xff\xfe,\n")
    (tmp_path / "a.png").write_bytes(b"")
    assert not any(map(is_own, [*tmp_path.iterdir(), tmp_path / "missing.tif"]))


def test_nor_are_damaged_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(
        tmp_path / "whole.tif", objects(), compression="zlib", photometric="miniswhite"
    )
    whole = (tmp_path / "whole.tif").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.tif").write_bytes(whole[:length])
        assert not is_own(tmp_path / "cut.tif")
    packed = bytearray(gzip.compress(b'{"software":"napari-selfreg"}' * 99))
    packed[20:40] = bytes(20)
    (tmp_path / "a_objects.geojson.gz").write_bytes(packed)
    assert not is_own(tmp_path / "a_objects.geojson.gz")
    assert not caplog.records


def test_a_look_in_one_thread_silences_no_other(caplog: pytest.LogCaptureFixture) -> None:
    logger = tifffile.logger()
    first, second = quiet(logger), quiet(logger)
    begun, ended = threading.Event(), threading.Event()

    def look() -> None:
        with second:
            begun.set()
            ended.wait(10)
            logger.warning("hushed")

    other = threading.Thread(target=look)
    with first:
        other.start()
        begun.wait(10)
        logger.warning("hushed")
    logger.warning("heard while another looks")
    ended.set()
    other.join()
    logger.warning("heard at last")
    assert caplog.messages == ["heard while another looks", "heard at last"]
    assert logger.filters.count(own_files._heard) == 1
