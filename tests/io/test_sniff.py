from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.sniff import IMAGE_SUFFIXES, identify, slide_kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"BM6\0", "picture"),
        (b"RIFF\x10\0\0\0WEBPVP8L", "picture"),
    ],
)
def test_first_bytes(tmp_path: Path, start: bytes, kind: str) -> None:
    path = tmp_path / "file.any"
    path.write_bytes(start + bytes(200))
    assert identify(path) == kind


def sentence(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        identify(path)
    text = str(caught.value)
    assert path.name in text
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_missing(tmp_path: Path) -> None:
    assert "does not exist: check" in sentence(tmp_path / "nothing.png")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder: name an image" in sentence(tmp_path)
    (tmp_path / "a.ome.zarr").mkdir()
    assert "save it as OME-TIFF" in sentence(tmp_path / "a.ome.zarr")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "is a pipe or device, no file: name an image" in sentence(tmp_path / "pipe.png")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.svs").touch()
    assert sentence(tmp_path / "empty.svs") == "empty.svs is empty: copy it again from its source."


@pytest.mark.parametrize(
    ("error", "words"),
    [(PermissionError(13, "no"), "may not be read: ask"), (OSError(5, "I/O"), "check the disk")],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr(Path, "open", refuse)
    assert words in sentence(tmp_path / "a.png")


def test_impossible_names(tmp_path: Path) -> None:
    assert "cannot be read" in sentence(tmp_path / ("x" * 5000 + ".png"))
    assert "cannot be read" in sentence(tmp_path / "nul\0.png")


def test_dicom_by_content_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "slide").write_bytes(bytes(128) + b"DICM" + bytes(50))
    (tmp_path / "other.dcm").write_bytes(b"no preamble")
    for name in ("slide", "other.dcm"):
        assert identify(tmp_path / name) == "slide"
        assert slide_kind(tmp_path / name) == "a DICOM slide"


def test_a_mirax_index_is_not_shown_as_the_jpeg_it_begins_with(tmp_path: Path) -> None:
    (tmp_path / "slide.mrxs").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    assert identify(tmp_path / "slide.mrxs") == "slide"
    assert slide_kind(tmp_path / "slide.mrxs") == "a MIRAX slide"


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_an_image_suffix_with_other_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"IJrEr1vVVJCwCYMt")
    assert f"is damaged, its content is no {suffix[1:].upper()} image: copy" in sentence(path)


def test_another_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "is no image that can be read: choose a PNG" in sentence(tmp_path / "notes.txt")


def test_the_real_broken_slide_and_dicom(shared_data: Path) -> None:
    assert "broken.svs is damaged" in sentence(shared_data / "slides" / "broken.svs")
    assert identify(shared_data / "slides" / "small_dicom.dcm") == "slide"
