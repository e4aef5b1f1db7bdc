"""Writing what a job has made after its project was closed."""

from __future__ import annotations

import time

from napari_selfreg.core.errors import WriteError
from napari_selfreg.io.project.store import Project

_PATIENCE_S = 10.0
"""For the project to be given back: its last snapshot may take seconds."""

_PAUSE_S = 0.1


def opened_again(project: Project) -> Project:
    """Open the folder of a closed project anew, to write into it; whoever asked closes it.

    Waits until the project is given back: for the thread of a job only.

    Parameters
    ----------
    project : Project

    Returns
    -------
    Project

    Raises
    ------
    BadInputError
        If the folder is no project any more.
    WriteError
        If somebody else writes it.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        again = Project.open(project.folder, hash_images=False)
        if not again.read_only:
            return again
        again.close()
        if time.monotonic() > until:
            raise WriteError(again.reason)
        time.sleep(_PAUSE_S)
