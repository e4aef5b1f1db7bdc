"""The opened fields: which they are, how far each one is, and which one is shown.

Holds no viewer. What a person has made on a field waits here while another one is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.batch_events import BatchField, FieldDone, FieldFailed, FieldStarted
from napari_selfreg.engine.events import Event
from napari_selfreg.io.card import Card
from napari_selfreg.io.fields import FieldFacts, State
from napari_selfreg.io.remembered import remembered_pixel_size, remembered_voxel_size
from napari_selfreg.io.volume.grid import Spacing
from napari_selfreg.io.volume.names import is_nifti, volume_stem
from napari_selfreg.widgets.image_layers import CHOSEN, REMEMBERED
from napari_selfreg.widgets.result_info import result_info

_HERS = ("corrected", "done")
"""States of fields that hold a person's own work."""


@dataclass(eq=False, slots=True)
class Field:
    """One image of the list.

    Parameters
    ----------
    path : Path
        Its file.
    folder : Path or None
        The folder it was opened with, if it was one.
    state : {"new", "segmented", "corrected", "done"}
        How far a person is with it.
    facts : FieldFacts or None
        Size and thumbnail, once they are known.
    problem : str
        Why it cannot be opened or segmented.
    pixel_size : PixelSize or None
        What a person has chosen for it.
    left_at : (PixelSize, str) or None
        The size at which `layers` lie, and where it came from in words.
    spacing : (float, float, float) or None
        Of a volume, what she has chosen: millimetres per voxel along z, y and x.
    running : bool
        Whether *Run on all* works on it now.
    layers : list of napari.layers.Layer
        What lies on the image while another field is shown.
    pending : (FieldDone, Card) or None
        Objects found by *Run on all*, not yet made a layer of, and the model that found them.
    written : (FieldDone, Card) or None
        The same of a volume, whose classes lie in its files only.
    recalled : bool
        Whether results that were saved earlier need not be looked for any more.
    undone : {"new", "segmented", "corrected"}
        Its state before a person called it done here; hers where that happened elsewhere.
    """

    path: Path
    folder: Path | None = None
    state: State = "new"
    facts: FieldFacts | None = None
    problem: str = ""
    pixel_size: PixelSize | None = None
    left_at: tuple[PixelSize, str] | None = None
    spacing: Spacing | None = None
    running: bool = False
    layers: list[Any] = field(default_factory=list)
    pending: Any = None
    written: Any = None
    recalled: bool = False
    undone: State = "corrected"

    @property
    def stem(self) -> str:
        """Name for outputs, without folders and suffix."""
        return volume_stem(self.path)

    @property
    def is_volume(self) -> bool:
        """Whether it is a volume, as far as is known."""
        return is_nifti(self.path) or (self.facts is not None and self.facts.slices > 0)

    def newest(self) -> Any:
        """Return its result layer that was set aside, None if `pending` counts, or nothing does.

        *Run on all* leaves her own work alone; all else it has found anew since it was on show.
        """
        layer = next((each for each in reversed(self.layers) if result_info(each)), None)
        return layer if self.pending is None or self.state in _HERS else None

    def known_size(self) -> PixelSize | None:
        """Return the pixel size: the person's, the file's, or what counts for its folder."""
        return self.chosen_size() or (self.facts.stated if self.facts else None)

    def chosen_size(self) -> PixelSize | None:
        """Return what a person has chosen, None where it is the file that states the size."""
        stated = self.facts.stated if self.facts else None
        return self.pixel_size or (None if stated else remembered_pixel_size(self.path))

    def size_to_come(self) -> PixelSize | None:
        """Return the size that its objects get when it is shown, None if they keep theirs."""
        of_folder = self.left_at is None or self.left_at[1] in (CHOSEN, REMEMBERED)
        return self.chosen_size() if of_folder and self.facts is not None else self.pixel_size

    def known_spacing(self) -> Spacing | None:
        """Return a volume's size of voxels as chosen for it, or for its folder if it states none.

        None where the file's own size counts.
        """
        stated = self.facts is not None and self.facts.stated is not None
        return self.spacing or (None if stated else remembered_voxel_size(self.path))

    def size_known(self) -> bool:
        """Tell whether anybody has said how large pixels or voxels are."""
        if not self.is_volume:
            return self.known_size() is not None
        stated = self.facts is not None and self.facts.stated is not None
        return stated or self.known_spacing() is not None


