"""New projects appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project import ObjectState, Project, creation, ome_labels
from napari_selfreg.io.project.generations import Generation, generation_folder
from napari_selfreg.io.project.manifest import Manifest
from tests.io.project.steps import SHAPE, new_field, new_project, picture, start_labels


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_field_says_how_labels_lie_on_the_image(tmp_path: Path) -> None:
    new = new_field(
        picture(tmp_path / "in" / "a.b.png"),
        pixel_size=PixelSize(0.5, 0.25),
        downsample=(2.0, 4.0),
        offset=(3.0, 5.0),
        image_shape=(100, 200),
        class_of={2: "stroma"},
        state="corrected",
    )
    record = new.record("f7", tmp_path / "out" / "p")
    assert (record.id, record.stem, record.image.path) == ("f7", "a.b", "../../in/a.b.png")
    assert (record.shape, record.image_shape) == (SHAPE, (100, 200))
    assert record.label_size == PixelSize(1.0, 1.0)
    assert new.facts().objects == {2: ObjectState(class_name="stroma")}
    assert new.facts().state == "corrected"
    assert new_field(tmp_path / "in" / "a.b.png", stem="S 1").record("f1", tmp_path).stem == "S 1"


@pytest.mark.parametrize(("shape", "axes"), [((3, 4, 5), 3), ((7,), 1), ((0, 4), 2)])
def test_labels_that_are_no_plane_are_refused(
    tmp_path: Path, shape: tuple[int, ...], axes: int
) -> None:
    new = new_field(picture(tmp_path / "a.png"), labels=np.zeros(shape, np.int32))
    with pytest.raises(BadInputError) as caught:
        Project.create(tmp_path / "p", [new])
    assert str(caught.value) == (
        f"The labels of a.png have {axes} axes or no pixels: give an array of rows and columns."
    )
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.uint32])
def test_labels_of_any_type_are_kept(tmp_path: Path, dtype: Any) -> None:
    new = new_field(picture(tmp_path / "a.png"), labels=start_labels().astype(dtype))
    with Project.create(tmp_path / "p", [new]) as project:
        assert project.labels("f1").dtype == np.int32
        np.testing.assert_array_equal(project.labels("f1"), start_labels())


def test_an_id_that_does_not_fit_leaves_no_project(tmp_path: Path) -> None:
    labels = start_labels().astype(np.int64) * 2**31
    with pytest.raises(BadInputError, match="beyond 2147483647"):
        Project.create(tmp_path / "p", [new_field(picture(tmp_path / "a.png"), labels=labels)])
    assert names(tmp_path) == ["a.png"]


def test_an_image_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        Project.create(tmp_path / "p", [new_field(tmp_path / "b.png")])
    assert str(caught.value) == "b.png cannot be read (No such file or directory)."


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    with Project.create(tmp_path / "p", [new_field(picture(tmp_path / "a.png"))]) as project:
        assert project.name == "p"
    assert names(tmp_path) == ["a.png", "p"]


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    target = tmp_path / "p"
    target.write_text("mine")
    with pytest.raises(BadInputError) as caught:
        Project.create(target, [new_field(picture(tmp_path / "a.png"))])
    assert str(caught.value) == f"{target} is not empty: choose a new folder for the corrections."
    assert target.read_text() == "mine"


def test_a_long_name_of_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 240)
    with Project.create(target, [new_field(picture(tmp_path / "a.png"))]) as project:
        assert project.name == "n" * 200


def test_a_project_may_be_named_and_empty(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p", [], name="Ward 3") as project:
        assert (project.name, project.fields) == ("Ward 3", ())


@pytest.mark.parametrize("step", ["write_fields", "write_state", "point_to", "write_manifest"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_is_told_with_the_folder_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, wrapped: bool
) -> None:
    """Never with the temporary folder, which a person has not chosen."""

    def refuse(*_: object) -> None:
        full = OSError(errno.ENOSPC, "No space left on device")
        if wrapped:
            raise WriteError(".selfreg-0123.tmp could not be written") from full
        raise full

    image, target = picture(tmp_path / "a.png"), tmp_path / "case.selfreg"
    monkeypatch.setattr(creation, step, refuse)
    with pytest.raises(WriteError) as caught:
        Project.create(target, [new_field(image)])
    assert str(caught.value) == (
        f"{target} could not be written, the disk is full: free some space or choose a folder on "
        "another disk."
    )
    assert names(tmp_path) == ["a.png"]


def test_an_error_of_the_disk_inside_of_zarr_is_told_likewise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(ome_labels, "flush_folder", refuse)
    with pytest.raises(WriteError) as caught:
        new_project(tmp_path)
    target = tmp_path / "case.selfreg"
    assert str(caught.value).startswith(f"{target} could not be written (Input/output error)")
    assert names(tmp_path) == ["a.png"]


def test_what_is_not_about_the_disk_is_told_as_it_is(tmp_path: Path) -> None:
    def no_labels(_: str) -> Any:
        raise BadInputError("The labels are damaged.")

    record = new_field(picture(tmp_path / "a.png")).record("f1", tmp_path / "p")
    with pytest.raises(BadInputError, match="are damaged"):
        creation.write_project(
            tmp_path / "p", Manifest(name="p", fields=(record,)), Generation(), no_labels
        )
    assert names(tmp_path) == ["a.png"]


def test_what_a_broken_snapshot_left_is_replaced(tmp_path: Path) -> None:
    record = new_field(picture(tmp_path / "a.png")).record("f1", tmp_path)
    rest = generation_folder(tmp_path, 4) / "f1" / "0" / "c" / "9"
    rest.mkdir(parents=True)
    creation.write_fields(tmp_path, 4, [record], lambda _: start_labels())
    assert not rest.exists()
    found = ome_labels.read_labels(generation_folder(tmp_path, 4) / "f1", SHAPE)
    np.testing.assert_array_equal(found, start_labels())
