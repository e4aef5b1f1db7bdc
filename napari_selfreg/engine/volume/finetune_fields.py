"""Corrected volumes as training data: classes at the network's voxel size, and slabs held out.

A slab at one end of each volume's structures is taken out of the training and scored instead, now
the far end and now the near one. So nearly all voxels teach, and the comparison with the base has
as many pairs as there are volumes. The slabs come from the same volumes as the training: they say
whether the corrections were learned, not how the model does on other patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE, require_labelled
from napari_selfreg.engine.finetune_fields import checksum, picture_checksum
from napari_selfreg.engine.finetune_types import FinetuneVolume
from napari_selfreg.engine.volume.sampling import Case, Spacing, case_of
from napari_selfreg.io.card import Card

HELD_OUT = 0.25
"""Part of the structures' longest axis that is held out."""

MAX_SLABS = 24
"""More volumes than this all teach; scoring them would eat the minutes."""

CONTEXT = 32
"""Network voxels around a slab that are predicted with it."""


@dataclass(frozen=True)
class VolumeMaterial:
    """What a fine-tuning learns from and is checked on.

    Parameters
    ----------
    training : list of Case
        At the network's voxel size; held-out slabs and all that is not reviewed are ignored.
    slabs : list of Case
        One for each volume, with a margin of context that is ignored.
    reviewed : int
        Reviewed voxels of the network's grid, those of the slabs included.
    checksums : list of str
        SHA-256 of intensities, labels and mask of each volume.
    pictures : list of str
        SHA-256 of the intensities alone.
    left_out : tuple of str
        Names of volumes in which too little is reviewed.
    """

    training: list[Case]
    slabs: list[Case]
    reviewed: int
    checksums: list[str]
    pictures: list[str]
    left_out: tuple[str, ...] = ()


def prepare_volumes(fields: Sequence[FinetuneVolume], card: Card) -> VolumeMaterial:
    """Bring corrected volumes to a model's voxel size and hold out a slab of each.

    Parameters
    ----------
    fields : sequence of FinetuneVolume
    card : Card
        Of the base: classes and voxel size.

    Returns
    -------
    VolumeMaterial

    Raises
    ------
    BadInputError
        If volume and labels do not fit each other, too little is reviewed, or no class is there.
    """
    z, y, x = (side / 1000.0 for side in card.um_per_px)
    cases = [_case(field, (z, y, x), card.n_classes) for field in fields]
    usable = [case for case in cases if _slab(case, 0) is not None]
    if not usable:
        raise BadInputError("Too little is reviewed to learn from: review more of a volume.")
    require_labelled([case.labels for case in usable], "to learn from", "volume", "voxel")
    training, slabs = [], []
    for number, case in enumerate(usable):
        slab = _slab(case, number) if number < MAX_SLABS else None
        if slab is not None:
            slabs.append(_cut(case, slab))
        training.append(case if slab is None else _without(case, slab))
    return VolumeMaterial(
        training=training,
        slabs=slabs,
        reviewed=sum(int((case.labels != IGNORE).sum()) for case in cases),
        checksums=[checksum(field) for field in fields],
        pictures=[picture_checksum(field) for field in fields],
        left_out=tuple(case.stem for case in cases if _slab(case, 0) is None),
    )


def _case(field: FinetuneVolume, target: Spacing, n_classes: int) -> Case:
    what = field.name or "A volume"
    if field.picture.ndim != 3 or 0 in field.picture.shape:
        raise BadInputError(f"{what} is no volume: fine-tuning needs one of axes (Z, Y, X).")
    for other in (field.labels, field.reviewed):
        if other is not None and other.shape != field.picture.shape:
            raise BadInputError(f"{what} and its labels differ in size: give labels of its size.")
    labels = field.labels
    if field.reviewed is not None:
        labels = np.where(field.reviewed, labels, IGNORE)
    voxels = np.asarray(field.picture, dtype=np.float32)
    return case_of(what, voxels, labels, field.spacing or target, target, n_classes)


def _slab(case: Case, number: int) -> tuple[int, slice] | None:
    """Return the axis along which a slab lies, and its slices; None if there is no room for one.

    It covers one end of the structures and all that lies beyond, so that there is something to
    find in it. Without a structure the reviewed voxels take their place.
    """
    known = case.labels != IGNORE
    wanted = known & (case.labels > 0)
    box = _extent(wanted if wanted.any() else known)
    if box is None:
        return None
    axis = int(np.argmax([stop - start for start, stop in box]))
    start, stop = box[axis]
    length = round(HELD_OUT * (stop - start))
    if length < 1 or stop - start < 3:
        return None
    far = number % 2 == 0
    span = slice(stop - length, case.labels.shape[axis]) if far else slice(0, start + length)
    return axis, span


def _extent(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]] | None:
    places = np.argwhere(mask)
    if not len(places):
        return None
    low, high = places.min(0).tolist(), places.max(0).tolist()
    return [(first, last + 1) for first, last in zip(low, high, strict=True)]


def _index(axis: int, span: slice) -> tuple[slice, ...]:
    return tuple(span if each == axis else slice(None) for each in range(3))


def _without(case: Case, slab: tuple[int, slice]) -> Case:
    labels = case.labels.copy()
    labels[_index(*slab)] = IGNORE
    return Case(case.stem, case.voxels, labels)


def _cut(case: Case, slab: tuple[int, slice]) -> Case:
    """Return the slab with its context, in which nothing counts."""
    axis, span = slab
    labels = np.full_like(case.labels, IGNORE)
    labels[_index(axis, span)] = case.labels[_index(axis, span)]
    wide = _index(axis, slice(max(0, span.start - CONTEXT), span.stop + CONTEXT))
    return Case(case.stem, np.ascontiguousarray(case.voxels[wide]), labels[wide])
