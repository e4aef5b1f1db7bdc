"""What a resumed run must not harm: the finished model that it is to make again."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.checkpoint import read_progress
from napari_selfreg.engine.publish import run_record
from napari_selfreg.io.atomic import write_error
from napari_selfreg.io.bundle import read_card

_LOG = logging.getLogger(__name__)
_OF_THE_RUN = ("steps", "best_step", "best_validation_dice", "finished", "seconds")


@contextmanager
def sparing(output: Path, state: Path, *, resume: bool) -> Iterator[Path]:
    """Give the file a run writes: a draft where the output holds its scored model already.

    The draft takes the place of the output when the block ends well.

    Parameters
    ----------
    output : Path
        The bundle.
    state : Path
        Folder of the state of the run that is scored.
    resume : bool
        Whether that state is used.

    Yields
    ------
    Path

    Raises
    ------
    BadInputError
        If the state cannot be read.
    WriteError
        If the draft cannot be put in place.
    """
    if not (resume and is_scored(output, state)):
        yield output
        return
    with _folder_beside(output) as folder:
        draft = folder / output.name
        try:
            yield draft
        except (GeneratorExit, KeyboardInterrupt):
            _LOG.warning("training interrupted: the finished model was left as it was")
            raise
        try:
            draft.replace(output)
        except OSError as error:
            raise write_error(output, error) from error


def is_scored(output: Path, state: Path) -> bool:
    """Tell whether a bundle holds the finished run of a state, with its scores.

    Parameters
    ----------
    output : Path
    state : Path
        Folder of the run's state.

    Returns
    -------
    bool

    Raises
    ------
    BadInputError
        If the state cannot be read.
    """
    file = state / "state.safetensors"
    if not (output.is_file() and file.is_file()):
        return False
    try:
        card = read_card(output)
    except BadModelError:
        return False
    run = run_record(read_progress(file), torch.device("cpu"))
    same = all(card.training.get(name) == run[name] for name in _OF_THE_RUN)
    return same and run["finished"] is True and bool(card.metrics)


@contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix=".selfreg-", dir=output.parent)
    except OSError as error:
        raise write_error(output, error) from error
    with folder as name:
        yield Path(name)
