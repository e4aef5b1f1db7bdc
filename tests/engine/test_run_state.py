"""The state of a run is set aside, never lost, and nothing else is taken for it."""

import os
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.engine.run_state import (
    fingerprint,
    set_aside,
    sole_run,
    state_folder,
)


def _state(folder: Path, text: str) -> Path:
    phase = folder / "main"
    phase.mkdir(parents=True)
    for name in ("state.safetensors", "best.safetensors", "log.csv", ".selfreg-1.tmp"):
        (phase / name).write_text(text)
    (phase / ".DS_Store").write_text("of the desktop")
    (folder / "selection.json").write_text(text)
    return folder


def test_the_folder_lies_beside_the_model(tmp_path: Path) -> None:
    assert state_folder(tmp_path / "a.safetensors") == tmp_path / "a.training"
    with pytest.raises(BadInputError, match=r"\.safetensors"):
        state_folder(tmp_path / "a.pt")


def test_one_earlier_state_is_kept(tmp_path: Path) -> None:
    folder, before = tmp_path / "a.training", tmp_path / "a.training-before"
    assert set_aside(folder) == ""
    for text in ("first", "second"):
        _state(folder, text)
        assert "--resume" in set_aside(folder)
        assert not folder.exists()
        assert (before / "main" / "state.safetensors").read_text() == text


@pytest.mark.parametrize("name", ["photo.png", "main/notes.txt", "main/deeper/log.csv"])
def test_anything_else_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    other = _state(tmp_path / "a.training", "mine") / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("mine")
    with pytest.raises(BadInputError, match="no training wrote"):
        state_folder(tmp_path / "a.safetensors")
    (tmp_path / "a.training").rename(tmp_path / "b.training-before")
    _state(tmp_path / "b.training", "new")
    with pytest.raises(BadInputError, match="no training wrote"):
        set_aside(tmp_path / "b.training")
    assert (tmp_path / "b.training-before" / name).read_text() == "mine"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.training").write_text("mine")
    with pytest.raises(BadInputError, match="no training wrote"):
        state_folder(tmp_path / "a.safetensors")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_refused(tmp_path: Path) -> None:
    _state(tmp_path / "elsewhere", "mine")
    (tmp_path / "a.training").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(BadInputError, match="no training wrote"):
        state_folder(tmp_path / "a.safetensors")


def test_a_folder_named_like_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").mkdir()
    with pytest.raises(WriteError, match="a folder of that name is in the way"):
        state_folder(tmp_path / "a.safetensors")


def test_a_fingerprint_tells_schedules_names_and_labels_apart() -> None:
    labels = np.zeros((2, 6), np.uint8)
    other = labels.copy()
    other[1, 5] = 1
    known = [
        fingerprint("a", ["1"], targets=[labels]),
        fingerprint("b", ["1"], targets=[labels]),
        fingerprint("a", ["2"], targets=[labels]),
        fingerprint("a", ["1"], ["2"], targets=[labels]),
        fingerprint("a", ["1", "2"], targets=[labels]),
        fingerprint("a", ["1", "2"], [], targets=[labels]),
        fingerprint("a", ["1"], targets=[other]),
        fingerprint("a", ["1"], targets=[labels.reshape(3, 4)]),
        fingerprint("a", ["1"], targets=[labels, labels]),
    ]
    assert len(set(known)) == len(known)
    assert fingerprint("a", ["1"], targets=[np.asfortranarray(labels)]) == known[0]


def test_one_run_at_a_time_has_a_state(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "a.training"
    with sole_run(folder):
        refused = pytest.raises(BadInputError, match=r"writing a\.safetensors.*--output")
        with refused, sole_run(folder):
            pytest.fail("two have it")
        with sole_run(tmp_path / "new" / "b.training"):
            pass
    with sole_run(folder):  # free again
        pass
    assert not list(folder.parent.iterdir())


def test_where_no_lock_can_be_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.training.lock").mkdir()
    with sole_run(tmp_path / "a.training"):
        pass

    def acquire(_: object) -> None:  # as in /proc, where no file can be made
        raise Timeout("b.training.lock")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with sole_run(tmp_path / "b.training"):
        pass
