from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.io.outputs import output_paths
from napari_selfreg.widgets import open_jobs
from napari_selfreg.widgets.open_jobs import (
    FileFacts,
    Found,
    Looked,
    ask_file,
    list_images,
    look_at_fields,
    open_field,
)
from tests.io.image_files import smooth, write_svs
from tests.widgets.open_steps import write_fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fields(tmp_path / "case")


def test_files_come_together_and_folders_by_themselves(folder: Path, tmp_path: Path) -> None:
    other = write_fields(tmp_path / "other", "xy")
    found = run(list_images((folder, other / "y.png", other / "x.png")))
    assert found == (
        Found((other / "y.png", other / "x.png")),
        Found(tuple(folder / f"{name}.png" for name in "abc"), folder),
    )


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no image"):
        run(list_images((tmp_path,)))
    with pytest.raises(BadInputError):
        run(list_images(()))


def test_a_field_opens_as_a_layer(folder: Path) -> None:
    data, arguments, kind = run(open_field(folder / "b.png", folder))
    assert np.asarray(data).shape == (40, 61, 3)
    assert (arguments["name"], kind) == ("b", "image")


def test_each_field_is_looked_at_and_a_bad_one_is_told(folder: Path) -> None:
    (folder / "b.png").write_bytes(b"IJrEr1v")
    (folder / "results").mkdir()
    for path in output_paths(folder / "results", "c").values():
        path.touch()
    seen: list[Looked] = []
    run(look_at_fields([folder / f"{name}.png" for name in "abc"], None), seen.append)
    first, second, third = seen
    assert (first.facts.shape, first.problem, first.segmented) == ((40, 60), "", False)
    assert second.facts is None
    assert "b.png is damaged" in second.problem
    assert third.segmented


def test_results_that_cannot_be_read_count_as_hers(folder: Path) -> None:
    (folder / "results").mkdir()
    for path in output_paths(folder / "results", "c").values():
        path.touch()
    seen: list[Looked] = []
    run(look_at_fields([folder / f"{name}.png" for name in "ac"], None), seen.append)
    assert [(each.segmented, each.corrected) for each in seen] == [(False, False), (True, True)]


def test_results_are_looked_for_where_they_go(folder: Path, tmp_path: Path) -> None:
    for path in output_paths(tmp_path, "a").values():
        path.touch()
    seen: list[Looked] = []
    run(look_at_fields([folder / "a.png", folder / "b.png"], tmp_path), seen.append)
    assert [each.segmented for each in seen] == [True, False]


def test_the_file_of_a_layer_is_asked(folder: Path, tmp_path: Path) -> None:
    assert run(ask_file(folder / "a.png")) == FileFacts((40, 60), None, False)
    write_svs(tmp_path / "s.svs", smooth(64, 96))
    assert run(ask_file(tmp_path / "s.svs")) == FileFacts((64, 96), PixelSize(0.499, 0.499), True)
    assert run(ask_file(tmp_path / "missing.png")) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(5, "Input/output error"), ": Input/output error."), (KeyError("x"), " (KeyError).")],
)
def test_what_fails_is_told_of_its_field_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]

    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr(open_jobs, "read_facts", fail)
    looked = list(look_at_fields(paths, None))
    assert [each.problem for each in looked] == [
        f"{name}.png cannot be read{words}" for name in "ab"
    ]
