"""File > Open and drops on the window: the same layers as the Open panel makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import npe2
from npe2 import PluginManager

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project import Project, is_project
from napari_selfreg.io.pyramid import with_overview
from napari_selfreg.io.sections import may_be_section
from napari_selfreg.io.volume import is_volume_path
from napari_selfreg.widgets.image_layers import LayerDataTuple, layer_data
from napari_selfreg.widgets.settings import PLUGIN
from napari_selfreg.widgets.shared import PathOffer, shared_for
from napari_selfreg.widgets.volume.opening import open_volume_layer, paths_in

NAPARI = "napari"
"""Name of the plugin that holds napari's own reader."""

CORRECT = "Correct"
"""Name of the Correct panel in the menu."""

Reader = Callable[[str | list[str]], list[Any]]

_NO_LAYERS = [(None,)]
"""What a reader returns that has dealt with a file in its own way."""


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader of a picture, a slide, a volume or a folder of them.

    What is none of ours (grey pictures, channels, other folders) is left to napari's own reader:
    a person who always opens TIFF files with us must not lose the others by that.

    Parameters
    ----------
    path : str or list of str
        As napari gives it; a list is meant to become a stack.

    Returns
    -------
    callable or None
        None where napari cannot read it either.
    """
    paths = path if isinstance(path, list) else [path]
    if len(paths) == 1 and is_project(paths[0]):
        return read_project
    if len(paths) == 1 and _is_ours(Path(paths[0])):
        return read
    return read_by_napari if _napari_reads(paths) else None


def read(path: str | list[str]) -> list[Any]:
    """Open one image, or the first one of a folder: an open panel lists the others.

    In a window with an Open panel the panel opens it, in its own thread and with its own words.

    Parameters
    ----------
    path : str or list of str
        As for `get_reader`.

    Returns
    -------
    list of (data, arguments, "image")
        One layer; pyramids stay on disk. Napari's sign for "no layers" where a panel opens it.

    Raises
    ------
    BadInputError
        One sentence with the file and the remedy.
    """
    named = Path(path[0] if isinstance(path, list) else path)
    if _taken_by_panel(named):
        return list(_NO_LAYERS)
    folder = named if named.is_dir() else None
    return [open_layer(paths_in(named)[0], folder)]


def read_project(path: str | list[str]) -> list[Any]:
    """Open a project of corrections in the Correct panel; without a window, its images.

    Parameters
    ----------
    path : str or list of str
        Its folder, or the ``project.json`` inside.
    """
    named = Path(path[0] if isinstance(path, list) else path)
    viewer = napari.current_viewer()
    if viewer is not None:
        offer = PathOffer(named)
        shared_for(viewer).projectOffered.emit(offer)
        if not offer.taken:
            _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, CORRECT)
            panel.open_project(named)
        return list(_NO_LAYERS)
    with Project.open(named, hash_images=False) as project:
        return [open_layer(project.images.path(each.id)) for each in project.fields]


def read_by_napari(path: str | list[str]) -> list[Any]:
    """Open what is not ours with napari's own reader.

    Parameters
    ----------
    path : str or list of str
        As for `get_reader`.
    """
    paths = path if isinstance(path, list) else [path]
    return list(npe2.read(paths, stack=isinstance(path, list), plugin_name=NAPARI))


def open_layer(path: Path, folder: Path | None = None) -> LayerDataTuple:
    """Open an image file as a layer; safe in any thread.

    Parameters
    ----------
    path : Path
        A picture, TIFF, slide or volume.
    folder : Path, optional
        The folder it was opened with.

    Raises
    ------
    BadInputError
        If it cannot be opened.
    """
    if is_volume_path(path):
        return open_volume_layer(path, folder)
    source = open_image(path)
    try:
        return layer_data(with_overview(source), path, folder=folder)
    except BaseException:
        source.close()
        raise


def _is_ours(path: Path) -> bool:
    if not path.is_dir():
        return is_volume_path(path) or may_be_section(path)
    try:
        return bool(paths_in(path))
    except SelfRegError:
        return False


def _napari_reads(paths: list[str]) -> bool:
    readers = PluginManager.instance().iter_compatible_readers(paths)
    return any(reader.plugin_name == NAPARI for reader in readers)


def _taken_by_panel(path: Path) -> bool:
    """Offer a file to the panels of the window in front; tell whether one opens it."""
    viewer = napari.current_viewer()
    if viewer is None:
        return False
    offer = PathOffer(path)
    shared_for(viewer).pathOffered.emit(offer)
    return offer.taken
