"""Which label file belongs to which image, by name alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_files import LABEL_EXTENSIONS
from napari_selfreg.io.sniff import IMAGE_SUFFIXES

LABEL_SUFFIXES = ("_anno", "_mask", "_label", "_labels")
"""What may follow the image's stem in the name of its label file."""

RESULT_SUFFIX = "_objects"
"""Follows the image's stem in the name of a label image that we have written."""

_JPEG = (".jpg", ".jpeg")

# slides we cannot open pair all the same: opening them says what would be needed
_IMAGE_EXTENSIONS = IMAGE_SUFFIXES | {".dcm", ".dicom", ".mrxs", ".vms", ".vmu", ".czi", ".jp2"}


@dataclass(frozen=True, slots=True)
class Naming:
    """Which files count as images and as labels, in lower case, and what their stem is.

    With `results` the label images that we have written count, too, unless the folder holds
    others: beside a person's labels they are what a model has found.
    """

    image_suffixes: tuple[str, ...]
    label_suffixes: tuple[str, ...]
    stem: Callable[[Path], str]
    results: bool = False

    @property
    def endings(self) -> tuple[str, ...]:
        """What may follow an image's stem in the name of its label file."""
        return (*LABEL_SUFFIXES, RESULT_SUFFIX) if self.results else LABEL_SUFFIXES

    def is_result(self, file: Path) -> bool:
        """Return whether a file is named like one that we have written."""
        return self.results and self.stem(file).lower().endswith(RESULT_SUFFIX)


PICTURES = Naming(tuple(_IMAGE_EXTENSIONS), tuple(LABEL_EXTENSIONS), lambda file: file.stem)
"""Pictures and slides with label pictures or outlines."""

CORRECTED = replace(PICTURES, results=True)
"""The same, with the objects that ``export`` writes."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its label file; `stem` is the image's name without folder and extension."""

    image: Path
    label: Path
    stem: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """All pairs of two folders, by stem, and the images that have no label file."""

    pairs: tuple[Pair, ...]
    unlabelled: tuple[Path, ...]


def pair_files(images_dir: str | Path, labels_dir: str | Path) -> list[Pair]:
    """Return the pairs of two folders, sorted by stem.

    Parameters
    ----------
    images_dir, labels_dir : str or Path
        Folders, which may be the same one.

    Returns
    -------
    list of Pair

    Raises
    ------
    BadInputError
        See `find_pairs`.
    """
    return list(find_pairs(images_dir, labels_dir).pairs)


def find_pairs(
    images_dir: str | Path, labels_dir: str | Path, naming: Naming = PICTURES
) -> Pairing:
    """Pair images with label files of the same stem, or of the stem plus one of its endings.

    In one common folder the file with the suffix (or an XML) is the label.

    Parameters
    ----------
    images_dir, labels_dir : str or Path
        Folders, which may be the same one; subfolders are not searched.
    naming : Naming, optional
        Which files count; pictures unless said otherwise.

    Returns
    -------
    Pairing
        Pairs sorted by stem, and the images without a label file.

    Raises
    ------
    BadInputError
        If a folder is missing, a label file has no image, two files claim the same place, or
        nothing pairs.
    """
    image_folder, label_folder = Path(images_dir), Path(labels_dir)
    image_files = list(_files(image_folder, naming.image_suffixes))
    label_files = list(_files(label_folder, naming.label_suffixes))
    if image_folder.resolve() == label_folder.resolve():
        label_files = [file for file in label_files if _looks_like_label(file, naming)]
        image_files = [file for file in image_files if not _looks_like_label(file, naming)]
    images = _by_stem(image_files, naming)
    label_files = _without_results(label_files, images, naming)
    labels: dict[str, Path] = {}
    for file in label_files:
        stem = _image_stem(file, images, naming)
        if stem in labels:
            raise _ambiguous(labels[stem], file)
        labels[stem] = file
    if not labels:
        raise _none_paired(image_folder, label_folder, naming)
    pairs = tuple(Pair(images[stem], labels[stem], stem) for stem in sorted(labels))
    unlabelled = tuple(images[stem] for stem in sorted(images.keys() - labels.keys()))
    return Pairing(pairs, unlabelled)


def _files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except NotADirectoryError:
        raise BadInputError(f"{folder.name} is a file: give a folder.") from None
    except FileNotFoundError:
        raise BadInputError(f"The folder {folder} does not exist: check the path.") from None
    except OSError as error:
        raise BadInputError(f"The folder {folder} cannot be read ({error.strerror}).") from error
    for entry in entries:
        hidden = entry.name.startswith(".")
        if entry.name.lower().endswith(suffixes) and not hidden and entry.is_file():
            yield entry


def _looks_like_label(file: Path, naming: Naming) -> bool:
    return file.suffix.lower() == ".xml" or naming.stem(file).lower().endswith(naming.endings)


def _without_results(files: list[Path], images: dict[str, Path], naming: Naming) -> list[Path]:
    """Return label files without those that we have written, if there are others."""
    others = [file for file in files if naming.stem(file) in images or not naming.is_result(file)]
    return others or files


def _by_stem(files: Iterable[Path], naming: Naming) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        if naming.stem(file) in found:
            raise _ambiguous(found[naming.stem(file)], file)
        found[naming.stem(file)] = file
    return found


def _image_stem(label: Path, images: dict[str, Path], naming: Naming) -> str:
    """Return the stem of the label's image: the same stem first, then without a suffix."""
    own = naming.stem(label)
    if own in images:
        return own
    for suffix in naming.endings:
        stem = own[: -len(suffix)]
        if own.lower().endswith(suffix) and stem in images:
            return stem
    raise BadInputError(
        f"The label file {label.name} has no image: add the image of that name or take the label "
        "file away."
    )


def _none_paired(images: Path, labels: Path, naming: Naming) -> BadInputError:
    """Say why no label file was found."""
    jpegs = list(_files(labels, _JPEG))
    if images.resolve() == labels.resolve():
        jpegs = [file for file in jpegs if _looks_like_label(file, naming)]
    if jpegs:
        return BadInputError(
            f"{jpegs[0].name} cannot be a label file, because JPEG changes values: save labels as "
            "PNG or TIFF."
        )
    return BadInputError(
        f"No label files belong to the images in {images.name or images}: name them like their "
        f"image, or with {', '.join(naming.endings)} behind the name."
    )


def _ambiguous(first: Path, second: Path) -> BadInputError:
    return BadInputError(
        f"{first.name} and {second.name} belong to the same image: keep only one of them."
    )
