"""What docs/volumes-files.md says is true."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from napari_selfreg.core.volume import intensity
from napari_selfreg.core.volume.measurements import COLUMNS
from napari_selfreg.io.pairs import LABEL_SUFFIXES
from napari_selfreg.io.samples import volume_samples
from napari_selfreg.io.volume import read_volume, read_volume_labels, same_grid

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "volumes-files.md").read_text("utf-8")


def test_its_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(volume_samples()[0].path, tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    exec(compile(block, "volumes-files.md", "exec"), {})
    assert capsys.readouterr().out == "(32, 49, 33) (1.0, 1.0, 1.0)\n"
    labels, grid = read_volume_labels("bright.nii.gz")
    volume = read_volume("hippocampus.nii.gz")
    assert same_grid(volume, grid)
    assert 0 < labels.mean() < 0.9


def test_it_names_what_there_is() -> None:
    assert all(f"`{name}`" in PAGE for name in COLUMNS if name != "index")
    assert all(f"`{suffix}`" in PAGE for suffix in LABEL_SUFFIXES if suffix != "_labels")
    assert f"{intensity.LOW}th and {intensity.HIGH}th percentile" in PAGE
