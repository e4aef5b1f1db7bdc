"""Which volumes a person named: files as they are, folders by their volumes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.companions import LABEL_SUFFIXES, without_companions
from napari_selfreg.io.images import image_paths, natural_order
from napari_selfreg.io.outputs import check_distinct_stems
from napari_selfreg.io.volume.names import volume_stem
from napari_selfreg.io.volume.reading import is_volume_path


def volume_paths(paths: Sequence[str | Path]) -> list[Path]:
    """List volumes as `napari_selfreg.io.images.image_paths` lists images.

    Parameters
    ----------
    paths : sequence of path-like
        Files and folders. Of a folder, hidden files and labels beside their volume are skipped.

    Returns
    -------
    list of Path
        Each volume once, in order.

    Raises
    ------
    BadInputError
        If nothing was named, a path does not exist, or a folder holds no volume.
    """
    return image_paths(paths, _in_folder)


def check_distinct_volumes(paths: Iterable[str | Path]) -> None:
    """Refuse volumes whose results would overwrite each other.

    Raises
    ------
    BadInputError
        Naming the first two of one stem.
    """
    check_distinct_stems(paths, volume_stem)


def _in_folder(folder: Path) -> list[Path]:
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
        volumes = [file for file in files if file.is_file() and is_volume_path(file)]
    except OSError as error:
        raise BadInputError(f"{folder} cannot be read: allow reading it or copy it.") from error
    images = without_companions(volumes, volume_stem, LABEL_SUFFIXES)
    if not images:
        raise BadInputError(
            f"{folder} holds no volume: choose a folder with NIfTI files or TIFF stacks."
        )
    return sorted(images, key=natural_order)
