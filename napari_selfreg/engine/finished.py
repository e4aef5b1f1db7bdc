"""What a run leaves at its output: its best so far if interrupted, never less than was there."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.checkpoint import read_progress, read_tensors
from napari_selfreg.engine.publish import run_record
from napari_selfreg.engine.training_loop import FitResult
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


def keep_best(state: Path, output: Path, write: Callable[[FitResult], object]) -> None:
    """Write what an interrupted run has reached, if that is worth it, and log what was done.

    Parameters
    ----------
    state : Path
        Folder of the run's state.
    output : Path
        Where it is written.
    write : callable
        Writes weights to the output, without scoring them.

    Raises
    ------
    BadInputError
        If the state cannot be read.
    """
    kept = _best_so_far(state, output)
    if kept is None:
        _LOG.warning("training interrupted: nothing was written yet, --resume goes on")
        return
    write(kept)
    _LOG.warning("training interrupted: the best model so far was written")


def _best_so_far(folder: Path, output: Path) -> FitResult | None:
    """Return what an interrupted run has found that is worth writing.

    None if the run made no step, or if nothing judged its weights yet and they would replace
    another model.
    """
    state, best = folder / "state.safetensors", folder / "best.safetensors"
    if not (state.is_file() and best.is_file()):
        return None
    progress = read_progress(state)
    if progress.best_step == 0 and output.exists():
        return None
    return FitResult(read_tensors(best)[0], progress)


@contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix=".selfreg-", dir=output.parent)
    except OSError as error:
        raise write_error(output, error) from error
    with folder as name:
        yield Path(name)
