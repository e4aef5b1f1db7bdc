"""Jobs of the Open panel: everything that touches a disk, away from the window's thread."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.fields import FieldFacts, has_results, read_facts, results_folder
from napari_selfreg.io.handmade import why_kept, why_kept_volume
from napari_selfreg.io.images import image_paths, open_image
from napari_selfreg.io.saved_results import SavedResult, is_saved, read_saved
from napari_selfreg.io.volume import is_volume_path, volume_stem
from napari_selfreg.widgets.image_layers import LayerDataTuple
from napari_selfreg.widgets.readers import open_layer
from napari_selfreg.widgets.volume.opening import has_volume_results, paths_in, read_volume_facts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Images of one thing that a person has opened.

    Parameters
    ----------
    paths : tuple of Path
        In order.
    folder : Path or None
        The folder, if it was one.
    """

    paths: tuple[Path, ...]
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Looked(Event):
    """A field was looked at.

    Parameters
    ----------
    path : Path
        Its file.
    facts : FieldFacts or None
        None where it cannot be opened.
    problem : str
        Then why not.
    segmented : bool
        Whether files of a result lie in the folder of results.
    corrected : bool
        Whether a person has changed the objects in them, or may have: a file cannot be read.
    """

    path: Path
    facts: FieldFacts | None
    problem: str = ""
    segmented: bool = False
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says that napari's own reader has left out.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns at full resolution.
    stated : PixelSize or None
        The pixel size it states.
    lazy : bool
        Whether it can be read piece by piece.
    """

    shape: tuple[int, int]
    stated: PixelSize | None
    lazy: bool


def list_images(paths: Sequence[Path]) -> Generator[Event, None, tuple[Found, ...]]:
    """List what a person has opened.

    Raises
    ------
    BadInputError
        If there is nothing, or a folder holds no image.
    """
    yield Progress(0, 0, "Looking for images")
    files = [path for path in paths if not path.is_dir()]
    found = [Found(tuple(paths_in(path)), path) for path in paths if path not in files]
    if files or not found:
        found.insert(0, Found(tuple(image_paths(files))))
    return tuple(found)


def open_field(path: Path, folder: Path | None) -> Generator[Event, None, LayerDataTuple]:
    """Open one image; the layer is made in the window's thread.

    Raises
    ------
    BadInputError
        If it cannot be opened.
    """
    yield Progress(0, 0, f"Opening {path.name}")
    return open_layer(path, folder)


def look_at_fields(paths: Sequence[Path], results: Path | None) -> Generator[Event, None, None]:
    """Tell size, thumbnail and state of each field, in order.

    Parameters
    ----------
    paths : sequence of Path
        The images.
    results : Path or None
        Where results lie; None for the usual folder beside each image.
    """
    for path in paths:
        try:
            facts, there, hers = _look_at(path, results)
        except SelfRegError as error:
            yield Looked(path, None, str(error))
        except OSError as error:
            yield Looked(path, None, f"{path.name} cannot be read: {error.strerror}.")
        except Exception as error:  # one odd file must not leave all others without facts
            logger.exception("%s could not be looked at", path.name)
            yield Looked(path, None, f"{path.name} cannot be read ({type(error).__name__}).")
        else:
            yield Looked(path, facts, segmented=there, corrected=hers)


def _look_at(path: Path, results: Path | None) -> tuple[FieldFacts, bool, bool]:
    """Return what a file says, whether it is segmented, and whether that must stay."""
    if is_volume_path(path):
        facts = read_volume_facts(path)
        stem, folder = volume_stem(path), results or results_folder(path)
        there = has_volume_results(path, stem, folder)
        return facts, there, there and bool(why_kept_volume(folder, stem))
    facts, there = read_facts(path), has_results(path, results)
    return facts, there, there and bool(why_kept(results or results_folder(path), path.stem))


def ask_file(path: Path) -> Generator[Event, None, FileFacts | None]:
    """Ask the file of a layer that napari has read; None if it is no image of ours."""
    yield Progress(0, 0, f"Reading the pixel size of {path.name}")
    try:
        with open_image(path) as source:
            return FileFacts(source.shape, source.pixel_size, source.lazy)
    except SelfRegError:
        return None


def load_saved(path: Path, results: Path | None) -> Generator[Event, None, SavedResult | None]:
    """Read what was saved of a field earlier, None if nothing was.

    Raises
    ------
    BadInputError
        If its files cannot be read.
    """
    yield Progress(0, 0, f"Reading the results of {path.name}")
    return read_saved(path, results) if is_saved(path, results) else None
