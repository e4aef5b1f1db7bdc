"""Folders of volumes with labels: MSD and nnU-Net layouts, or images beside labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.pairs import Naming, find_pairs
from napari_selfreg.io.volume.grid import Spacing, Volume, require_same_grid
from napari_selfreg.io.volume.names import VOLUME_SUFFIXES, volume_stem
from napari_selfreg.io.volume.reading import read_volume, read_volume_labels

_LAYOUTS = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"), ("images", "labels"))
_TABLE = "dataset.json"
_MOST_CLASSES = 254


@dataclass(frozen=True, slots=True)
class VolumeCase:
    """One volume with its labels; `stem` is the name without folder, suffix and channel."""

    stem: str
    image: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class VolumeFolder:
    """Cases of one folder and what its ``dataset.json`` says.

    Parameters
    ----------
    cases : tuple of VolumeCase
        By ascending stem, at least one.
    classes : tuple of str
        Foreground classes: the first has id 1. Empty if the folder does not name them.
    name, licence, modality, reference : str
        Of the data set, empty if not stated.
    """

    cases: tuple[VolumeCase, ...]
    classes: tuple[str, ...] = ()
    name: str = ""
    licence: str = ""
    modality: str = ""
    reference: str = ""


def open_volume_folder(path: str | Path) -> VolumeFolder:
    """List the cases of a folder; nothing is read of the volumes.

    Parameters
    ----------
    path : path-like
        A folder with ``imagesTr`` and ``labelsTr`` (MSD, nnU-Net; else ``imagesTs`` and
        ``labelsTs``), or ``images`` and ``labels``, or with both in one place as ``name.nii.gz``
        and ``name_labels.nii.gz``. A ``dataset.json`` of MSD or nnU-Net names the classes. The
        channel that nnU-Net puts behind a name (``_0000``) may be there or not.

    Returns
    -------
    VolumeFolder

    Raises
    ------
    BadInputError
        If the folder does not exist or holds no case, a label has no image, an image has several
        channels, or ``dataset.json`` is damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise BadInputError(f"There is no data folder {folder}: give the folder of the volumes.")
    images, labels = next(
        (
            (folder / images, folder / labels)
            for images, labels in _LAYOUTS
            if (folder / images).is_dir() and (folder / labels).is_dir()
        ),
        (folder, folder),
    )
    cases, _ = pair_volumes(images, labels)
    return _described(cases, _table(folder))


def pair_volumes(
    images: str | Path, labels: str | Path
) -> tuple[tuple[VolumeCase, ...], tuple[Path, ...]]:
    """Pair the volumes of a folder with the labels of another, or of the same.

    Returns
    -------
    cases : tuple of VolumeCase
        By ascending stem, at least one.
    unlabelled : tuple of Path
        Volumes without a label file.

    Raises
    ------
    BadInputError
        If a folder does not exist or holds no case, a label has no image, or an image has several
        channels.
    """
    pairing = find_pairs(images, labels, Naming(VOLUME_SUFFIXES, VOLUME_SUFFIXES, _case_stem))
    _require_one_channel((pair.image for pair in pairing.pairs), pairing.unlabelled)
    cases = tuple(VolumeCase(pair.stem, pair.image, pair.label) for pair in pairing.pairs)
    return cases, pairing.unlabelled


def read_case(
    case: VolumeCase, spacing: Spacing | None = None
) -> tuple[Volume, npt.NDArray[np.int32], tuple[str, ...]]:
    """Read one case.

    Parameters
    ----------
    case : VolumeCase
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, for files that do not state their place in space;
        see `read_volume`.

    Returns
    -------
    image : Volume
    labels : ndarray of int32, shape (Z, Y, X)
        On the grid of the image.
    notes : tuple of str
        What was assumed about either file.

    Raises
    ------
    BadInputError
        If a file cannot be read, or the labels do not lie on the image.
    """
    image = read_volume(case.image, spacing)
    # labels without a place of their own have the voxels of their image, whoever stated those
    labels, grid = read_volume_labels(case.labels, None if spacing is None else image.spacing)
    require_same_grid(image, grid)
    return image, labels, image.notes + grid.notes


def held_out(
    cases: Iterable[VolumeCase], file: str | Path
) -> tuple[list[VolumeCase], list[VolumeCase]]:
    """Split cases by a list in a file.

    Parameters
    ----------
    cases : iterable of VolumeCase
    file : path-like
        Text with the name of one held-out case per line, with or without suffix. Empty lines and
        those that begin with ``#`` do not count.

    Returns
    -------
    training, held : list of VolumeCase
        In the order of `cases`; neither is empty.

    Raises
    ------
    BadInputError
        If the list cannot be read, names a case that is not there, or leaves one side empty.
    """
    cases, path = list(cases), Path(file)
    names = _listed(path)
    missing = names - {case.stem for case in cases}
    if missing:
        raise BadInputError(
            f"{path.name} holds out {min(missing)}, but there is no such case: correct the list."
        )
    held = [case for case in cases if case.stem in names]
    if not 0 < len(held) < len(cases):
        which = "no case" if not held else "every case"
        raise BadInputError(
            f"{path.name} holds out {which}: list some of the cases, one name per line."
        )
    return [case for case in cases if case.stem not in names], held


