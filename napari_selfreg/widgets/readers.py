"""File > Open and drops on the window: the same layers as the Open panel makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.images import image_paths, open_image
from napari_selfreg.io.pyramid import with_overview
from napari_selfreg.widgets.image_layers import LayerDataTuple, layer_data

Reader = Callable[[str | list[str]], list[LayerDataTuple]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader of a picture, a slide or a folder of them; None for anything else.

    Parameters
    ----------
    path : str or list of str
        As napari gives it; a list is meant to become a stack, which is not ours.
    """
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    return read if _is_ours(Path(path)) else None


def read(path: str | list[str]) -> list[LayerDataTuple]:
    """Open one image, or the first one of a folder: an open panel lists the others.

    Parameters
    ----------
    path : str or list of str
        As for `get_reader`.

    Returns
    -------
    list of (data, arguments, "image")
        One layer; pyramids stay on disk.

    Raises
    ------
    BadInputError
        One sentence with the file and the remedy.
    """
    named = Path(path[0] if isinstance(path, list) else path)
    folder = named if named.is_dir() else None
    return [open_layer(image_paths(named)[0], folder)]


def open_layer(path: Path, folder: Path | None = None) -> LayerDataTuple:
    """Open an image file as a layer; safe in any thread.

    Parameters
    ----------
    path : Path
        A picture, TIFF or slide.
    folder : Path, optional
        The folder it was opened with.

    Raises
    ------
    BadInputError
        If it cannot be opened.
    """
    source = open_image(path)
    try:
        return layer_data(with_overview(source), path, folder=folder)
    except BaseException:
        source.close()
        raise


def _is_ours(path: Path) -> bool:
    if not path.is_dir():
        return True
    try:
        return bool(image_paths(path))
    except SelfRegError:
        return False
