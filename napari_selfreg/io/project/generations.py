"""Snapshots: folders that are written whole and then made the present one by a pointer file.

``generations/000007/`` holds labels of the fields that changed since the snapshot before, and
``state.json``: everything else, and for each field the generation that holds its labels. It is
written last, so that a folder without it is none. Bookmarks keep old generations.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import atomic_write, flush_folder
from napari_selfreg.io.fields import State
from napari_selfreg.io.project.records import Camera, FieldId, ObjectState, Part, VersionId
from napari_selfreg.io.project.regions import Region

GENERATIONS = "generations"
JOURNAL = "journal"
POINTER = "current.json"
STATE = "state.json"


class FieldFacts(Part):
    """All that is known about a field beside its labels.

    Parameters
    ----------
    objects : dict of int to ObjectState
        By object id; those nothing was said about may be missing.
    regions : dict of str to Region
        By id, in the order of drawing.
    camera : Camera, optional
    note : str
    state : {"new", "segmented", "corrected", "done"}
    model, version : str
        What made the objects first; empty for labels from elsewhere.
    """

    objects: dict[int, ObjectState] = Field(default_factory=dict)
    regions: dict[str, Region] = Field(default_factory=dict)
    camera: Camera | None = None
    note: str = ""
    state: State = "new"
    model: str = ""
    version: str = ""


class Generation(Part):
    """The state of a project after one record.

    Parameters
    ----------
    sequence : int
        Number of the last record inside.
    labels : dict of str to int
        Field -> number of the generation that holds its labels.
    facts : dict of str to FieldFacts
        By field.
    active : str, optional
        Id of the model version in use.
    looked_at : str, optional
        Id of the field that was open.
    bookmarks : dict of str to int
        Name -> generation that is kept.
    """

    sequence: int = Field(default=0, ge=0)
    labels: dict[FieldId, int] = Field(default_factory=dict)
    facts: dict[FieldId, FieldFacts] = Field(default_factory=dict)
    active: VersionId | None = None
    looked_at: FieldId | None = None
    bookmarks: dict[str, int] = Field(default_factory=dict)


def generation_folder(project: Path, number: int) -> Path:
    """Return the folder of a generation."""
    return project / GENERATIONS / f"{number:06d}"


def labels_folder(project: Path, number: int, field: str) -> Path:
    """Return the folder of a field's labels in a generation."""
    return generation_folder(project, number) / field


def journal_file(project: Path, number: int) -> Path:
    """Return the journal of what came after generation `number` was begun."""
    return project / JOURNAL / f"{number:06d}.journal"


def write_state(project: Path, number: int, state: Generation) -> None:
    """Complete a generation; raises WriteError."""
    with atomic_write(generation_folder(project, number) / STATE, "w") as stream:
        stream.write(state.model_dump_json())


def point_to(project: Path, number: int) -> None:
    """Make a generation the present one; raises WriteError."""
    with atomic_write(project / POINTER, "w") as stream:
        json.dump({"generation": number}, stream)
    flush_folder(project)


def read_state(project: Path, number: int) -> Generation:
    """Read a generation.

    Raises
    ------
    FileNotFoundError
        If it is not there, or not complete.
    ValueError
        If it is damaged.
    """
    text = (generation_folder(project, number) / STATE).read_bytes()
    return Generation.model_validate_json(text)


def present_generation(project: Path) -> tuple[int, Generation, bool]:
    """Return number and state of the present generation, and whether none had to be passed over.

    If the pointer is lost or damaged, that is the newest complete one.

    Raises
    ------
    BadInputError
        If there is none.
    """
    pointed = _pointed(project)
    passed = pointed is not None
    if pointed is not None:
        with suppress(OSError, ValueError):
            return pointed, read_state(project, pointed), True
    for number in reversed(numbers_in(project / GENERATIONS)):
        try:
            return number, read_state(project, number), not passed
        except FileNotFoundError:  # never completed
            continue
        except (OSError, ValueError):
            passed = True
    raise BadInputError(
        f"The corrections in {project.name} cannot be read: put back a copy of the project."
    )


def _pointed(project: Path) -> int | None:
    try:
        return int(json.loads((project / POINTER).read_text("utf-8"))["generation"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def numbers_in(folder: Path) -> list[int]:
    """Return the numbers that name entries of a folder (generations, journals), ascending."""
    try:
        stems = [path.name.split(".")[0] for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted({int(stem) for stem in stems if stem.isascii() and stem.isdigit()})


def next_number(project: Path) -> int:
    """Return a number that no generation and no journal has."""
    used = [*numbers_in(project / GENERATIONS), *numbers_in(project / JOURNAL), 0]
    return max(used) + 1


def remove_unused(project: Path, present: int, state: Generation) -> None:
    """Delete generations and journals that nothing refers to any more.

    Parameters
    ----------
    project : Path
        Its folder.
    present : int
        Number of the present generation.
    state : Generation
        The present generation.
    """
    used = {present, *state.labels.values(), *state.bookmarks.values()}
    try:
        for number in state.bookmarks.values():
            used.update(read_state(project, number).labels.values())
    except (OSError, ValueError):
        return  # what a damaged bookmark refers to is not known
    for number in numbers_in(project / GENERATIONS):
        if number not in used:
            shutil.rmtree(generation_folder(project, number), ignore_errors=True)
    for number in numbers_in(project / JOURNAL):
        if number < present:
            with suppress(OSError):  # in use by a reader
                journal_file(project, number).unlink()
