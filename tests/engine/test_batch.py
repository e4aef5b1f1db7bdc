"""Run on all, without a network: what is dark is tissue."""

from __future__ import annotations

import csv
import errno
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError, DeviceError, WriteError
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.engine import batch
from napari_selfreg.engine import segment as segmenting
from napari_selfreg.engine.batch import segment_fields
from napari_selfreg.engine.batch_events import (
    BatchField,
    BatchRequest,
    FieldDone,
    FieldFailed,
    FieldStarted,
)
from napari_selfreg.engine.events import Event, Notice, Progress, run
from napari_selfreg.io.atomic import write_error
from tests.engine.test_segment import THREE, dark, picture  # noqa: F401 - a fixture

ONE = PixelSize.isotropic(1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "Mrs Miller"
    place.mkdir()
    for name, pixels in (("a", THREE), ("b", picture((20, 20))), ("c", picture())):
        Image.fromarray(pixels).save(place / f"{name}.png")
    return place


def request(folder: Path, model: Any, names: str = "abc", **changes: Any) -> BatchRequest:
    fields = tuple(BatchField(folder / f"{name}.png", ONE) for name in names)
    return BatchRequest(**{"fields": fields, "model": model, **changes})


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row for row in csv.DictReader(stream)}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def three_files(stem: str) -> set[str]:
    return {f"{stem}_objects.tif", f"{stem}_objects.geojson", f"{stem}_measurements.csv"}


def test_every_field_gets_its_files_and_a_row(folder: Path, dark: Any) -> None:  # noqa: F811
    result = run(segment_fields(request(folder, dark)))
    out = folder / "results"
    assert names(out) == three_files("a") | three_files("b") | three_files("c") | {"summary.csv"}
    assert [rows(out)[name]["objects"] for name in "abc"] == ["3", "1", "0"]
    assert {row["um_per_px_source"] for row in rows(out).values()} == {"option"}
    assert result.done == tuple(folder / f"{name}.png" for name in "abc")
    assert result.failed == ()
    for file in out.iterdir():
        assert b"Miller" not in file.read_bytes()


def test_results_can_go_to_one_folder(folder: Path, tmp_path: Path, dark: Any) -> None:  # noqa: F811
    run(segment_fields(request(folder, dark, "b", output_dir=tmp_path / "out")))
    assert names(tmp_path / "out") == three_files("b") | {"summary.csv"}
    assert not (folder / "results").exists()


def test_the_events_say_how_far_it_is(folder: Path, dark: Any) -> None:  # noqa: F811
    seen: list[Event] = []
    run(segment_fields(request(folder, dark)), seen.append)
    started = [event.path.stem for event in seen if isinstance(event, FieldStarted)]
    finished = [event for event in seen if isinstance(event, FieldDone)]
    progress = [event for event in seen if isinstance(event, Progress) and event.total]
    assert started == [event.path.stem for event in finished] == ["a", "b", "c"]
    assert [len(event.result.result.table["index"]) for event in finished] == [3, 1, 0]
    assert finished[0].result.result.probability.dtype == np.float16
    places = [event.done for event in progress]
    assert places == sorted(places)
    assert {event.total for event in progress} == {300}
    assert progress[0].message == "a: field 1 of 3"


def test_the_field_that_is_looked_at_comes_next(folder: Path, dark: Any) -> None:  # noqa: F811
    looked_at = iter([None, folder / "c.png", folder / "gone.png"])
    result = run(segment_fields(request(folder, dark, current=lambda: next(looked_at))))
    assert [path.stem for path in result.done] == ["a", "c", "b"]


def test_a_bad_field_does_not_stop_the_rest(folder: Path, dark: Any) -> None:  # noqa: F811
    (folder / "a.png").write_bytes(b"IJrEr1vVVJCwCYMt")
    seen: list[Event] = []
    result = run(segment_fields(request(folder, dark)), seen.append)
    (failed,) = [event for event in seen if isinstance(event, FieldFailed)]
    assert failed.path == folder / "a.png"
    assert "a.png is damaged" in failed.reason
    assert [path.stem for path in result.done] == ["b", "c"]
    assert result.failed == ((failed.path, failed.reason),)
    row = rows(folder / "results")["a"]
    assert (row["objects"], row["problem"]) == ("", failed.reason)


def test_no_path_is_written_about_a_missing_file(folder: Path, dark: Any) -> None:  # noqa: F811
    (folder / "b.png").unlink()
    run(segment_fields(request(folder, dark, "ab")))
    text = (folder / "results" / "summary.csv").read_text("utf-8")
    assert "b.png does not exist" in text
    assert "Miller" not in text


def test_an_unknown_pixel_size_is_a_problem_not_an_assumption(folder: Path, dark: Any) -> None:  # noqa: F811
    fields = (BatchField(folder / "a.png"), BatchField(folder / "b.png", ONE))
    result = run(segment_fields(BatchRequest(fields, dark)))
    ((path, reason),) = result.failed
    assert path.stem == "a"
    assert "does not say how large its pixels are" in reason
    assert three_files("a").isdisjoint(names(folder / "results"))


def test_what_is_done_is_kept_on_cancel(folder: Path, dark: Any) -> None:  # noqa: F811
    job = segment_fields(request(folder, dark))
    for event in job:
        if isinstance(event, FieldStarted) and event.path.stem == "b":
            break
    job.close()
    assert names(folder / "results") == three_files("a") | {"summary.csv"}
    assert set(rows(folder / "results")) == {"a"}
    run(segment_fields(request(folder, dark, "bc")))
    assert set(rows(folder / "results")) == {"a", "b", "c"}


