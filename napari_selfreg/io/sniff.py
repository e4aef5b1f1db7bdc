"""What a file is, by its first bytes, and one clear sentence for everything it must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_selfreg.core.errors import BadInputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi", ".scn", ".qptiff", ".bif")
IMAGE_SUFFIXES = frozenset(PICTURE_SUFFIXES + TIFF_SUFFIXES)
"""Suffixes, in lower case, of pictures and TIFFs."""

INDEX_SUFFIXES = (".mrxs", ".vms", ".vmu")
"""Suffixes of the one file that stands for a slide of many files."""

Kind = Literal["tiff", "picture", "slide"]

_FOLDER = "{} is a folder: name an image file in it."
_ZARR = "{} is an OME-Zarr image, which is not read: save it as OME-TIFF."
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
_HEADER_BYTES = 132
_OTHER_SLIDES = {
    ".mrxs": "a MIRAX slide",
    ".vms": "a Hamamatsu VMS slide",
    ".vmu": "a Hamamatsu VMU slide",
    ".czi": "a Zeiss CZI slide",
    ".vsi": "an Olympus VSI slide",
    ".isyntax": "a Philips iSyntax slide",
    ".dcm": "a DICOM slide",
    ".dicom": "a DICOM slide",
}


def identify(path: Path) -> Kind:
    """Tell TIFF from other pictures, and from slides that are neither.

    Parameters
    ----------
    path : Path
        Any path a person gave.

    Returns
    -------
    {"tiff", "picture", "slide"}
        Which reader is responsible.

    Raises
    ------
    BadInputError
        If there is no readable file, it is empty, or its content is no image we can read.
    """
    header = first_bytes(path)
    # A .mrxs begins like a JPEG, but is only an index.
    if header[128:132] == b"DICM" or path.suffix.lower() in _OTHER_SLIDES:
        return "slide"
    if header.startswith(_TIFF_MAGIC):
        return "tiff"
    if header.startswith(_PICTURE_MAGIC) or (header[:4] == b"RIFF" and header[8:12] == b"WEBP"):
        return "picture"
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise BadInputError(
            f"{path.name} is damaged, its content is no {path.suffix[1:].upper()} image: copy it "
            "again from its source."
        )
    raise BadInputError(
        f"{path.name} is no image that can be read: choose a PNG, JPEG, BMP, WebP, TIFF, OME-TIFF "
        "or SVS file."
    )


def slide_kind(path: Path) -> str:
    """Return in words what a file is that `identify` calls a slide."""
    return _OTHER_SLIDES.get(path.suffix.lower(), "a DICOM slide")


def first_bytes(path: Path) -> bytes:
    """Return the first bytes of a file, enough to tell what it is.

    Raises
    ------
    BadInputError
        If there is no readable file, or it is empty.
    """
    try:
        if path.is_dir():
            raise BadInputError((_ZARR if path.suffix.lower() == ".zarr" else _FOLDER).format(path))
        if path.exists() and not path.is_file():  # a pipe would be waited for, without an end
            raise BadInputError(f"{path} is a pipe or device, no file: name an image file.")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError as error:
        raise BadInputError(f"{path} does not exist: check the name and the folder.") from error
    except PermissionError as error:
        raise BadInputError(
            f"{path} may not be read: ask for permission or copy the file to a folder of yours."
        ) from error
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} cannot be read: check the disk or network drive and copy the file again."
        ) from error
    if not header:
        raise BadInputError(f"{path.name} is empty: copy it again from its source.")
    return header
