"""What a file is, by its first bytes, and one clear sentence for everything it must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_selfreg.core.errors import BadInputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi", ".scn", ".qptiff", ".bif")
IMAGE_SUFFIXES = frozenset(PICTURE_SUFFIXES + TIFF_SUFFIXES)
"""Suffixes, in lower case, of files worth listing in a folder."""

Kind = Literal["tiff", "picture"]

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
    """Tell TIFF from other pictures.

    Parameters
    ----------
    path : Path
        Any path a person gave.

    Returns
    -------
    {"tiff", "picture"}
        Which reader is responsible.

    Raises
    ------
    BadInputError
        If there is no readable file, it is empty, or its content is no image we can read.
    """
    header = _header(path)
    if header[128:132] == b"DICM":
        raise _needs_openslide(path.name, "a DICOM slide")
    if path.suffix.lower() in _OTHER_SLIDES:  # a .mrxs begins like a JPEG, but is only an index
        raise _needs_openslide(path.name, _OTHER_SLIDES[path.suffix.lower()])
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


def _header(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise BadInputError(f"{path} is a folder: name an image file in it.")
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


def _needs_openslide(name: str, kind: str) -> BadInputError:
    return BadInputError(
        f"{name} is {kind}, which needs OpenSlide (openslide-bin), not used by this version: "
        "export the slide as OME-TIFF, for example with QuPath, and open that."
    )
