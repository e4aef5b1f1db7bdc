"""Put a version of the model into use, for this project and for the Segment panel."""

from __future__ import annotations

from pathlib import Path

from napari_selfreg.io.added_models import forget_model, remember_model
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.shared import Shared


def put_to_use(shared: Shared, project: Project, version: str | None, base: Path | None) -> None:
    """Use a version from now on; of a project only that one stays in the list of models.

    Parameters
    ----------
    shared : Shared
        Tells the Segment panel.
    project : Project
        Whose version it is.
    version : str or None
        Its id; None for the model outside of the project.
    base : Path, optional
        That model.

    Raises
    ------
    BadModelError
        If the file of the version is missing or damaged; nothing has changed then.
    WriteError
        If the project is read-only.
    """
    project.versions.activate(version)
    for other in project.versions.all:
        if other.id != version:
            forget_model(project.versions.path(other.id))
    if version is not None:
        path = project.versions.path(version)
        remember_model(path)
        shared.modelDropped.emit(path)
    elif base is not None:
        shared.modelWanted.emit(base)
