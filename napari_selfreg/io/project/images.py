"""The images of a project: where they are, and what to do when they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project.manifest import ImageReference, ProjectField
from napari_selfreg.io.project.references import (
    ImageState,
    full_hash,
    place_of,
    reference_to,
    relative_to,
    state_of,
)

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project


class Images:
    """The images of a project; reach them as ``project.images``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def path(self, field: str) -> Path:
        """Return where the image of a field should lie."""
        return place_of(self._project.field(field).image, self._project.folder)

    def state(self, field: str) -> ImageState:
        """Tell whether the image of a field is found, changed or missing."""
        return state_of(self._project.field(field).image, self._project.folder)

    def locate(self, field: str, path: str | Path, *, changed: bool = False) -> tuple[str, ...]:
        """Say where the image of a field is now; others that moved with it are found, too.

        Parameters
        ----------
        field : str
            Its id.
        path : path-like
            The file.
        changed : bool
            Take it even if its content is not that of the image before; its size in pixels must
            be.

        Returns
        -------
        tuple of str
            Ids of all fields whose images are found again.

        Raises
        ------
        BadInputError
            If it is another image.
        WriteError
            If the project cannot be written.
        """
        self._project.check_writable()
        record = self._project.field(field)
        reference = reference_to(path, self._project.folder)
        if not _same(reference, record.image):
            self._check_shape(record, Path(path), changed)
        else:  # its full hash is known
            reference = record.image.model_copy(update={"path": reference.path})
        found = {field: reference} | self._moved_along(record, Path(path))
        self._put(found)
        return tuple(found)

    def hash_all(self, stopped: Callable[[], bool]) -> None:
        """Hash the images whose full hash is not known yet; takes minutes for slides."""
        for record in self._project.fields:
            if record.image.sha256 is not None or self.state(record.id) != "found":
                continue
            try:
                digest = full_hash(self.path(record.id), stopped)
            except OSError:
                continue
            if digest is None or stopped():
                return
            self._put_hash(record.image, digest)

    def _put_hash(self, image: ImageReference, digest: str) -> None:
        hashed = image.model_copy(update={"sha256": digest})

        def changed(record: ProjectField) -> ProjectField:
            same = record.image == image  # a person may have located another one meanwhile
            return record.model_copy(update={"image": hashed}) if same else record

        self._project.change_fields(changed)

    def _put(self, references: dict[str, ImageReference]) -> None:
        def changed(record: ProjectField) -> ProjectField:
            image = references.get(record.id, record.image)
            return record.model_copy(update={"image": image})

        self._project.change_fields(changed)

    def _moved_along(self, record: ProjectField, file: Path) -> dict[str, ImageReference]:
        """Return images that lie in the new folder as they did in the old one."""
        old, new = self.path(record.id).parent, file.absolute().parent
        found: dict[str, ImageReference] = {}
        for other in self._project.fields:
            there = self.path(other.id)
            if other.id == record.id or there.parent != old or there.exists():
                continue
            candidate = new / there.name
            if state_of(other.image.model_copy(update={"path": str(candidate)}), new) == "found":
                path = relative_to(candidate, self._project.folder)
                found[other.id] = other.image.model_copy(update={"path": path})
        return found

    def _check_shape(self, record: ProjectField, path: Path, changed: bool) -> None:
        with open_image(path) as source:
            shape = source.shape
        if shape != record.image_shape:
            raise BadInputError(
                f"{path.name} has {shape[1]} x {shape[0]} pixels, the image of {record.stem} had "
                f"{record.image_shape[1]} x {record.image_shape[0]}: choose that one."
            )
        if not changed:
            raise BadInputError(
                f"{path.name} is not the image that was corrected, but has its size: choose the "
                "original, or say that it may differ."
            )


def _same(one: ImageReference, other: ImageReference) -> bool:
    return (one.size, one.fingerprint) == (other.size, other.fingerprint)