def test_settings_count_for_all_fields(folder: Path, dark: Any) -> None:  # noqa: F811
    result: list[Any] = []
    settings = PostProcessing(min_area_um2=1e6)
    run(segment_fields(request(folder, dark, "ab", settings=settings)), result.append)
    done = [event for event in result if isinstance(event, FieldDone)]
    assert [len(event.result.result.table["index"]) for event in done] == [0, 0]
    assert done[0].result.origin.settings == settings


def test_probabilities_are_dropped_before_they_fill_the_memory(
    folder: Path,
    dark: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "_KEPT_BYTES", 60 * 90 * 2)
    seen: list[Event] = []
    run(segment_fields(request(folder, dark)), seen.append)
    kept = [event.result.result.probability.size for event in seen if isinstance(event, FieldDone)]
    assert kept == [60 * 90, 0, 0]


def test_what_every_field_would_meet_ends_the_batch(
    folder: Path,
    dark: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_card(_: object) -> Generator[Event, None, Any]:
        raise DeviceError("There is no graphics card.")
        yield

    monkeypatch.setattr(batch, "segment_file", no_card)
    with pytest.raises(DeviceError):
        run(segment_fields(request(folder, dark)))


def test_an_unforeseen_error_is_told_in_a_sentence(
    folder: Path,
    dark: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = iter([MemoryError(), RuntimeError("secret /home/x")])

    def fail(_: object) -> Generator[Event, None, Any]:
        raise next(errors)
        yield

    monkeypatch.setattr(batch, "segment_file", fail)
    result = run(segment_fields(request(folder, dark, "ab")))
    first, second = (reason for _, reason in result.failed)
    assert "does not fit into memory" in first
    assert "b.png could not be segmented (RuntimeError)" in second
    assert "secret" not in second


def test_fields_of_one_name_are_refused_before_work_begins(folder: Path, dark: Any) -> None:  # noqa: F811
    Image.fromarray(THREE).save(folder / "a.jpg")
    both = (BatchField(folder / "a.png", ONE), BatchField(folder / "a.jpg", ONE))
    with pytest.raises(BadInputError, match="same files"):
        run(segment_fields(BatchRequest(both, dark)))
    assert not (folder / "results").exists()


def test_a_field_named_like_a_result_is_not_replaced(tmp_path: Path, dark: Any) -> None:  # noqa: F811
    for name in ("a.png", "a_objects.tif"):
        Image.fromarray(THREE).save(tmp_path / name)
    fields = tuple(BatchField(tmp_path / name, ONE) for name in ("a.png", "a_objects.tif"))
    with pytest.raises(BadInputError, match="would be replaced"):
        run(segment_fields(BatchRequest(fields=fields, model=dark, output_dir=tmp_path)))


def test_a_name_that_cannot_be_written_does_not_stop_the_rest(folder: Path, dark: Any) -> None:  # noqa: F811
    (folder / "results" / "a_objects.tif").mkdir(parents=True)
    result = run(segment_fields(request(folder, dark)))
    ((path, reason),) = result.failed
    assert path.stem == "a"
    assert reason.endswith("choose another name.")
    assert [path.stem for path in result.done] == ["b", "c"]
    assert rows(folder / "results")["a"]["problem"].startswith("a_objects.tif could not be written")
    assert "Miller" not in (folder / "results" / "summary.csv").read_text("utf-8")


def test_what_a_person_has_saved_is_left_alone_with_its_row(folder: Path, dark: Any) -> None:  # noqa: F811
    run(segment_fields(request(folder, dark)))
    labels = folder / "results" / "a_objects.tif"
    labels.write_bytes(b"cut off")
    before = rows(folder / "results")
    result = run(segment_fields(request(folder, dark)))
    ((path, reason),) = result.failed
    assert path.stem == "a"
    assert "may be a person's work" in reason
    assert labels.read_bytes() == b"cut off"
    assert rows(folder / "results") == before


def test_what_she_saves_meanwhile_is_left_alone(folder: Path, dark: Any) -> None:  # noqa: F811
    labels = folder / "results" / "a_objects.tif"
    job = segment_fields(request(folder, dark, "a"))
    for event in job:
        if isinstance(event, FieldStarted):
            next(job)
            labels.parent.mkdir()
            labels.write_bytes(b"hers")
            break
    result = run(job)
    assert [path.stem for path, _ in result.failed] == ["a"]
    assert labels.read_bytes() == b"hers"


def test_a_full_disk_ends_the_batch(
    folder: Path,
    dark: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise write_error(folder / "b_objects.tif", OSError(errno.ENOSPC, "No space left"))

    monkeypatch.setattr(segmenting, "write_results", full)
    with pytest.raises(WriteError, match="disk is full"):
        run(segment_fields(request(folder, dark)))


def test_a_summary_that_was_set_aside_is_told(folder: Path, dark: Any) -> None:  # noqa: F811
    (folder / "results").mkdir()
    (folder / "results" / "summary.csv").write_text("mine;2\n")
    seen: list[Event] = []
    result = run(segment_fields(request(folder, dark)), seen.append)
    (note,) = result.notes
    assert "it is now summary.1.csv" in note
    assert [event.message for event in seen if isinstance(event, Notice)] == [note]
    assert len(rows(folder / "results")) == 3
