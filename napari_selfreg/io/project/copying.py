"""A copy of an open project elsewhere, for instance when its own disk is full.

It is the project of one moment: what is edited meanwhile, in this window or by the owner of the
lock, comes into the copy whole or not at all.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.project.creation import write_project
from napari_selfreg.io.project.frozen import Frozen
from napari_selfreg.io.project.manifest import Manifest, ProjectField
from napari_selfreg.io.project.records import Labels
from napari_selfreg.io.project.recovery import recover
from napari_selfreg.io.project.references import relative_to
from napari_selfreg.io.project.versions import MODELS

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project

_TRIES = 3

MISSING = "The labels of a field of {} are missing: put them back."
BUSY = (
    "{} is being changed in another window just now, so that no complete copy could be made: wait "
    "a moment, then try again."
)


class _Replaced(Exception):
    """The files of this moment are gone: their owner has taken a snapshot."""


def copy_project(project: Project, folder: Path) -> Path:
    """Write a project as it is in memory; see `Project.copy_to`."""
    for _ in range(_TRIES):
        try:
            with project._snapshots.frozen() as frozen:
                _write(project, frozen, project.manifest, folder)
        except _Replaced as error:
            if not project.read_only:
                raise BadInputError(MISSING.format(project.name)) from error
            project._take_over(recover(project.folder))
        else:
            return folder
    raise BadInputError(BUSY.format(project.name))


def _write(project: Project, frozen: Frozen, manifest: Manifest, folder: Path) -> None:
    def moved(record: ProjectField) -> ProjectField:
        path = relative_to(project.images.path(record.id), folder)
        return record.model_copy(update={"image": record.image.model_copy(update={"path": path})})

    def labels(field: str) -> Labels:
        try:
            return frozen.labels(field)
        except FileNotFoundError as error:
            raise _Replaced from error

    def models(target: Path) -> None:
        (target / MODELS).mkdir()
        for version in manifest.versions:
            source = project.versions.path(version.id)
            if source.is_file():
                shutil.copy2(source, target / MODELS / source.name)

    fields = tuple(map(moved, manifest.fields))
    copied = manifest.model_copy(update={"fields": fields})
    write_project(folder, copied, frozen.state, labels, models)
