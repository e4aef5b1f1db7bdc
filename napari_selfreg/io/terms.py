"""Which models' terms a person on this computer has been shown already.

Research-only terms are shown once, on first use. What is remembered is a list of model names in
the person's settings folder. Where that folder cannot be written the terms are remembered until
the program ends, and shown again next time.
"""

from __future__ import annotations

import logging
from pathlib import Path

import platformdirs

logger = logging.getLogger(__name__)

FILE_NAME = "terms_shown.txt"
_shown_here: set[str] = set()


def needs_notice(card_name: str) -> bool:
    """Tell whether the terms of a model still have to be shown.

    Parameters
    ----------
    card_name : str
        `Card.name` of a model whose card says ``research_only``.

    Returns
    -------
    bool
        False once `remember` was called for that name.
    """
    return card_name not in _shown_here and card_name not in _stored()


def remember(card_name: str) -> None:
    """Note that the terms of a model were shown; never fails.

    Parameters
    ----------
    card_name : str
        `Card.name` of the model.
    """
    if not needs_notice(card_name):
        return
    _shown_here.add(card_name)
    path = settings_folder() / FILE_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"{card_name}\n")
    except OSError as error:
        logger.info("the terms shown are not remembered: %s", error.strerror)


def settings_folder() -> Path:
    """Return the folder for settings of this person (it may not exist yet)."""
    return platformdirs.user_config_path("napari-selfreg", appauthor=False)


def _stored() -> set[str]:
    try:
        text = (settings_folder() / FILE_NAME).read_text("utf-8", errors="replace")
    except OSError:
        return set()
    return set(text.splitlines())
