"""Open any image a pathologist has: one function, one kind of result, one kind of error."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.companions import LABEL_SUFFIXES, RESULT_SUFFIX, without_companions
from napari_selfreg.io.pixel_size import PixelSizeChoice, resolve_pixel_size
from napari_selfreg.io.rgb import to_rgb8
from napari_selfreg.io.sniff import IMAGE_SUFFIXES, INDEX_SUFFIXES, identify, slide_kind
from napari_selfreg.io.sources import ImageSource, Level

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageSource",
    "Level",
    "PixelSizeChoice",
    "image_paths",
    "open_image",
    "resolve_pixel_size",
    "to_rgb8",
]


def open_image(path: str | os.PathLike[str]) -> ImageSource:
    """Open a picture, TIFF or slide for reading.

    Parameters
    ----------
    path : str or path-like
        PNG, JPEG, BMP, WebP, TIFF, OME-TIFF, or a slide that tifffile reads (SVS, NDPI, SCN …);
        with OpenSlide installed also DICOM, MIRAX and others. The content decides, not the
        suffix.

    Returns
    -------
    ImageSource
        Levels of uint8 RGB, the stated pixel size, warnings; close it after use.

    Raises
    ------
    BadInputError
        One sentence with the file and the remedy, whatever is wrong.
    """
    file = Path(path)
    kind = identify(file)
    if kind == "tiff":
        return _open_tiff(file)
    if kind == "slide":
        from napari_selfreg.io.openslides import open_slide

        return open_slide(file, slide_kind(file))
    from napari_selfreg.io.pictures import open_picture

    return open_picture(file)


def _open_tiff(file: Path) -> ImageSource:
    from napari_selfreg.io.openslides import rescue
    from napari_selfreg.io.tiffs import open_tiff

    try:
        return open_tiff(file)
    except BadInputError:
        source = rescue(file)
        if source is None:
            raise
        return source


def image_paths(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    in_folder: Callable[[Path], list[Path]] | None = None,
) -> list[Path]:
    """List the images that a person named: files as they are, folders by their images.

    In a folder, hidden files are skipped, and so are label files beside their image
    (``a_mask.png`` beside ``a.png``); ``field_2`` comes before ``field_10``.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders; folders are not searched deeper.
    in_folder : callable, optional
        Lists another kind of image in a folder.

    Returns
    -------
    list of Path
        Each image once, as it was named first, in order.

    Raises
    ------
    BadInputError
        If nothing was named, a path does not exist, or a folder holds no image.
    """
    named = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not named:
        raise BadInputError("No image was named: give at least one file or folder.")
    found: dict[str, Path] = {}
    for path in map(Path, named):
        for image in (in_folder or _in_folder)(path) if path.is_dir() else [_existing(path)]:
            # Links are not followed: one file under two names is two images with two results.
            whole = os.path.abspath(image)  # noqa: PTH100 - resolve() would follow links
            found.setdefault(os.path.normcase(whole), image)
    return list(found.values())


def _existing(path: Path) -> Path:
    if not path.exists():
        raise BadInputError(f"{path} does not exist: check the name and the folder.")
    return path


def _in_folder(folder: Path) -> list[Path]:
    listed = IMAGE_SUFFIXES.union(INDEX_SUFFIXES)
    try:
        entries = [path for path in folder.iterdir() if path.suffix.lower() in listed]
    except OSError as error:
        raise BadInputError(f"{folder} cannot be read: allow reading it or copy it.") from error
    files = [path for path in entries if not path.name.startswith(".") and path.is_file()]
    images = without_companions(files, lambda path: path.stem, (*LABEL_SUFFIXES, RESULT_SUFFIX))
    if not images:
        raise BadInputError(
            f"{folder} holds no image: choose a folder with PNG, JPEG, BMP, WebP, TIFF or slides."
        )
    return sorted(images, key=natural_order)


def natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a key by which ``field_2`` comes before ``field_10``."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name
