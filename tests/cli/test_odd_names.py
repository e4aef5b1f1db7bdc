"""Names of files that are no UTF-8: a job writes its tables all the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bundles import tiny_bundle
from tests.cli.shell import picture, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="such names are for Linux")

STEM = os.fsdecode(b"F\xe4ll")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir()
    picture(place / f"{STEM}.png")
    Image.fromarray(np.ones((40, 48), np.uint8)).save(place / f"{STEM}_mask.png")
    return place


def test_evaluate_and_compare(shelf: Path, folder: Path, tmp_path: Path) -> None:
    where = ("--images", folder, "--labels", folder, "--um-per-px", 1)
    result = run("evaluate", *where, "--output", tmp_path / "a.csv")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "a.csv").read_text("utf-8").splitlines()[1].startswith("F?ll,")
    other = tiny_bundle(tmp_path / "other.safetensors", seed=1, name="other")
    result = run("compare", "glands", other, *where, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    table = (tmp_path / "out" / "comparison.csv").read_text("utf-8")
    assert table.splitlines()[1].startswith("F?ll,")


def test_features(shelf: Path, folder: Path, tmp_path: Path) -> None:
    image, out = folder / f"{STEM}.png", tmp_path / "out"
    result = run("features", image, "--blocks", "B", "--um-per-px", 1, "--output", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert (out / "numbers.csv").read_text("utf-8").splitlines()[1].startswith("F?ll,")
