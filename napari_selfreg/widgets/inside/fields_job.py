"""The numbers of every block over all fields of the Open panel, with intervals."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.core.bootstrap import Interval, mean_interval
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.numbers_table import COLUMNS
from napari_selfreg.widgets.segment_job import start_engine

if TYPE_CHECKING:
    from napari_selfreg.engine.inside_types import Inside
    from napari_selfreg.widgets.field_list import Field

NO_SIZES = "Nobody knows how large the pixels of these fields are: say so in the Open panel first."
LEFT_OUT = "Fields left out because nobody knows how large their pixels are: {}."

Means = dict[str, dict[str, Interval]]
"""Block -> number -> its mean over fields."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldsRequest:
    """What is measured.

    Parameters
    ----------
    fields : tuple of (Path, PixelSize)
        Images, and micrometres per pixel of each.
    sources : tuple of Source
        One or two models.
    names : tuple of str
        Of the models.
    device : str
    notes : tuple of str
        What is known before anything is measured.
    """

    fields: tuple[tuple[Path, PixelSize], ...]
    sources: tuple[Source, ...]
    names: tuple[str, ...]
    device: str = "auto"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FieldNumbers:
    """What was measured.

    Parameters
    ----------
    names : tuple of str
        Of the models.
    means : tuple of dict
        One per model.
    alike : dict of str to Interval
        CKA per block of two models.
    n : int
        Fields that could be measured.
    notes : tuple of str
        Which could not, and why.
    sources : tuple of Source
        The models.
    """

    names: tuple[str, ...]
    means: tuple[Means, ...]
    alike: dict[str, Interval]
    n: int
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def known_sizes(
    fields: Iterable[Field],
) -> tuple[tuple[tuple[Path, PixelSize], ...], tuple[str, ...]]:
    """Return the pictures of known pixel size, and what a person should know about the others.

    Parameters
    ----------
    fields : iterable of Field
        Of the Open panel; volumes are no pictures.
    """
    sizes = [(each.path, each.known_size()) for each in fields if not each.is_volume]
    known = tuple((path, size) for path, size in sizes if size is not None)
    left = len(sizes) - len(known)
    return known, ((LEFT_OUT.format(left),) if left else ())


def measure_fields(request: FieldsRequest) -> Generator[Event, None, FieldNumbers]:
    """Measure field after field; one that cannot be measured is told and left out.

    Returns
    -------
    FieldNumbers

    Raises
    ------
    SelfRegError
        If no field can be measured.
    """
    yield from start_engine()
    from napari_selfreg.engine.inside import compare_blocks

    notes = list(request.notes)
    seen: list[list[Inside]] = []
    alike: list[dict[str, float]] = []
    for number, (path, size) in enumerate(request.fields):
        now = Progress(number, len(request.fields), f"Measuring {path.stem}")
        try:
            insides = yield from _look_at(request, path, size, now)
        except SelfRegError as error:
            if number + 1 == len(request.fields) and not seen:
                raise
            notes.append(f"{error} This field is left out.")
            continue
        seen.append([_without_maps(inside) for inside in insides])
        alike += [compare_blocks(*insides)] if len(insides) == 2 else []
    means = tuple(_means([each[side] for each in seen]) for side in range(len(request.sources)))
    numbers = means, _mean_alike(alike), len(seen)
    return FieldNumbers(request.names, *numbers, tuple(notes), request.sources)


def _look_at(
    request: FieldsRequest, path: Path, size: PixelSize, now: Progress
) -> Generator[Event, None, list[Inside]]:
    from napari_selfreg.engine.inside import look
    from napari_selfreg.engine.inside_types import InsideRequest
    from napari_selfreg.io.images import open_image

    insides: list[Inside] = []
    with open_image(path) as image:
        for source in request.sources:
            asked = InsideRequest(
                image.levels[0], size, source.model, device=request.device, numbers=True
            )
            with closing(look(asked)) as steps:
                for _ in _events(steps, insides):
                    yield now  # the bar counts fields; this is where a job can be cancelled
    return insides


def _events(
    steps: Generator[Event, None, Inside], results: list[Inside]
) -> Generator[Event, None, None]:
    """Pass on the events of a job and put its result into a list."""
    results.append((yield from steps))


def _without_maps(inside: Inside) -> Inside:
    """Keep the numbers only: the maps of many fields would fill the memory."""
    return replace(inside, blocks={})


def _means(insides: list[Inside]) -> Means:
    blocks = list(dict.fromkeys(block for inside in insides for block in inside.numbers))
    return {
        block: {
            column.field: mean_interval(
                [getattr(inside.numbers[block], column.field) for inside in insides]
            )
            for column in COLUMNS
        }
        for block in blocks
    }


def _mean_alike(alike: list[dict[str, float]]) -> dict[str, Interval]:
    # small fields have too few places in their coarse blocks to say anything of them
    blocks = dict.fromkeys(block for each in alike for block in each)
    return {
        block: mean_interval([each[block] for each in alike if block in each]) for block in blocks
    }
