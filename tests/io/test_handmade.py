"""What a person has corrected, or may have, is told from what a model has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import CorrectedError
from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.io.handmade import require_replaceable, why_kept, why_kept_volume
from napari_selfreg.io.outputs import write_results
from napari_selfreg.io.volume.outputs import write_volume_results
from napari_selfreg.io.volume.reading import read_volume
from tests.io.test_outputs import ORIGIN, objects, table
from tests.io.volume.files import nifti

HAND, UNKNOWN = "was corrected by hand", "no result of ours that can be read"


def save(folder: Path, *, corrected: bool = False, compressed: bool = False) -> dict[str, Path]:
    labels = objects()
    origin = replace(ORIGIN, stem="a", corrected=corrected)
    return write_results(folder, labels, table(labels), origin, compressed=compressed)


def save_volume(folder: Path, *, corrected: bool = False) -> dict[str, Path]:
    volume = read_volume(nifti(folder / "scans" / "a.nii.gz", np.ones((3, 4, 5))))
    labels = np.ones(volume.shape, np.int32)
    counted = measure_classes(labels, None, volume.spacing, ["a"])
    return write_volume_results(folder, labels, counted, volume, model="m", corrected=corrected)


def test_nothing_and_what_a_model_has_found_may_go(tmp_path: Path) -> None:
    assert why_kept(tmp_path, "a") == ""
    save(tmp_path)
    assert why_kept(tmp_path, "a") == ""
    assert why_kept(tmp_path, "b" * 300) == ""
    require_replaceable("")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_corrected_result_stays(tmp_path: Path, compressed: bool) -> None:
    files = save(tmp_path, corrected=True, compressed=compressed)
    reason = why_kept(tmp_path, "a")
    assert HAND in reason
    assert str(tmp_path) in reason
    assert "choose another folder" in reason
    with pytest.raises(CorrectedError, match="by hand"):
        require_replaceable(reason)
    if not compressed:  # as programs for JSON save it
        text = files["geojson"].read_text("utf-8").replace('_hand":true', '_hand" : true')
        files["geojson"].write_text(text, "utf-8")
        assert HAND in why_kept(tmp_path, "a")
    files["geojson"].unlink()
    assert "a_objects.tif was corrected" in why_kept(tmp_path, "a")
    files["objects"].unlink()
    assert why_kept(tmp_path, "a") == ""


@pytest.mark.parametrize("compressed", [False, True])
def test_corrected_outlines_alone_stay_too(tmp_path: Path, compressed: bool) -> None:
    files = save(tmp_path, corrected=True, compressed=compressed)
    files["objects"].unlink()
    assert f"{files['geojson'].name} was corrected" in why_kept(tmp_path, "a")


@pytest.mark.parametrize("content", [b"", b"no TIFF", None])
def test_labels_that_cannot_be_read_stay(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    labels = save(tmp_path, corrected=True)["objects"]
    (tmp_path / "a_objects.geojson").unlink()
    labels.write_bytes(labels.read_bytes()[:40] if content is None else content)
    assert UNKNOWN in why_kept(tmp_path, "a")
    assert not caplog.records


def test_labels_that_another_program_has_saved_stay(tmp_path: Path) -> None:
    save(tmp_path)
    tifffile.imwrite(tmp_path / "a_objects.tif", objects(), imagej=False, description="Fiji")
    assert UNKNOWN in why_kept(tmp_path, "a")


def test_a_folder_of_that_name_is_not_told_here(tmp_path: Path) -> None:
    (tmp_path / "a_objects.tif").mkdir()
    (tmp_path / "a_measurements.csv").mkdir()
    assert why_kept(tmp_path, "a") == why_kept_volume(tmp_path, "a") == ""


def test_volumes_say_it_in_their_table(tmp_path: Path) -> None:
    assert why_kept_volume(tmp_path, "a") == ""
    save_volume(tmp_path)
    assert why_kept_volume(tmp_path, "a") == ""
    save_volume(tmp_path, corrected=True)
    assert f"a_measurements.csv {HAND}" in why_kept_volume(tmp_path, "a")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"image;label;software;corrected_by_hand\n", b"\0\n"]
)
def test_tables_that_cannot_be_read_stay(tmp_path: Path, content: bytes) -> None:
    files = save_volume(tmp_path)
    files["measurements"].write_bytes(content)
    assert f"a_measurements.csv is {UNKNOWN}" in why_kept_volume(tmp_path, "a")


def test_a_table_saved_as_utf_8_by_another_program_is_read(tmp_path: Path) -> None:
    path = save_volume(tmp_path)["measurements"]
    path.write_bytes(path.read_text("utf-8").encode("utf-8-sig"))
    assert why_kept_volume(tmp_path, "a") == ""


def test_labels_without_their_table_may_be_the_truth(tmp_path: Path) -> None:
    save_volume(tmp_path)["measurements"].unlink()
    assert "a_labels.nii.gz has no table of ours beside it" in why_kept_volume(tmp_path, "a")
