"""Opens what a person names, and shows the field that she goes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.engine.events import Event
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.open_jobs import Found, Looked, list_images, look_at_fields, open_field
from napari_selfreg.widgets.runner import JobRunner
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.timers import single_shot

_SETTLE_MS = 150


class FieldOpener(QObject):
    """Reads in threads, and puts fields on the stage.

    Parameters
    ----------
    fields : FieldList
        Which field is shown is decided here.
    stage : FieldStage
        Where it is shown.
    owner : QWidget
        Its life ends the jobs.

    Attributes
    ----------
    told : Signal(str)
        What happens now, or what went wrong; empty when all is well.
    shown : Signal(object)
        A field is on the viewer: the `Field`, or None.
    """

    told = Signal(str)
    shown = Signal(object)

    def __init__(self, fields: FieldList, stage: FieldStage, owner: QWidget) -> None:
        super().__init__(owner)
        self._fields = fields
        self._stage = stage
        self._opening: Field | None = None
        self._waiting: list[list[Path]] = []
        # Docks become wider with the first image, or another tab, and the canvas narrower.
        self._settled = single_shot(self, _SETTLE_MS, stage.fit_again)
        # Three lanes: neither a long list nor thumbnails keep the next field waiting.
        self.lister = JobRunner(owner, "list")
        self.opener = JobRunner(owner, "open")
        self.looker = JobRunner(owner, "thumbnails")
        self._connect()

    @property
    def busy(self) -> bool:
        """Whether something is being listed or opened."""
        return self.lister.running or self.opener.running

    def open_paths(self, paths: Sequence[Path]) -> None:
        """List files and folders, then show the first of their images."""
        if self.lister.running:
            self._waiting.append(list(paths))
            return
        self.told.emit("Looking for images…")
        self.lister.start(list_images, tuple(paths))

    def look(self) -> None:
        """Find out size and state of the fields that are not known yet."""
        unknown = tuple(each.path for each in self._fields.queue() if self._unknown(each))
        if unknown and not self.looker.running:
            self.looker.start(look_at_fields, unknown, self._fields.output_dir)

    def settle(self) -> None:
        """Fit the field to its canvas once that has come to rest."""
        self._settled.start()

    def show_again(self) -> None:
        """Show the current field once more, after a person has removed its image."""
        if self._stage.image is None:
            self._go()

    def _connect(self) -> None:
        self._fields.currentChanged.connect(self._go)
        self._fields.changed.connect(self.look)
        self.lister.finished.connect(self._on_listed)
        self.lister.failed.connect(self._on_not_listed)
        self.opener.finished.connect(self._on_opened)
        self.opener.failed.connect(self._on_not_opened)
        self.opener.cancelled.connect(self._go)
        self.looker.received.connect(self._on_looked)
        self.looker.finished.connect(self._on_all_looked)

    def _unknown(self, field: Field) -> bool:
        return field.facts is None and not field.problem

    def _on_listed(self, found: tuple[Found, ...]) -> None:
        self.told.emit("")
        named = [each for part in found for each in self._fields.add(part.paths, part.folder)]
        if named:
            self._fields.set_current(named[0])
            self.show_again()
        self._open_next()

    def _on_not_listed(self, error: Exception) -> None:
        self.told.emit(describe_failure(error))
        self._open_next()

    def _open_next(self) -> None:
        if self._waiting:
            self.open_paths(self._waiting.pop(0))

    def _go(self) -> None:
        """Show the current field, as soon as the one that is being opened lets go."""
        field = self._fields.current
        if self.opener.running:
            if field is not self._opening:
                self.opener.cancel()
            return
        if field is None:
            self._stage.clear()
            self.shown.emit(None)
        elif self._stage.field is field and self._stage.image is not None:
            self.shown.emit(field)
        elif self._stage.has(field):
            self._present(field)
        else:
            self._opening = field
            self.told.emit(f"Opening {field.path.name}…")
            self.opener.start(open_field, field.path, field.folder)

    def _on_opened(self, opened: Any) -> None:
        field, self._opening = self._opening, None
        self.told.emit("")
        if field is not None and field is self._fields.current:
            self._present(field, opened)
        else:
            self._go()

    def _on_not_opened(self, error: Exception) -> None:
        field, self._opening = self._opening, None
        if field is None or field is not self._fields.current:
            self._go()
            return
        # Nothing must look as if it belonged to the field that cannot be shown.
        self._stage.clear()
        sentence = describe_failure(error)
        self._fields.update(field, problem=sentence)
        self.shown.emit(None)
        self.told.emit(sentence)

    def _present(self, field: Field, opened: Any = None) -> None:
        image = self._stage.show(field, opened)
        source = source_info(image)
        self.settle()
        self.told.emit(" ".join(source.warnings) if source is not None else "")
        self.shown.emit(field)

    def _on_looked(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if not isinstance(event, Looked):
                continue
            field = self._fields.find(event.path)
            if field is not None:
                found = "corrected" if event.corrected else "segmented"
                state = found if event.segmented and field.state == "new" else field.state
                self._fields.update(field, facts=event.facts, problem=event.problem, state=state)

    def _on_all_looked(self, result: object) -> None:
        self.look()  # fields may have come meanwhile
