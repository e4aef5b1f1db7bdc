"""The corrected objects of a project as files, from Python and from the shell."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Notice, run
from napari_selfreg.engine.export import ExportRequest, export, object_flags
from napari_selfreg.engine.finetune_files import corrected_fields
from napari_selfreg.io.geojson_labels import read_geojson
from napari_selfreg.io.project import FieldFacts, ObjectState, Project, ProjectField, Region
from napari_selfreg.io.project.generations import labels_folder
from napari_selfreg.io.project.regions import read_regions
from napari_selfreg.io.saved_results import read_saved
from tests.cli.shell import run as shell
from tests.io.project.steps import SHAPE, block, new_field, new_project, picture, start_labels
from tests.io.project.test_manifest import FIELD


def corrected(folder: Path) -> Project:
    project = new_project(folder, "ab")
    project.apply("f1", [block(0, 20, 5, 6, 7)], {7: ObjectState(class_name="tumour")})
    project.set_objects("f1", {1: ObjectState(class_name="gland", accepted=True)})
    project.put_region("f1", Region.rectangle(Box(0, 0, 10, 26)))
    project.put_region("f2", Region.rectangle(Box(0, 0, *SHAPE), "field"))
    return project


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_corrected_objects_are_written_with_what_was_said_of_them(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        first, second = run(export(ExportRequest(project, tmp_path / "out")))
        labels = np.array(project.labels("f1"))
        assert not project.reason  # still ours, and open
        project.set_note("f1", "goes on")
    counts = [
        [each[key] for key in ("objects", "accepted", "reviewed")] for each in (first, second)
    ]
    assert counts == [[3, 1, 2], [2, 0, 2]]
    assert [first["image"], second["image"]] == ["a", "b"]
    np.testing.assert_array_equal(tifffile.imread(first["outputs"]["objects"]), labels)
    np.testing.assert_array_equal(read_geojson(first["outputs"]["geojson"], SHAPE).labels, labels)
    table = rows(first["outputs"]["measurements"])
    assert [(row["label"], row["class"]) for row in table] == [
        ("1", "gland"),
        ("2", ""),
        ("7", "tumour"),
    ]
    assert [row["accepted"] + row["reviewed"] for row in table] == ["11", "00", "01"]
    assert {row["model_version"] for row in table} == {"0123456789ab"}
    assert "" not in {row["mean_haematoxylin"] for row in table}
    document = json.loads(Path(first["outputs"]["geojson"]).read_text())
    assert (document["model"], document["model_version"]) == ("glands", "0123456789ab")
    measured = [feature["properties"]["measurements"] for feature in document["features"]]
    assert [(each["accepted"], each["reviewed"]) for each in measured] == [(1, 1), (0, 0), (0, 1)]


def test_files_say_which_fields_hold_a_persons_work(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        project.set_state("f1", "corrected")
        project.set_state("f2", "segmented")
        run(export(ExportRequest(project, tmp_path / "out")))
    named = {stem: tmp_path / "images" / f"{stem}.png" for stem in "ab"}
    assert read_saved(named["a"], tmp_path / "out").corrected
    assert not read_saved(named["b"], tmp_path / "out").corrected


def test_no_path_in_any_output(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        run(export(ExportRequest(project, tmp_path / "out")))
    for path in filter(Path.is_file, (tmp_path / "out").rglob("*")):
        assert str(tmp_path).encode() not in path.read_bytes()


def test_a_missing_image_leaves_the_stains_empty_and_is_told(tmp_path: Path) -> None:
    project = corrected(tmp_path)
    project.close()
    (tmp_path / "a.png").unlink()
    events: list[Any] = []
    first, _ = run(export(ExportRequest(project.folder, tmp_path / "out")), events.append)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "stains of a were not measured" in notice.message
    table = rows(first["outputs"]["measurements"])
    assert {row["mean_eosin"] for row in table} == {""}
    assert table[0]["area_um2"] == "15.75"


def test_a_part_of_a_slide_lies_where_it_was_cut(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", shape=(80, 90))
    field = new_field(image, offset=(10.0, 20.0), image_shape=(80, 90))
    with Project.create(tmp_path / "p", [field]) as project:
        (result,) = run(export(ExportRequest(project, tmp_path / "out")))
    found = read_geojson(result["outputs"]["geojson"], (80, 90))
    assert (found.labels[12:19, 23:32] == 1).all()
    assert rows(result["outputs"]["measurements"])[0]["mean_eosin"] != ""


def test_chosen_fields_only(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        (result,) = run(export(ExportRequest(project, tmp_path / "out", fields=["f2"])))
    assert result["image"] == "b"
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == [
        "b.geojson",
        "b_measurements.csv",
        "b_objects.geojson",
        "b_objects.tif",
        "regions",
    ]


def test_regions_are_written_where_something_was_reviewed(tmp_path: Path) -> None:
    regions = tmp_path / "out" / "regions"
    with corrected(tmp_path) as project:
        run(export(ExportRequest(project, tmp_path / "out")))
        kept = tuple(project.facts("f1").regions.values())
        assert read_regions(regions / "a.geojson") == kept
        (whole,) = read_regions(regions / "b.geojson")
        assert whole.points == Region.rectangle(Box(0, 0, *SHAPE)).points
        project.remove_region("f1", kept[0].id)
        run(export(ExportRequest(project, tmp_path / "out")))
    assert [path.name for path in regions.iterdir()] == ["b.geojson"]


def test_all_of_a_part_of_a_slide_is_one_region_in_pixels_of_the_slide(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", shape=(80, 90))
    field = new_field(image, offset=(10.0, 20.0), image_shape=(80, 90))
    with Project.create(tmp_path / "p", [field]) as project:
        project.put_region("f1", Region.rectangle(Box(0, 0, 5, 5), "field"))
        run(export(ExportRequest(project, tmp_path / "out")))
    (whole,) = read_regions(tmp_path / "out" / "regions" / "a.geojson")
    assert whole.points == Region.rectangle(Box(10, 20, 10 + SHAPE[0], 20 + SHAPE[1])).points


def test_an_export_is_what_a_model_of_several_classes_learns_from(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        labels = np.array(project.labels("f1"))
        run(export(ExportRequest(project, tmp_path / "out", fields=["f1"])))
    (tmp_path / "b.png").unlink()
    (tmp_path / "a.png").rename(tmp_path / "out" / "a.png")
    folders = tmp_path / "out", tmp_path / "out", tmp_path / "out" / "regions"
    (field,) = run(corrected_fields(*folders, classes=("tumour", "gland")))
    np.testing.assert_array_equal(field.labels, np.array([0, 2, 0, 0, 0, 0, 0, 1])[labels])
    assert field.reviewed is not None
    assert field.reviewed[:10, :26].all()
    assert field.unclassed == 0
    (tmp_path / "out" / "a_measurements.csv").unlink()
    with pytest.raises(BadInputError, match=r"objects, not classes: keep a_measurements\.csv"):
        run(corrected_fields(*folders, classes=("tumour", "gland")))
    (objects,) = run(corrected_fields(*folders))
    np.testing.assert_array_equal(objects.labels, labels)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    images = [picture(tmp_path / name / "a.png") for name in ("one", "two")]
    with (
        Project.create(tmp_path / "p", [new_field(image) for image in images]) as project,
        pytest.raises(BadInputError, match="same files"),
    ):
        run(export(ExportRequest(project, tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        run(export(ExportRequest(tmp_path / "absent", tmp_path / "file" / "out")))


def test_the_shell_exports_a_project_that_is_open_elsewhere(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        result = shell("export", project.folder, "--output", tmp_path / "out", "--gzip", "--json")
    assert result.exit_code == 0, result.stderr
    first, second = json.loads(result.stdout)
    assert (first["objects"], second["reviewed"]) == (3, 2)
    assert first["outputs"]["geojson"].endswith("a_objects.geojson.gz")


def test_the_shell_tells_what_is_no_project(tmp_path: Path) -> None:
    result = shell("export", tmp_path, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "is no project" in result.stderr


def notices(request: ExportRequest) -> list[str]:
    events: list[Any] = []
    run(export(request), events.append)
    return [event.message for event in events if isinstance(event, Notice)]


def test_a_changed_image_is_measured_and_told(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        request = ExportRequest(project, tmp_path / "out", fields=["f1"])
        assert notices(request) == []
        picture(tmp_path / "a.png", 77)
        assert notices(request) == [
            "The image of a was changed since it was corrected: its stains are those it has now."
        ]


def test_an_image_that_does_not_fit_is_told(tmp_path: Path) -> None:
    with corrected(tmp_path) as project:
        picture(tmp_path / "a.png", shape=(10, 10))
        request = ExportRequest(project, tmp_path / "out", fields=["f1"])
        assert notices(request) == [
            "The stains of a were not measured: the image does not lie under its objects."
        ]
    assert {row["mean_eosin"] for row in rows(str(tmp_path / "out" / "a_measurements.csv"))} == {""}


def flags(labels: Any, regions: list[Region], said: dict[int, ObjectState]) -> list[list[int]]:
    record = ProjectField(**{**FIELD, "offset": (0, 0), "downsample": (1, 1)})
    table = {"index": np.unique(labels[labels > 0])}
    facts = FieldFacts(objects=said, regions={region.id: region for region in regions})
    found = object_flags(labels, table, record, facts)
    return [found[name].tolist() for name in ("accepted", "reviewed")]


@pytest.mark.parametrize(
    ("box", "reviewed"),
    [
        (Box(2, 3, 9, 12), [1, 0]),
        (Box(2, 3, 9, 11), [0, 0]),
        (Box(0, 0, 20, 30), [1, 1]),
        (Box(-5, -5, 99, 99), [1, 1]),
        (Box(50, 50, 60, 60), [0, 0]),
    ],
)
def test_an_object_is_reviewed_when_all_of_it_is(box: Box, reviewed: list[int]) -> None:
    assert flags(start_labels(), [Region.rectangle(box)], {})[1] == reviewed


def test_a_hole_that_touches_an_object_leaves_it_unreviewed() -> None:
    hole = Region.rectangle(Box(8, 11, 10, 13)).points
    region = Region(points=Region.rectangle(Box(0, 0, 24, 32)).points, holes=(hole,))
    assert flags(start_labels(), [region], {})[1] == [0, 1]


def test_two_regions_may_share_an_object() -> None:
    halves = [Region.rectangle(Box(0, 0, 24, 7)), Region.rectangle(Box(0, 7, 24, 12))]
    assert flags(start_labels(), halves, {})[1] == [1, 0]


def test_what_was_said_of_objects_that_are_gone_is_not_exported() -> None:
    said = {2: ObjectState(accepted=True), 9: ObjectState(accepted=True)}
    assert flags(start_labels(), [], said)[0] == [0, 1]


def test_an_object_with_a_reused_id_is_neither_accepted_nor_of_the_old_class(
    tmp_path: Path,
) -> None:
    with corrected(tmp_path) as project:
        project.apply("f1", [block(2, 3, 7, 9, 0)])
        project.apply("f1", [block(21, 0, 3, 3, 1)])
        (result,) = run(export(ExportRequest(project, tmp_path / "out", fields=["f1"])))
    assert result["accepted"] == 0
    assert rows(result["outputs"]["measurements"])[0]["class"] == ""


def test_damaged_labels_stop_the_export_with_a_sentence(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.close()
    (labels_folder(project.folder, 1, "f1") / "0" / "zarr.json").write_text("{")
    with pytest.raises(BadInputError, match="are damaged: put back a copy of the project"):
        run(export(ExportRequest(project.folder, tmp_path / "out")))
    with Project.open(project.folder) as again:  # the export has given it back
        assert not again.read_only


def test_a_field_without_objects_is_exported(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, *SHAPE, 0)])
        (result,) = run(export(ExportRequest(project, tmp_path / "out")))
    assert (result["objects"], result["accepted"], result["reviewed"]) == (0, 0, 0)
    assert rows(result["outputs"]["measurements"]) == []
    assert not tifffile.imread(result["outputs"]["objects"]).any()
