"""Results of volumes: two files that appear together."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.io.volume import Volume, read_volume, read_volume_labels, same_grid
from napari_selfreg.io.volume.outputs import (
    volume_output_paths,
    write_volume_results,
)
from tests.io.volume.files import RAMP, nifti

LABELS = (RAMP.T % 2).astype(np.int32)


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return read_volume(nifti(tmp_path / "case.1.nii.gz", RAMP, np.diag([-2.0, 3.0, 0.5, 1])))


def test_both_files(tmp_path: Path, volume: Volume) -> None:
    table = measure_classes(LABELS, volume.voxels, volume.spacing, ["a", "b"], volume.affine)
    folder = tmp_path / "new"
    written = write_volume_results(folder, LABELS, table, volume, model="hippocampus", version="2")
    assert written == volume_output_paths(folder, "case.1")
    assert [path.name for path in written.values()] == [
        "case.1_labels.nii.gz",
        "case.1_measurements.csv",
    ]
    labels, grid = read_volume_labels(written["labels"])
    assert np.array_equal(labels, LABELS)
    assert same_grid(volume, grid)
    with written["measurements"].open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["image"], first["label"], first["class"]) == ("case.1", "1", "a")
    assert (first["voxels"], first["volume_mm3"], first["volume_ml"]) == ("60", "180.0", "0.18")
    assert (first["spacing_mm"], first["model"]) == ("0.5 3 2", "hippocampus")
    assert first["spacing_source"] == "file"
    assert (first["model_version"], first["software"]) == ("2", "napari-selfreg")
    assert (second["voxels"], second["mean_intensity"]) == ("0", "")


def test_what_a_person_has_changed_says_so(tmp_path: Path, volume: Volume) -> None:
    table = measure_classes(LABELS, None, volume.spacing, ["a"])
    for corrected in (False, True):
        files = write_volume_results(
            tmp_path, LABELS, table, volume, model="m", corrected=corrected
        )
        head, first = files["measurements"].read_text("utf-8").splitlines()
        assert ("corrected_by_hand" in head) is corrected
        assert first.endswith(",true") is corrected


def test_both_or_none(tmp_path: Path, volume: Volume) -> None:
    table = measure_classes(LABELS, None, volume.spacing, ["a"])
    folder = tmp_path / "results"
    volume_output_paths(folder, "case.1")["measurements"].mkdir(parents=True)
    with pytest.raises(WriteError, match=r"case\.1_measurements\.csv"):
        write_volume_results(folder, LABELS, table, volume, model="m")
    assert [path.name for path in folder.iterdir()] == ["case.1_measurements.csv"]


def test_a_name_that_is_no_utf8_is_written_all_the_same(tmp_path: Path, volume: Volume) -> None:
    table = measure_classes(LABELS, None, volume.spacing, ["a"])
    odd = replace(volume, stem="F\udce4ll")
    try:
        files = write_volume_results(tmp_path, LABELS, table, odd, model="m")
    except WriteError:
        pytest.skip("this disk takes UTF-8 names only")
    assert files["measurements"].read_text("utf-8").splitlines()[1].startswith("F?ll,1,")