def folds(
    cases: Iterable[VolumeCase], k: int, seed: int
) -> list[tuple[list[VolumeCase], list[VolumeCase]]]:
    """Split cases `k` times so that each is held out once.

    Parameters
    ----------
    cases : iterable of VolumeCase
        Their order does not matter.
    k : int
        Number of folds, 2 up to the number of cases; their sizes differ by at most one case.
    seed : int
        Of the order in which cases are dealt out.

    Returns
    -------
    list of (training, held)
        Two lists of `VolumeCase` by ascending stem for every fold.

    Raises
    ------
    BadInputError
        If there are fewer cases than folds, or fewer than 2 folds.
    """
    ordered = sorted(cases, key=lambda case: case.stem)
    if not 2 <= k <= len(ordered):
        raise BadInputError(
            f"{len(ordered)} cases cannot be split into {k} folds: choose 2 to {len(ordered)}."
            if len(ordered) > 1
            else "Folds need at least 2 cases: add volumes with labels."
        )
    dealt = np.random.default_rng(seed).permutation(len(ordered))
    parts = [set(part.tolist()) for part in np.array_split(dealt, k)]
    return [
        (
            [case for index, case in enumerate(ordered) if index not in part],
            [case for index, case in enumerate(ordered) if index in part],
        )
        for part in parts
    ]


def _case_stem(file: Path) -> str:
    return volume_stem(file).removesuffix("_0000")


def _require_one_channel(images: Iterable[Path], others: Iterable[Path]) -> None:
    stems = {_case_stem(image) for image in images}
    for other in others:
        base = re.sub(r"_000[1-9]$", "", volume_stem(other))
        if base != volume_stem(other) and base in stems:
            raise BadInputError(
                f"{base} has several channels ({other.name}): keep one image per case, models take "
                "one channel."
            )


def _described(cases: tuple[VolumeCase, ...], table: Mapping[str, Any]) -> VolumeFolder:
    channels = table.get("modality") or table.get("channel_names") or {}
    if isinstance(channels, Mapping) and len(channels) > 1:
        raise BadInputError(
            f"{_TABLE} names {len(channels)} channels per volume: keep one, models take one "
            "channel."
        )
    modality = next(iter(channels.values()), "") if isinstance(channels, Mapping) else ""
    return VolumeFolder(
        cases,
        _classes(table.get("labels", {})),
        _text(table.get("name")),
        _text(table.get("licence") or table.get("license")),
        _text(modality),
        _text(table.get("reference")),
    )


def _classes(labels: Any) -> tuple[str, ...]:
    """Return the foreground classes: MSD maps ids to names, nnU-Net names to ids."""
    if not isinstance(labels, Mapping):
        raise _wrong_classes()
    by_id: dict[int, str] = {}
    for key, value in labels.items():
        number, name = (key, value) if str(key).isdigit() else (value, key)
        if isinstance(number, list | float) or not str(number).isdigit():
            raise _wrong_classes()
        by_id[int(number)] = _text(name)
    by_id.pop(0, None)
    if sorted(by_id) != list(range(1, len(by_id) + 1)) or len(by_id) > _MOST_CLASSES:
        raise _wrong_classes()
    names = tuple(by_id[number] for number in sorted(by_id))
    if "ignore" in names or len(set(names)) < len(names) or "" in names:
        raise _wrong_classes()
    return names


def _wrong_classes() -> BadInputError:
    return BadInputError(
        f"The labels in {_TABLE} are no list of classes: number them 1, 2, 3 …, each with a name "
        "of its own, without regions and without an ignore label."
    )


def _table(folder: Path) -> Mapping[str, Any]:
    path = folder / _TABLE
    if not path.is_file():
        return {}
    try:
        table = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{_TABLE} cannot be read as JSON: copy it again.") from error
    if not isinstance(table, dict):
        raise BadInputError(f"{_TABLE} does not describe a data set: copy it again.")
    return table


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _listed(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{path} cannot be read: give a text file with one name of a case per line."
        ) from error
    names = (line.strip() for line in lines)
    return {_listed_stem(name) for name in names if name and not name.startswith("#")}


def _listed_stem(name: str) -> str:
    known = name.lower().endswith(VOLUME_SUFFIXES)
    return _case_stem(Path(name)) if known else name.removesuffix("_0000")
