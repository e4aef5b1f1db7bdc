"""Where a new project goes."""

from __future__ import annotations

import os
import tempfile
from itertools import count
from pathlib import Path

import platformdirs

SUFFIX = ".selfreg"
"""Folders of projects end in this, so that people and file dialogs tell them apart."""


def new_project_folder(image: str | Path) -> Path:
    """Return a folder for a new project; nothing is made.

    Parameters
    ----------
    image : path-like
        An image of the project.

    Returns
    -------
    Path
        Beside the image, or in Documents if nothing can be written there; named after the image's
        folder, with a number if there is one already.
    """
    beside = Path(image).absolute().parent
    parent = beside if can_write(beside) else Path(platformdirs.user_documents_path())
    name = beside.name or "images"
    for number in count(1):
        words = f"{name} corrections" if number == 1 else f"{name} corrections {number}"
        if not (parent / f"{words}{SUFFIX}").exists():
            return parent / f"{words}{SUFFIX}"
    raise AssertionError("count never ends")


def can_write(folder: Path) -> bool:
    """Tell whether a folder takes files: by trying, since permissions say little on some disks."""
    if not os.access(folder, os.W_OK):
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
