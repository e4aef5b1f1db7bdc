"""The images of a project: where they are, and what to do when they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project.manifest import ImageReference, ProjectField
from napari_selfreg.io.project.references import (
    ImageState,
    Stamp,
    full_hash,
    place_of,
    reference_to,
    relative_to,
    stamp_of,
    state_of,
)

if TYPE_CHECKING:
    from napari_selfreg.io.project.store import Project


class Images:
    """The images of a project; reach them as ``project.images``.

    Attributes
    ----------
    on_changed : callable or None
        Called with the id of a field, in any thread, when its image turns out to be another one
        than its fingerprint says.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._others: dict[str, Stamp] = {}
        self.on_changed: Callable[[str], None] | None = None

    def path(self, field: str) -> Path:
        """Return where the image of a field should lie."""
        return place_of(self._project.field(field).image, self._project.folder)

    def state(self, field: str) -> ImageState:
        """Tell whether the image of a field is found, changed or missing.

        What a fingerprint does not sample is compared by `hash_all`.
        """
        found = state_of(self._project.field(field).image, self._project.folder)
        return "changed" if found == "found" and self._is_other(field, self.path(field)) else found

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
        known = _same(reference, record.image) and not self._is_other(field, Path(path).absolute())
        if not known:
            self._check_shape(record, Path(path), changed)
        elif not changed:
            reference = _moved(record.image, reference.path)
        found = {field: reference} | self._moved_along(record, Path(path))
        self._put(found)
        self._project.check_images()
        return tuple(found)

    def set_pixel_size(self, field: str, pixel_size: PixelSize) -> None:
        """Say how large the pixels of an image are, in place of what was said before.

        Parameters
        ----------
        field : str
            Its id.
        pixel_size : PixelSize
            Of the image at full resolution, as a person has chosen it.

        Raises
        ------
        WriteError
            If that cannot be written; the size from before then stays.
        """
        self.set_pixel_sizes({field: pixel_size})

    def set_pixel_sizes(self, sizes: Mapping[str, PixelSize]) -> None:
        """Say how large the pixels of several images are; all are written at once.

        Parameters
        ----------
        sizes : mapping of str to PixelSize
            Id of a field -> as for `set_pixel_size`.

        Raises
        ------
        WriteError
            If that cannot be written; all sizes from before then stay.
        """
        new = {field: (size.y, size.x) for field, size in sizes.items()}

        def changed(record: ProjectField) -> ProjectField:
            if new.get(record.id, record.um_per_px) == record.um_per_px:
                return record
            return record.model_copy(update={"um_per_px": new[record.id], "um_source": "option"})

        if any(self._project.field(field).um_per_px != size for field, size in new.items()):
            self._project.change_fields(changed)

    def hash_all(self, stopped: Callable[[], bool]) -> None:
        """Hash the images that were not hashed since they were written, and compare.

        Takes minutes for slides.
        """
        for record in self._project.fields:
            if self._must_hash(record) and not self._hash(record, stopped):
                return

    def _must_hash(self, record: ProjectField) -> bool:
        stamp, image = stamp_of(self.path(record.id)), record.image
        if stamp is None or (image.sha256 is None and self._project.read_only):
            return False
        if image.sha256 is not None and image.mtime_ns == stamp.mtime_ns:
            return False
        return self.state(record.id) == "found"

    def _hash(self, record: ProjectField, stopped: Callable[[], bool]) -> bool:
        """Hash one image; tell whether to go on."""
        file = self.path(record.id)
        stamp = stamp_of(file)
        try:
            digest = full_hash(file, stopped)
        except OSError:
            return True
        if digest is None or stopped():
            return False
        if stamp is not None and stamp_of(file) == stamp:  # else somebody writes it just now
            if record.image.sha256 in (None, digest):
                self._put_hash(record.image, digest, stamp)
            else:
                self._put_other(record, stamp)
        return True

    def _put_hash(self, image: ImageReference, digest: str, stamp: Stamp) -> None:
        moment = stamp.mtime_ns if stamp.sure else None
        hashed = image.model_copy(update={"sha256": digest, "mtime_ns": moment})
        if hashed == image or self._project.read_only:
            return

        def changed(record: ProjectField) -> ProjectField:
            same = record.image == image  # a person may have located another one meanwhile
            return record.model_copy(update={"image": hashed}) if same else record

        self._project.change_fields(changed)

    def _put_other(self, record: ProjectField, stamp: Stamp) -> None:
        if self._project.field(record.id).image != record.image:  # located meanwhile
            return
        self._others[record.id] = stamp
        if self.on_changed is not None:
            self.on_changed(record.id)

    def _is_other(self, field: str, file: Path) -> bool:
        """Tell whether a file is known to differ in what no fingerprint samples."""
        return field in self._others and self._others[field] == stamp_of(file)

    def _put(self, references: dict[str, ImageReference]) -> None:
        def changed(record: ProjectField) -> ProjectField:
            image = references.get(record.id, record.image)
            return record.model_copy(update={"image": image})

        self._project.change_fields(changed)
        for field in references:
            self._others.pop(field, None)

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
                found[other.id] = _moved(other.image, path)
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


def _moved(image: ImageReference, path: str) -> ImageReference:
    """Return a reference to a file of the same fingerprint, to be compared as a whole."""
    return image.model_copy(update={"path": path, "mtime_ns": None})


def _same(one: ImageReference, other: ImageReference) -> bool:
    return (one.size, one.fingerprint) == (other.size, other.fingerprint)
