"""Run on all over volumes."""

from __future__ import annotations

import csv
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine import batch
from napari_selfreg.engine.batch import segment_fields
from napari_selfreg.engine.batch_events import (
    BatchField,
    BatchRequest,
    FieldDone,
    FieldFailed,
    FieldStarted,
)
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.engine.volume.segment import VolumeSegmentRequest, segment_volume
from napari_selfreg.io.volume import read_volume_labels
from tests.engine.volume.models import scan, small_volume_model
from tests.io.volume.files import nifti

LONG_VOXELS = np.diag([1.0, 1.0, 2.0, 1.0])


@pytest.fixture
def model() -> Any:
    return small_volume_model()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "Mrs Miller"
    for number in (1, 2, 10):
        nifti(place / f"case_{number}.nii.gz", scan(8, 9, 10, seed=number), LONG_VOXELS)
    return place


def request(folder: Path, model: Any, **changes: Any) -> BatchRequest:
    paths = [folder / f"case_{number}.nii.gz" for number in (10, 2, 1)]
    return BatchRequest(**{"fields": tuple(map(BatchField, paths)), "model": model, **changes})


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_case_gets_its_files_and_a_row(folder: Path, model: Any) -> None:
    result = run(segment_fields(request(folder, model)))
    out = folder / "results"
    assert [path.name for path in result.done] == [f"case_{number}.nii.gz" for number in (10, 2, 1)]
    files = {path.name for path in out.iterdir()}
    assert files == {
        "summary.csv",
        *(f"case_{number}_labels.nii.gz" for number in (1, 2, 10)),
        *(f"case_{number}_measurements.csv" for number in (1, 2, 10)),
    }
    found = rows(out)
    assert [row["image"] for row in found] == ["case_1", "case_2", "case_10"]
    labels, _ = read_volume_labels(out / "case_2_labels.nii.gz")
    sizes = [float(found[1][f"volume_mm3_class {number}"]) for number in (0, 1)]
    assert sizes == [2.0 * np.count_nonzero(labels == number) for number in (1, 2)]
    assert float(found[1]["volume_mm3"]) == sum(sizes) > 0
    assert (found[1]["spacing_mm"], found[1]["model"], found[1]["problem"]) == (
        "2 1 1",
        "small",
        "",
    )
    for file in out.iterdir():
        assert b"Miller" not in file.read_bytes()


def test_the_files_are_those_of_the_shell(folder: Path, model: Any, tmp_path: Path) -> None:
    run(segment_fields(request(folder, model)))
    document = run(segment_volume(VolumeSegmentRequest(folder / "case_2.nii.gz", model, tmp_path)))
    for path in document["outputs"].values():
        assert Path(path).read_bytes() == (folder / "results" / Path(path).name).read_bytes()


def test_the_events_say_how_far_it_is(folder: Path, model: Any) -> None:
    seen: list[Event] = []
    run(segment_fields(request(folder, model)), seen.append)
    progress = [event for event in seen if isinstance(event, Progress) and event.total]
    places = [event.done for event in progress]
    assert places == sorted(places)
    assert {event.total for event in progress} == {300}
    assert progress[0].message == "case_10: field 1 of 3"
    done = [event for event in seen if isinstance(event, FieldDone)]
    assert [event.result for event in done] == [None] * 3


def test_a_bad_case_does_not_stop_the_rest(folder: Path, model: Any) -> None:
    (folder / "case_10.nii.gz").write_bytes(b"\x1f\x8b no volume")
    seen: list[Event] = []
    result = run(segment_fields(request(folder, model)), seen.append)
    (failed,) = [event for event in seen if isinstance(event, FieldFailed)]
    assert len(result.done) == 2
    assert "case_10.nii.gz" in failed.reason
    last = rows(folder / "results")[-1]
    assert (last["image"], last["problem"], last["volume_mm3"]) == ("case_10", failed.reason, "")


def test_one_that_is_too_large_is_told_with_what_can_be_done(
    folder: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> Generator[Event, None, Any]:
        raise MemoryError
        yield

    monkeypatch.setattr(batch, "segment_volume_file", fail)
    result = run(segment_fields(request(folder, model)))
    assert {reason for _, reason in result.failed} == {
        f"case_{number}.nii.gz does not fit into memory: close other programs."
        for number in (1, 2, 10)
    }


def test_a_size_that_a_person_states_counts(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, scan(8, 9, 10))
    run(segment_fields(BatchRequest((BatchField(path, spacing=(3.0, 1.0, 0.5)),), model)))
    (row,) = rows(tmp_path / "results")
    assert row["spacing_mm"] == "3 1 0.5"


def test_what_is_done_is_kept_on_cancel(folder: Path, model: Any) -> None:
    job = segment_fields(request(folder, model))
    for event in job:
        if isinstance(event, FieldStarted) and event.path.name == "case_2.nii.gz":
            break
    job.close()
    assert [row["image"] for row in rows(folder / "results")] == ["case_10"]
    assert not (folder / "results" / "case_2_labels.nii.gz").exists()


def test_cases_of_one_name_are_refused_before_work_begins(folder: Path, model: Any) -> None:
    nifti(folder / "case_1.nii", scan(8, 9, 10))
    both = tuple(BatchField(folder / name) for name in ("case_1.nii", "case_1.nii.gz"))
    with pytest.raises(BadInputError, match="same files"):
        run(segment_fields(BatchRequest(both, model)))
    assert not (folder / "results").exists()
