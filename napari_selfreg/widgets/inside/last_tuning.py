"""Which two models belong together: before and after the last fine-tuning of a project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_selfreg.io.project import Project
from napari_selfreg.widgets.inside.looking import Source


def before_and_after(
    project: Project | None, sources: Sequence[Source]
) -> tuple[Source, Source] | None:
    """Return the model that the newest version was made from, and that version.

    Parameters
    ----------
    project : Project or None
    sources : sequence of Source
        To choose from.

    Returns
    -------
    tuple of Source or None
        None where the project has no version, or the files of one of both are gone.
    """
    if project is None or not project.versions.all:
        return None
    newest = project.versions.all[-1]
    files = {each.model: each for each in sources if isinstance(each.model, Path)}
    after = files.get(project.versions.path(newest.id))
    if newest.parent is not None:
        before = files.get(project.versions.path(newest.parent))
    else:
        base = newest.facts.get("base")
        versions = {project.versions.path(each.id) for each in project.versions.all}
        before = next(
            (each for path, each in files.items() if each.name == base and path not in versions),
            None,
        )
    return (before, after) if before is not None and after is not None else None
