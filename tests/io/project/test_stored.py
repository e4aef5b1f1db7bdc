"""A stored project of schema version 1 is opened forever; its parts are what they claim to be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project import Camera, ObjectState, Project, is_project, read_manifest
from tests.io.project.steps import block, new_project, start_labels

STORED = Path(__file__).parent / "v1"


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A copy of the project that was stored when schema version 1 was made."""
    shutil.copytree(STORED, tmp_path / "v1")
    return tmp_path / "v1" / "case.selfreg"


def test_the_first_schema_is_opened_with_snapshot_and_journal(stored: Path) -> None:
    with Project.open(stored) as project:
        assert not project.warnings
        assert [field.stem for field in project.fields] == ["a", "b"]
        assert [project.images.state(field.id) for field in project.fields] == ["found", "found"]
        labels = start_labels()
        labels[0:4, 0:5] = 7  # from the snapshot
        labels[20:23, 20:23] = 8  # from the journal
        np.testing.assert_array_equal(project.labels("f1"), labels)
        np.testing.assert_array_equal(project.labels("f2"), start_labels())
        facts = project.facts("f1")
        assert facts.objects == {
            1: ObjectState(class_name="gland", accepted=True),
            7: ObjectState(class_name="stroma"),
        }
        assert facts.note == "ragged edge – ask again"
        assert facts.camera == Camera(center=(3.5, 4.25), zoom=2.0)
        (region,) = facts.regions.values()
        assert region.points == ((0.0, 0.0), (0.0, 12.0), (10.0, 12.0), (10.0, 0.0))
        assert (facts.state, project.facts("f2").state) == ("corrected", "done")
        assert (facts.model, facts.version) == ("glands", "0123456789ab")
        assert project.field("f1").settings is None  # nobody wrote them down then
        (version,) = project.versions.all
        assert (version.title, version.note) == ("First try", "better on crypts")
        assert project.versions.active == version
        assert project.looked_at == "f1"


def test_the_stored_project_is_as_it_was_stored() -> None:
    """Opening converts a copy, never the fixture."""
    assert json.loads((STORED / "case.selfreg" / "project.json").read_text())["schema_version"] == 1
    assert not (STORED / "case.selfreg" / "lock").exists()


def test_labels_are_valid_ome_zarr(stored: Path) -> None:
    number = json.loads((stored / "current.json").read_text())["generation"]
    group: Any = zarr.open_group(stored / "generations" / f"{number:06d}", mode="r")
    ome = group.attrs["ome"]
    assert (ome["version"], ome["labels"]) == ("0.5", ["f1"])
    image = group["f1"].attrs["ome"]
    assert "image-label" in image
    (multiscale,) = image["multiscales"]
    assert [axis["name"] for axis in multiscale["axes"]] == ["y", "x"]
    (dataset,) = multiscale["datasets"]
    assert dataset["coordinateTransformations"][0] == {"type": "scale", "scale": [0.5, 0.5]}
    array = group["f1"][dataset["path"]]
    assert array.dtype == np.int32
    assert array.metadata.dimension_names == ("y", "x")


def test_a_project_is_known_by_its_folder_and_its_file(stored: Path, tmp_path: Path) -> None:
    assert is_project(stored)
    assert is_project(stored / "project.json")
    assert not is_project(tmp_path)
    (tmp_path / "project.json").write_text('["another program\'s"]')
    assert not is_project(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "newer napari-selfreg"),
        ({"schema_version": "1"}, "is damaged"),
        ({"kind": "diary"}, "is damaged"),
        ({"fields": [{"id": "../../etc"}]}, "is damaged"),
    ],
)
def test_what_cannot_be_read_is_told(stored: Path, changes: dict[str, Any], words: str) -> None:
    file = stored / "project.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(BadInputError, match=words):
        read_manifest(stored)


def test_half_a_manifest_is_told(stored: Path) -> None:
    file = stored / "project.json"
    file.write_text(file.read_text()[:100])
    with pytest.raises(BadInputError, match="is damaged: put back a copy"):
        Project.open(stored)


def test_the_manifest_is_readable_and_names_no_user(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.apply("f1", [block(0, 0, 1, 1, 3)])
    text = (project.folder / "project.json").read_text()
    assert str(tmp_path) not in text
    assert text.count("\n") > 10
