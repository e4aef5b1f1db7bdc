"""Corrected fields as training data: targets at the network's scale, and strips held out.

A strip at one end of each reviewed region is taken out of the training and scored instead. So
nearly all pixels teach, and the comparison with the base has as many pairs as there are regions.
The strips come from the same pictures as the training: they say whether the corrections were
learned and carry over within these pictures, not how the model does on other patients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import model_shape, resample_region
from napari_selfreg.core.reviewed import reviewed_classes, reviewed_parts
from napari_selfreg.core.targets import IGNORE, reviewed_contour
from napari_selfreg.core.types import Box
from napari_selfreg.engine.finetune_types import FinetuneField
from napari_selfreg.engine.sampling import Field, nearest
from napari_selfreg.io.card import Card
from napari_selfreg.io.label_files import object_labels

HELD_OUT = 0.15
"""Part of a region's longer side that is held out."""

MAX_STRIPS = 24
"""More regions than this all teach; scoring them would eat the minutes."""

SMALLEST = 16
"""Regions with a shorter longer side, in network pixels, are only held out from if all are."""

CONTEXT = 64
"""Network pixels around a strip that are predicted with it."""

CONTOUR_UM = 4.0
"""Width of the contour band where the base's card does not state one."""

ANCHORED = 0.6
"""Where less of a picture teaches than this, crops are drawn around what does."""

_MAX_ANCHORS = 20_000


@dataclass(frozen=True)
class Material:
    """What a fine-tuning learns from and is checked on.

    Parameters
    ----------
    training : list of Field
        At the network's scale; held-out strips and all that is not reviewed are ignored.
    strips : list of Field
        One for each region, with a margin of context that is ignored.
    reviewed : int
        Reviewed pixels of the network's grid, those of the strips included.
    checksums : list of str
        SHA-256 of picture, labels and mask of each field.
    pictures : list of str
        SHA-256 of each picture alone: labels may be others the next time.
    unclassed : int
        Reviewed objects that teach nothing, since their class is not one of the model's.
    """

    training: list[Field]
    strips: list[Field]
    reviewed: int
    checksums: list[str]
    pictures: list[str]
    unclassed: int = 0


def prepare(fields: Sequence[FinetuneField], card: Card) -> Material:
    """Bring corrected fields to a model's scale and hold out a strip of each region.

    Parameters
    ----------
    fields : sequence of FinetuneField
    card : Card
        Of the base: classes, scale, and contour.

    Returns
    -------
    Material

    Raises
    ------
    BadInputError
        If picture and labels do not fit each other, or too little is reviewed.
    """
    small = [_at_scale(field, card) for field in fields]
    places = _strips([field.targets[0] for field in small])
    if not places:
        unclassed = _without_class(sum(field.unclassed for field in fields))
        raise BadInputError(
            unclassed or "Too little is reviewed to learn from: review a larger region."
        )
    return _divided(fields, small, places, card.n_classes)


def prepare_folds(fields: Sequence[FinetuneField], card: Card, most: int = 5) -> list[Material]:
    """Bring fields to a model's scale and hold out whole regions in turn.

    Parameters
    ----------
    fields : sequence of FinetuneField
    card : Card
        Of the base.
    most : int
        Largest number of folds; more regions are held out together.

    Returns
    -------
    list of Material
        Every region is held out in exactly one of them; empty if there is only one region.

    Raises
    ------
    BadInputError
        As `prepare`.
    """
    small = [_at_scale(field, card) for field in fields]
    places = []
    for index, field in enumerate(small):
        for box, own in reviewed_parts(field.targets[0] != IGNORE):
            mask = np.zeros(field.targets.shape[1:], dtype=bool)
            mask[box.slices] = own
            places.append((index, mask))
    if len(places) < 2:
        return []
    folds = min(most, len(places))
    return [_divided(fields, small, places[fold::folds], card.n_classes) for fold in range(folds)]


def what_is_odd(material: Material) -> str:
    """Return what a person should know of what is reviewed; empty if nothing.

    Of regions that show one thing only, and of objects without a class. A single class is no
    fault: cross-entropy learns from it, and the Dice loss, which looks at the objects of a whole
    batch, weighs few object pixels as much as many.
    """
    odd = odd_classes([field.targets[0] for field in (*material.training, *material.strips)])
    return " ".join(each for each in (_without_class(material.unclassed), odd) if each)


def _without_class(count: int) -> str:
    if not count:
        return ""
    if count == 1:
        return "1 reviewed object has no class of this model and teaches nothing: set its class."
    objects = f"{count} reviewed objects have no class of this model"
    return f"{objects} and teach nothing: set their classes."


def odd_classes(classes: Sequence[npt.NDArray[np.uint8]]) -> str:
    """Return what a person should know of these class ids; see `what_is_odd`."""
    known = np.unique(np.concatenate([target[target != IGNORE] for target in classes]))
    if not known.any():
        return (
            "No object lies in the reviewed regions, so the model can only learn what is none: "
            "review a region with objects, too."
        )
    if 0 not in known:
        return (
            "The reviewed regions lie inside of objects, so the model cannot learn where these "
            "end: review some background, too."
        )
    return ""