class FieldList(QObject):
    """All opened fields in order, one of them shown.

    Attributes
    ----------
    output_dir : Path or None
        Folder for all results; None for one beside each image.
    changed : Signal()
        Fields were added or removed.
    updated : Signal(int)
        A field, by its place, has another state, thumbnail or problem.
    currentChanged : Signal()
        Another field is to be shown.
    batch_running : bool
        Whether *Run on all* is at work.
    batchTold : Signal(str)
        What it says now, or how it has ended.
    """

    changed = Signal()
    updated = Signal(int)
    currentChanged = Signal()
    batchTold = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fields: list[Field] = []
        self._current: Field | None = None
        self.output_dir: Path | None = None
        self.batch_running = False

    def __len__(self) -> int:
        return len(self._fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(tuple(self._fields))

    def __getitem__(self, index: int) -> Field:
        return self._fields[index]

    @property
    def current(self) -> Field | None:
        """The field that is shown, or being opened."""
        return self._current

    @property
    def current_index(self) -> int:
        """Place of the current field, -1 without one."""
        return -1 if self._current is None else self._fields.index(self._current)

    def find(self, path: Path) -> Field | None:
        """Return the field of a file, or None."""
        return next((each for each in self._fields if each.path == path), None)

    def add(self, paths: Iterable[Path], folder: Path | None = None) -> list[Field]:
        """Add files at the end; those that are there already stay where they are.

        Returns
        -------
        list of Field
            One per path, new or not.
        """
        named, before = [], len(self._fields)
        for path in paths:
            known = self.find(path)
            if known is None:
                known = Field(path, folder)
                self._fields.append(known)
            named.append(known)
        if len(self._fields) != before:
            self.changed.emit()
        return named

    def remove(self, fields: Iterable[Field]) -> None:
        """Take fields off the list; their files stay."""
        gone = list(fields)
        place = self.current_index
        self._fields = [each for each in self._fields if each not in gone]
        if self._current in gone:
            self._current = None
            self.changed.emit()
            if self._fields:
                self.set_current(self._fields[min(place, len(self._fields) - 1)])
            else:
                self.currentChanged.emit()  # what was shown must go, too
        else:
            self.changed.emit()

    def set_current(self, wanted: Field | None) -> None:
        """Show another field, or none."""
        if wanted is not self._current:
            self._current = wanted
            self.currentChanged.emit()

    def step(self, by: int) -> None:
        """Go forward or back in the list; stops at both ends."""
        if self._fields:
            place = self.current_index + by if self._current is not None else 0
            self.set_current(self._fields[max(0, min(place, len(self._fields) - 1))])

    def update(self, changed: Field, **values: Any) -> None:
        """Set attributes of a field and tell whoever shows it."""
        if changed not in self._fields:
            return
        differs = [key for key, value in values.items() if getattr(changed, key) is not value]
        for key in differs:
            setattr(changed, key, values[key])
        if differs:
            self.updated.emit(self._fields.index(changed))

    def set_done(self, changed: Field, done: bool) -> None:
        """Call a field done, or give it back the state it had before."""
        if done and changed.state != "done":
            self.update(changed, undone=changed.state, state="done")
        elif not done and changed.state == "done":
            self.update(changed, state=changed.undone)

    def queue(self) -> list[Field]:
        """Return the fields in the order of work: the one looked at, those behind it, the rest."""
        start = max(0, self.current_index)
        return self._fields[start:] + self._fields[:start]

    def to_run(self, volumes: bool = False) -> tuple[BatchField, ...]:
        """Return the pictures, or volumes, for *Run on all*: all but those with a person's work.

        Objects that she has corrected, and saved perhaps, must not be replaced by a model's.
        """
        waiting = [each for each in self.queue() if each.state not in _HERS]
        if volumes:
            return tuple(
                BatchField(each.path, None, each.known_spacing())
                for each in waiting
                if each.is_volume
            )
        return tuple(
            BatchField(each.path, each.chosen_size()) for each in waiting if not each.is_volume
        )

    def of_other_size(self, size: PixelSize) -> list[Field]:
        """Return the fields in the folder of the one on show with another size of their own."""
        folder = None if self._current is None else self._current.path.parent
        return [
            each
            for each in self._fields
            if each.path.parent == folder
            and each.pixel_size not in (None, size, each.facts.stated if each.facts else None)
        ]

    def left_out(self) -> int:
        """Return how many fields *Run on all* leaves alone."""
        return sum(each.state in _HERS for each in self._fields)

    def of_other_kind(self, volumes: bool) -> int:
        """Return how many fields wait for a model of the other kind."""
        return sum(
            each.is_volume is not volumes and not each.problem
            for each in self._fields
            if each.state not in _HERS
        )

    def can_open_any(self) -> bool:
        """Tell whether any field to run is an image, as far as is known."""
        return any(each.facts is not None or not each.problem
                   for each in self._fields if each.state not in _HERS)  # fmt: skip

    def current_path(self) -> Path | None:
        """Return the file of the current field; safe in any thread."""
        current = self._current
        return None if current is None else current.path

    def on_batch_event(self, event: Event, card: Card) -> None:
        """Take note of what *Run on all* tells.

        Parameters
        ----------
        event : Event
            Any one of the job.
        card : Card
            Of the model that runs.
        """
        known = self.find(getattr(event, "path", Path()))
        if known is None:
            return
        if isinstance(event, FieldStarted):
            self.update(known, running=True, problem="")
        elif isinstance(event, FieldDone):
            # She may have begun to correct it meanwhile: what was found comes as another layer.
            state = known.state if known.state in _HERS else "segmented"
            self.update(known, running=False, state=state, **_found(event, card))
        elif isinstance(event, FieldFailed):
            self.update(known, running=False, problem=event.reason)

    def end_batch(self) -> None:
        """Forget which field was worked on: the job has ended, however it did."""
        self.batch_running = False
        for each in self._fields:
            self.update(each, running=False)


def _found(event: FieldDone, card: Card) -> dict[str, Any]:
    """Return what a field learns of its result."""
    if event.result is None:
        return {"written": (event, card), "recalled": False}
    return {"pending": (event, card)}
