"""Which label file belongs to which image, by name alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.companions import LABEL_SUFFIXES, RESULT_SUFFIX, name_key, named_after
from napari_selfreg.io.label_files import LABEL_EXTENSIONS
from napari_selfreg.io.sniff import IMAGE_SUFFIXES

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
        return self.results and name_key(self.stem(file)).lower().endswith(RESULT_SUFFIX)


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

    How a name is encoded does not count, and ``.ome.tif`` is one suffix. In one common folder the
    file with the suffix (or an XML) is the label.

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
    images = _by_key(image_files, naming)
    label_files = _without_results(label_files, images, naming)
    labels: dict[str, Path] = {}
    for file in label_files:
        key = _image_key(file, images, naming)
        if key in labels:
            raise _ambiguous(labels[key], file)
        labels[key] = file
    if not labels:
        raise _none_paired(image_folder, label_folder, naming)
    pairs = [Pair(images[key], labels[key], naming.stem(images[key])) for key in labels]
    alone = [
        images[key]
        for key in images
        # what we have found in an image is no further image
        if key not in labels and named_after(key, images, (RESULT_SUFFIX,)) is None
    ]
    return Pairing(
        tuple(sorted(pairs, key=lambda pair: pair.stem)),
        tuple(sorted(alone, key=naming.stem)),
    )


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
    return file.suffix.lower() == ".xml" or _key(file, naming).lower().endswith(naming.endings)


def _without_results(files: list[Path], images: dict[str, Path], naming: Naming) -> list[Path]:
    """Return label files without those that we have written, if there are others."""
    others = [file for file in files if _key(file, naming) in images or not naming.is_result(file)]
    return others or files


def _by_key(files: Iterable[Path], naming: Naming) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        key = _key(file, naming)
        if key in found:
            raise _ambiguous(found[key], file)
        found[key] = file
    return found


def _key(file: Path, naming: Naming) -> str:
    return name_key(naming.stem(file))


def _image_key(label: Path, images: dict[str, Path], naming: Naming) -> str:
    """Return the key of the label's image: the same name first, then without a suffix."""
    own = _key(label, naming)
    if own in images:
        return own
    key = named_after(naming.stem(label), images, naming.endings)
    if key is not None:
        return key
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