def _divided(
    fields: Sequence[FinetuneField],
    small: Sequence[Field],
    places: Sequence[tuple[int, npt.NDArray[np.bool_]]],
    n_classes: int,
) -> Material:
    """Take what is held out away from what teaches."""
    training = [
        _teaching(field, [mask for at, mask in places if at == index], n_classes)
        for index, field in enumerate(small)
    ]
    return Material(
        training=[field for field in training if np.any(field.targets[0] != IGNORE)],
        strips=[_strip(small[index], mask) for index, mask in places],
        reviewed=sum(int((field.targets[0] != IGNORE).sum()) for field in small),
        checksums=[checksum(field) for field in fields],
        pictures=[picture_checksum(field) for field in fields],
        unclassed=sum(field.unclassed for field in fields),
    )


def _at_scale(field: FinetuneField, card: Card) -> Field:
    """Return picture and targets on the grid of the network."""
    shape = _checked(field)
    wanted = model_shape(shape, field.pixel_size or card.pixel_size, card.pixel_size)
    picture = resample_region(field.picture, wanted, Box(0, 0, *wanted))
    reviewed = np.ones(shape, bool) if field.reviewed is None else field.reviewed
    labels, seen = nearest(field.labels, wanted), nearest(reviewed, wanted)
    n_classes = card.n_classes
    if n_classes > 1 and labels[seen].max(initial=0) > n_classes:
        raise BadInputError(
            f"{field.name or 'A field'} holds the class {labels[seen].max()}, but the model knows "
            f"{n_classes} classes."
        )
    classes = reviewed_classes(labels, n_classes, seen)
    contour = np.full(wanted, IGNORE, np.uint8)
    if card.separation is not None:
        ids = object_labels(labels) if n_classes == 1 else labels
        contour = reviewed_contour(ids, contour_width(card), card.pixel_size, seen)
    return Field(field.name, np.rint(picture).astype(np.uint8), np.stack([classes, contour]))


def contour_width(card: Card) -> float:
    """Return the width of the contour band that a model was trained on, in micrometres."""
    target = card.recipe.get("target")
    width = target.get("contour_um") if isinstance(target, dict) else None
    return float(width) if isinstance(width, int | float) and width > 0 else CONTOUR_UM


def _checked(field: FinetuneField) -> tuple[int, int]:
    shape = field.picture.shape
    what = field.name or "A field"
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise BadInputError(f"{what} is no RGB picture: fine-tuning needs pictures (Y, X, 3).")
    for other in (field.labels, field.reviewed):
        if other is not None and other.shape != shape[:2]:
            raise BadInputError(f"{what} and its labels differ in size: give labels of its size.")
    return shape[0], shape[1]


def _strips(
    classes: Sequence[npt.NDArray[np.uint8]],
) -> list[tuple[int, npt.NDArray[np.bool_]]]:
    """Choose what is held out: the index of each field, and the pixels of a strip of it."""
    parts = [
        (index, box, own)
        for index, target in enumerate(classes)
        for box, own in reviewed_parts(target != IGNORE)
    ]
    parts.sort(key=lambda part: -int(part[2].sum()))
    large = [part for part in parts if max(part[1].shape) >= SMALLEST]
    chosen = []
    for index, box, own in (large or parts[:1])[:MAX_STRIPS]:
        strip = np.zeros(classes[index].shape, dtype=bool)
        strip[box.slices] = _end(own, classes[index][box.slices] > 0)
        if max(own.shape) >= 3:
            chosen.append((index, strip))
    return chosen


def _end(own: npt.NDArray[np.bool_], objects: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return a strip across the longer side: at the far end, unless only the near one has objects.

    Without an object a single wrong pixel would change the Dice from 1 to 0.
    """
    tall = own.shape[0] > own.shape[1]
    length = max(own.shape)
    width = min(max(round(HELD_OUT * length), 8), length // 3)
    ends = []
    for span in (slice(length - width, length), slice(0, width)):
        index = (span, slice(None)) if tall else (slice(None), span)
        strip = np.zeros_like(own)
        strip[index] = own[index]
        ends.append(strip)
    far, near = ends
    return near if np.any(near & objects) and not np.any(far & objects) else far


def _strip(field: Field, mask: npt.NDArray[np.bool_]) -> Field:
    """Return the strip with its context, in which nothing else counts."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = Box(
        rows[0] - CONTEXT, columns[0] - CONTEXT, rows[-1] + CONTEXT + 1, columns[-1] + CONTEXT + 1
    ).intersect(Box(0, 0, *mask.shape))
    targets = np.where(mask, field.targets, IGNORE)[:, box.y0 : box.y1, box.x0 : box.x1]
    return Field(field.stem, field.rgb[box.slices], targets)


def _teaching(field: Field, held_out: Sequence[npt.NDArray[np.bool_]], n_classes: int) -> Field:
    """Return a field without its strips; crops are drawn around what is left of it."""
    targets = field.targets.copy()
    for mask in held_out:
        targets[:, mask] = IGNORE
    left = targets[0] != IGNORE
    several = range(1, n_classes + 1) if n_classes > 1 else ()
    return replace(
        field,
        targets=targets,
        anchors=None if left.mean() >= ANCHORED or not left.any() else _anchors(left),
        of_class=tuple(_anchors(targets[0] == one) for one in several),
    )


def _anchors(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    places = np.argwhere(mask)
    return places[:: 1 + len(places) // _MAX_ANCHORS]


def checksum(field: FinetuneField) -> str:
    """Return the SHA-256 of picture, labels and mask of a field."""
    return _sha256(field.picture, field.labels, field.reviewed)


def picture_checksum(field: FinetuneField) -> str:
    """Return the SHA-256 of the picture of a field."""
    return _sha256(field.picture)


def _sha256(*arrays: npt.NDArray[np.generic] | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.shape}{array.dtype.str}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
