"""Options of segment that place an image on its slide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import picture, run


def test_offset_and_downsample_reach_the_outlines(shelf: Path, tmp_path: Path) -> None:
    image, output = picture(tmp_path / "field.png"), tmp_path / "out"
    place = ("--offset", "4096,512", "--downsample", 2)
    result = run("segment", image, "--output", output, "--um-per-px", 1, *place, "--json")
    assert result.exit_code == 0, result.stderr
    (document,) = json.loads(result.stdout)
    outlines = json.loads(Path(document["outputs"]["geojson"]).read_text())
    assert outlines["slide_offset"] == [4096, 512]
    assert outlines["slide_downsample"] == 2


def test_gzip_only_changes_the_outlines(shelf: Path, tmp_path: Path) -> None:
    image, output = picture(tmp_path / "field.png"), tmp_path / "out"
    result = run("segment", image, "--output", output, "--um-per-px", 1, "--gzip")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in output.iterdir()) == [
        "field_measurements.csv",
        "field_objects.geojson.gz",
        "field_objects.tif",
    ]


@pytest.mark.parametrize("offset", ["4096", "a,b", "1,2,3", "nan,0"])
def test_an_offset_that_is_none(shelf: Path, tmp_path: Path, offset: str) -> None:
    image, output = picture(tmp_path / "field.png"), tmp_path / "out"
    result = run("segment", image, "--output", output, "--um-per-px", 1, "--offset", offset)
    assert result.exit_code != 0
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr


def test_one_place_is_for_one_image(shelf: Path, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in "ab"]
    result = run("segment", *images, "--output", tmp_path / "out", "--offset", "1,2")
    assert result.exit_code != 0
    assert "segment it alone" in result.stderr


def test_a_downsample_above_nothing(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--output", tmp_path / "out", "--downsample", 0)
    assert result.exit_code == 2
    assert "above 0" in result.stderr
