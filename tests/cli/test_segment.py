"""The command segment: three files, warnings, faults, terms."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tifffile import TiffFile

from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event
from napari_selfreg.io import terms
from tests.bundles import tiny_bundle
from tests.cli.shell import KEYS, faults, picture, run


def test_segment_writes_three_files_and_describes_them(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    output = tmp_path / "out"
    result = run("segment", image, "--output", output, "--um-per-px", 1, "--json")
    assert result.exit_code == 0, result.stderr
    (document,) = json.loads(result.stdout)
    assert set(document) >= KEYS
    assert document["image"] == str(image)
    assert {kind: Path(path).name for kind, path in document["outputs"].items()} == {
        "objects": "field_objects.tif",
        "geojson": "field_objects.geojson",
        "measurements": "field_measurements.csv",
    }
    assert sorted(path.name for path in output.iterdir()) == sorted(
        Path(path).name for path in document["outputs"].values()
    )
    assert document["megapixels_per_second"] == pytest.approx(
        40 * 48 / 1e6 / document["seconds"], rel=0.05
    )


def test_results_say_how_exactly_they_were_computed(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--output", tmp_path / "out", "--precision", "fp32")
    assert result.exit_code == 0, result.stderr
    with TiffFile(tmp_path / "out" / "field_objects.tif") as file:
        told = json.loads(file.pages.first.description)
    assert (told["device"], told["precision"]) == (str(resolve_device("auto")), "fp32")
    outlines = json.loads((tmp_path / "out" / "field_objects.geojson").read_text())
    assert outlines["precision"] == "fp32"


def test_a_missing_pixel_size_is_warned_about_once_on_stderr(shelf: Path, tmp_path: Path) -> None:
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("pixel size") == 1
    assert len(json.loads(result.stdout)) == 1


def test_the_same_warning_of_many_images_is_told_once_and_counted(
    shelf: Path, tmp_path: Path
) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    result = run("segment", *images, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.count("pixel size") == 2
    assert "a.png states no pixel size" in result.stderr
    assert "The same holds for 2 more images: the image states no pixel size" in result.stderr


def test_folders_are_segmented_and_shown_as_a_table(shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    for number in (10, 2):
        picture(folder / f"f{number}.png", seed=number)
    result = run("segment", folder, "--output", tmp_path / "out", "--um-per-px", 1)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.index("f2.png") < result.stdout.index("f10.png")


def test_one_bad_image_does_not_stop_the_others(shelf: Path, tmp_path: Path) -> None:
    good = [picture(tmp_path / "a.png"), picture(tmp_path / "z.png", seed=1)]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:60])
    result = run(
        "segment", good[0], bad, good[1], "--output", tmp_path / "out", "--um-per-px", 1, "--json"
    )
    assert result.exit_code == 1
    assert [Path(entry["image"]).name for entry in json.loads(result.stdout)] == ["a.png", "z.png"]
    (fault,) = faults(result)
    assert "bad.png" in fault
    assert "1 of 3 images failed" in result.stderr
    assert not list((tmp_path / "out").glob("bad*"))


def test_an_unforeseen_fault_in_one_image_does_not_stop_the_others(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_folders: Path
) -> None:
    from napari_selfreg.engine import segment as engine

    real = engine.segment

    def flaky(request: Any) -> Generator[Event, None, Any]:
        if Path(request.image_path).name == "b.png":
            raise RuntimeError("mat1 and mat2")
        return (yield from real(request))

    monkeypatch.setattr(engine, "segment", flaky)
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    result = run("segment", *images, "--output", tmp_path / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 2
    (fault,) = faults(result)
    assert "b.png" in fault
    (log,) = (private_folders / "logs").iterdir()
    assert str(log) in fault


def test_an_output_that_cannot_be_written_ends_the_run(shelf: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    images = [picture(tmp_path / f"{name}.png") for name in "ab"]
    result = run("segment", *images, "--output", blocked / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 1
    assert len(faults(result)) == 1
    assert result.stdout == ""


def test_a_name_that_cannot_be_written_does_not_stop_the_others(
    shelf: Path, tmp_path: Path
) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in ("a" * 245, "b", "c")]
    (tmp_path / "out" / "b_objects.tif").mkdir(parents=True)
    result = run("segment", *images, "--output", tmp_path / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 1
    assert [Path(entry["image"]).name for entry in json.loads(result.stdout)] == ["c.png"]
    assert len(faults(result)) == 2
    assert all(fault.endswith("choose another name.") for fault in faults(result))


def test_what_a_person_has_corrected_is_not_replaced(shelf: Path, tmp_path: Path) -> None:
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    output = tmp_path / "out"
    command = ("segment", *images, "--output", output, "--um-per-px", 1, "--json")
    assert run(*command).exit_code == 0
    before = {}
    for name in "ab":
        for path in (output / f"{name}_objects.tif", output / f"{name}_objects.geojson"):
            content = path.read_bytes()
            marked = content.replace(b'"software"', b'"corrected_by_hand":true,"software"')
            before[path] = marked if path.suffix == ".geojson" else content
        before[output / "b_objects.tif"] = b"cut off"
        before[output / "b_objects.geojson"] = (output / "b_objects.geojson").read_bytes()
    for path, content in before.items():
        path.write_bytes(content)
    result = run(*command)
    assert result.exit_code == 1
    assert [Path(entry["image"]).name for entry in json.loads(result.stdout)] == ["c.png"]
    first, second = faults(result)
    assert "a_objects.geojson was corrected by hand" in first
    assert "b_objects.tif is no result of ours that can be read" in second
    assert all("choose another folder" in fault for fault in (first, second))
    assert "2 of 3 images failed" in result.stderr
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_name_from_another_system_is_written(shelf: Path, tmp_path: Path) -> None:
    image = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Gewebe\xe4.png"))
    picture(tmp_path / "field.png").rename(image)
    result = run("segment", image, "--output", tmp_path / "out", "--um-per-px", 1, "--json")
    assert result.exit_code == 0, result.stderr
    files = json.loads(result.stdout)[0]["outputs"]
    outlines = json.loads(Path(files["geojson"]).read_text("utf-8"))
    assert outlines["image"] == "Gewebe?"
    assert outlines["features"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.png"], "absent.png"),
        (["field.png", "--model", "nuclei"], "'nuclei'"),
        (["field.png", "--model", "field.png"], "field.png"),
        (["field.png", "--model", "renamed.safetensors"], "run code"),
        (["field.png", "--device", "gpu"], "'gpu'"),
        (["field.png", "--device", "cuda:x"], "'cuda:x'"),
        (["field.png", "again/field.tif"], "different folders"),
        (["empty"], "empty"),
    ],
)
def test_what_cannot_work_fails_before_anything_is_written(
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "again").mkdir()
    (tmp_path / "empty").mkdir()
    picture(tmp_path / "field.png")
    picture(tmp_path / "again" / "field.tif")
    (tmp_path / "renamed.safetensors").write_bytes(b"PK\x03\x04" + b"x" * 100)
    result = run("segment", *arguments, "--output", "out", "--json")
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert words in fault
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_research_only_terms_are_shown_once(shelf: Path, tmp_path: Path) -> None:
    tiny_bundle(
        shelf / "study.safetensors", name="study", research_only=True, terms="No commerce, please."
    )
    image = picture(tmp_path / "field.png")
    command = ["segment", image, "--model", "study", "--output", tmp_path / "o", "--um-per-px", 1]
    first, second = run(*command, "--json"), run(*command, "--json")
    assert first.stderr.count("No commerce, please.") == 1
    assert "No commerce" not in second.stderr
    assert json.loads(first.stdout)


def test_terms_that_cannot_be_remembered_are_no_fault(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(terms, "settings_folder", lambda: blocked / "settings")
    path = tiny_bundle(tmp_path / "study.safetensors", research_only=True, terms="Study only.")
    image = picture(tmp_path / "field.png")
    result = run("segment", image, "--model", path, "--output", tmp_path / "o", "--um-per-px", 1)
    assert result.exit_code == 0
    assert "Study only." in result.stderr


def test_a_picture_named_like_a_result_is_left_as_it_was(shelf: Path, tmp_path: Path) -> None:
    images = [picture(tmp_path / "a.png"), picture(tmp_path / "a_objects.tif", seed=1)]
    before = images[1].read_bytes()
    result = run("segment", *images, "--output", tmp_path, "--um-per-px", 1)
    assert result.exit_code == 1
    (fault,) = faults(result)
    assert "a_objects.tif is read and would be replaced" in fault
    assert images[1].read_bytes() == before
    assert not (tmp_path / "a_objects.geojson").exists()


def test_a_second_run_on_all_of_a_folder_leaves_the_results_out(
    shelf: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "gl"
    folder.mkdir()
    picture(folder / "a.tif")
    for _ in range(2):
        named = sorted(folder.glob("*.tif"))
        result = run("segment", *named, "--output", folder, "--um-per-px", 1, "--json")
        assert result.exit_code == 0, result.stderr
        assert len(json.loads(result.stdout)) == 1
    assert "left out (1): a_objects.tif" in result.stderr
    assert len(list(folder.iterdir())) == 4
