"""A copy of an open project elsewhere, for instance when its own disk is full."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.io.project.creation import write_project
from napari_selfreg.io.project.generations import Generation
from napari_selfreg.io.project.manifest import ProjectField
from napari_selfreg.io.project.references import relative_to
from napari_selfreg.io.project.versions import MODELS

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project


def copy_project(project: Project, folder: Path) -> Path:
    """Write a project as it is in memory; see `Project.copy_to`."""

    def moved(record: ProjectField) -> ProjectField:
        path = relative_to(project.images.path(record.id), folder)
        return record.model_copy(update={"image": record.image.model_copy(update={"path": path})})

    def models(target: Path) -> None:
        (target / MODELS).mkdir()
        for version in project.versions.all:
            source = project.versions.path(version.id)
            if source.is_file():
                shutil.copy2(source, target / MODELS / source.name)

    fields = tuple(map(moved, project.fields))
    state = Generation(
        facts={record.id: project.facts(record.id) for record in fields},
        active=project.active_version,
        looked_at=project.looked_at,
    )
    manifest = project.manifest.model_copy(update={"fields": fields})
    write_project(folder, manifest, state, project.labels, models)
    return folder
