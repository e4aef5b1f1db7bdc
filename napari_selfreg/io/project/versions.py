"""Model versions of a project: bundles copied into it, with lineage and notes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_selfreg.core.errors import BadInputError, BadModelError, WriteError
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.bundle import SUFFIX, read_card, sha256
from napari_selfreg.io.project.manifest import MAX_NAME, VersionRecord
from napari_selfreg.io.project.records import VersionActive

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project

MODELS = "models"


class Versions:
    """The model versions of a project, oldest first.

    Parameters
    ----------
    project : Project
        Whose versions; reach them as ``project.versions``.
    """

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def all(self) -> tuple[VersionRecord, ...]:
        """All versions, oldest first."""
        return self._project.manifest.versions

    @property
    def active(self) -> VersionRecord | None:
        """The version in use; None while none was chosen."""
        identity = self._project.active_version
        return next((each for each in self.all if each.id == identity), None)

    def __getitem__(self, identity: str) -> VersionRecord:
        for version in self.all:
            if version.id == identity:
                return version
        raise KeyError(identity)

    def path(self, identity: str) -> Path:
        """Return the bundle of a version."""
        return self._project.folder / MODELS / f"{self[identity].id}{SUFFIX}"

    def lineage(self, identity: str) -> tuple[VersionRecord, ...]:
        """Return a version and those it was made from, newest first."""
        line: list[VersionRecord] = []
        known = {version.id: version for version in self.all}
        at: str | None = identity
        while at is not None and at in known and known[at] not in line:
            line.append(known[at])
            at = known[at].parent
        return tuple(line)

    def add(
        self,
        bundle: str | Path,
        title: str,
        *,
        parent: str | None = None,
        note: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> VersionRecord:
        """Copy a bundle into the project as a new version; it is not put into use.

        Parameters
        ----------
        bundle : path-like
            A model file. One that is a version already is not copied again.
        title : str
            What a person calls it.
        parent : str, optional
            Id of the version it was fine-tuned from.
        note : str
            The person's own words.
        facts : mapping, optional
            What is known about its making, JSON-able.

        Returns
        -------
        VersionRecord

        Raises
        ------
        BadModelError
            If it is no bundle.
        BadInputError
            If the title is empty or too long.
        WriteError
            If the project cannot be written; it then stays as it was.
        """
        self._project.check_writable()
        card = read_card(bundle)
        digest = sha256(Path(bundle))
        for known in self.all:
            if known.sha256 == digest:
                return known
        if parent is not None:
            self[parent]
        version = VersionRecord(
            id=uuid4().hex[:12],
            title=_checked(title),
            model=card.name,
            sha256=digest,
            parent=parent,
            created=datetime.now(UTC).replace(microsecond=0),
            note=note,
            facts=dict(facts or {}),
        )
        copy = self._project.folder / MODELS / f"{version.id}{SUFFIX}"
        _copy(Path(bundle), copy)
        try:
            self._project.change_versions(lambda known: (*known, version))
        except WriteError:
            copy.unlink(missing_ok=True)
            raise
        return version

    def rename(self, identity: str, title: str) -> None:
        """Give a version another title; raises BadInputError if it is empty or too long."""
        self._change(identity, title=_checked(title))

    def write_note(self, identity: str, note: str) -> None:
        """Replace the note of a version."""
        self._change(identity, note=note)

    def write_facts(self, identity: str, facts: Mapping[str, Any]) -> None:
        """Replace what is known about the making of a version (a refined verdict)."""
        self._change(identity, facts=dict(facts))

    def activate(self, identity: str | None) -> None:
        """Put a version into use (back, if need be); None stands for the panel's model."""
        if identity is not None:
            self.check(identity)
        self._project.record(VersionActive(version=identity))

    def check(self, identity: str) -> Path:
        """Return the bundle of a version if it is whole; raises BadModelError."""
        path, version = self.path(identity), self[identity]
        try:
            whole = sha256(path) == version.sha256
        except OSError:
            whole = False
        if not whole:
            raise BadModelError(
                f"The file of the version {version.title} is missing or damaged: choose another "
                "version."
            )
        return path

    def export(self, identity: str, target: str | Path) -> Path:
        """Write a version as one bundle file.

        Parameters
        ----------
        identity : str
            Of the version.
        target : path-like
            Gets the suffix of models if it has none.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        BadModelError
            If the version's own file is damaged.
        WriteError
            If it cannot be written.
        """
        path = Path(target)
        path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        _copy(self.check(identity), path)
        return path

    def _change(self, identity: str, **changes: Any) -> None:
        old = self[identity]
        new = VersionRecord.model_validate({**old.model_dump(), **changes})
        self._project.change_versions(
            lambda known: tuple(new if each.id == identity else each for each in known)
        )


def _checked(title: str) -> str:
    if not 1 <= len(title) <= MAX_NAME:
        raise BadInputError(f"Give the version a title of 1 to {MAX_NAME} letters.")
    return title


def _copy(source: Path, target: Path) -> None:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise BadInputError(f"{source.name} cannot be read ({error.strerror}).") from error
    with stream, atomic_write(target) as copy:
        shutil.copyfileobj(stream, copy)
