"""Models as the list shows them, and the job that reads new files."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.added_models import added_models, remember_model
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.card import Card

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model: its file, and its card or what is wrong with it.

    Parameters
    ----------
    path : Path
        A bundle.
    card : Card or None
        None if it cannot be used.
    problem : str
        Why not.
    """

    path: Path
    card: Card | None
    problem: str = ""

    @property
    def label(self) -> str:
        """What the list shows: what the model is for, and who may use it."""
        if self.card is None:
            return f"{self.path.stem} (unusable)"
        return f"{self.card.title} · {terms_of(self.card)}"


def terms_of(card: Card) -> str:
    """Return in two words who may use a model.

    Examples
    --------
    ``free use``, ``non-commercial`` or ``research only``.
    """
    if "-NC" in card.licence:
        return "non-commercial"
    return "research only" if card.research_only else "free use"


def read_model(path: Path) -> ModelEntry:
    """Read the card of a bundle."""
    try:
        return ModelEntry(path, read_card(path))
    except BadModelError as error:
        logger.warning("%s", error)
        return ModelEntry(path, None, str(error))


def new_models(paths: tuple[Path, ...]) -> Generator[Event, None, tuple[ModelEntry, ...]]:
    """Read files that a person adds, and remember those that are models.

    Returns
    -------
    tuple of ModelEntry
        One per file.
    """
    entries = []
    for path in paths:
        yield Progress(0, 0)
        entry = read_model(path.resolve())
        if entry.card is not None:
            remember_model(entry.path)
        entries.append(entry)
    return tuple(entries)


def added_files() -> list[Path]:
    """Return the files that a person has added before and that are still there."""
    return added_models()
