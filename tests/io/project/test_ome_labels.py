"""Label images on disk: written whole, read back, never guessed."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project import ome_labels
from napari_selfreg.io.project.ome_labels import (
    flush_tree,
    read_labels,
    write_group,
    write_labels,
)
from napari_selfreg.io.project.records import Labels
from tests.io.project.steps import SHAPE, start_labels

SIZE = PixelSize(0.5, 0.25)


def write(folder: Path, labels: Labels, name: str = "f1") -> Path:
    write_group(folder, [name])
    write_labels(folder / name, labels, SIZE, (3.0, 4.5))
    flush_tree(folder)
    return folder / name


def chunks(place: Path) -> list[Path]:
    return sorted(path for path in (place / "0" / "c").rglob("*") if path.is_file())


@settings(max_examples=15)
@given(
    arrays.arrays(
        np.int32,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.integers(0, 2**31 - 1),
    )
)
def test_labels_come_back(tmp_path_factory: pytest.TempPathFactory, labels: Labels) -> None:
    place = write(tmp_path_factory.mktemp("labels") / "g", labels)
    again = read_labels(place, labels.shape)
    assert again.dtype == np.int32
    assert again.flags.writeable
    np.testing.assert_array_equal(again, labels)


@pytest.mark.parametrize("order", ["turned", "every second"])
def test_views_are_written_as_they_look(tmp_path: Path, order: str) -> None:
    labels = start_labels()
    view = labels.T if order == "turned" else labels[::2, ::2]
    np.testing.assert_array_equal(read_labels(write(tmp_path / "g", view), view.shape), view)


def test_the_place_on_the_image_is_said_in_micrometres(tmp_path: Path) -> None:
    write(tmp_path / "g", start_labels())
    group: Any = zarr.open_group(tmp_path / "g", mode="r")
    (multiscale,) = group["f1"].attrs["ome"]["multiscales"]
    assert {axis["unit"] for axis in multiscale["axes"]} == {"micrometer"}
    assert multiscale["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [0.5, 0.25]},
        {"type": "translation", "translation": [3.0, 4.5]},
    ]


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_labels(tmp_path / "absent", SHAPE)


def damaged(place: Path, shape: tuple[int, int] = SHAPE) -> str:
    with pytest.raises(BadInputError) as caught:
        read_labels(place, shape)
    return str(caught.value)


def test_labels_of_another_size_are_damaged(tmp_path: Path) -> None:
    place = write(tmp_path / "000007", start_labels())
    assert damaged(place, (SHAPE[0], SHAPE[1] + 1)) == (
        "The labels in 000007/f1 are damaged: put back a copy of the project."
    )


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_damaged_metadata_is_told(tmp_path: Path, damage: str) -> None:
    place = write(tmp_path / "g", start_labels())
    (place / "0" / "zarr.json").write_text(damage)
    assert "are damaged" in damaged(place)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.99])
def test_one_wrong_byte_in_a_chunk_is_told(tmp_path: Path, part: float) -> None:
    place = write(tmp_path / "g", start_labels())
    (chunk,) = chunks(place)
    data = bytearray(chunk.read_bytes())
    data[int(part * len(data))] ^= 0x41
    chunk.write_bytes(data)
    assert "are damaged" in damaged(place)


@pytest.mark.parametrize("which", range(4))
def test_a_lost_chunk_is_no_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    monkeypatch.setattr(ome_labels, "_CHUNK", 16)
    labels = start_labels()
    labels[16:, 16:] = 0  # nothing in one chunk: it is written all the same
    place = write(tmp_path / "g", labels)
    np.testing.assert_array_equal(read_labels(place, SHAPE), labels)
    files = chunks(place)
    assert len(files) == 4
    files[which].unlink()
    assert "are damaged" in damaged(place)


def test_chunks_of_earlier_programs_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ome_labels, "_CHUNK", 16)
    labels = start_labels()
    labels[16:, 16:] = 0
    place = write(tmp_path / "g", labels)
    chunks(place)[3].unlink()
    group = zarr.open_group(place, mode="r+")
    del group.attrs[ome_labels._WHOLE]
    np.testing.assert_array_equal(read_labels(place, SHAPE), labels)


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission is missing")],
)
def test_a_disk_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(zarr, "create_group", refuse)
    with pytest.raises(WriteError, match=words):
        write_group(tmp_path / "g", [])
    with pytest.raises(WriteError, match=words):
        write_labels(tmp_path / "g", start_labels(), SIZE, (0, 0))
    (tmp_path / "file").touch()
    monkeypatch.setattr(ome_labels.os, "fsync", refuse)
    with pytest.raises(WriteError, match=words):
        flush_tree(tmp_path)
