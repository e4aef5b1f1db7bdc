"""*What next?*: jump to the place of the field that is to be corrected next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from napari_selfreg.core.windows import OPEN
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.what_next_types import Suggestion, WhatNextRequest
from napari_selfreg.io.project import Project
from napari_selfreg.io.project.reviewed import reviewed_part
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.correct.object_tools import look_at_box
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.correct.what_next_job import run_what_next
from napari_selfreg.widgets.finetune.bases import other_models, versions_of, wanted_base
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.settings import settings

WHAT_NEXT, CANCEL = "What next?", "Cancel"
TIP = "Go to a place to correct next (T)"
WAITING = "Waiting for another job to end."
NO_MODEL = "There is no model to ask: choose one in the tab Segment first."
NOTHING_LEFT = "Nothing unreviewed is left in this field that shows tissue."
CANCELLED = "Cancelled."


class WhatNextRow(QWidget):
    """The button, and how far the search is.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = button(WHAT_NEXT, TIP)
        self.progress = ProgressRow()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.progress.setSizePolicy(policy)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button, 1)
        row.addWidget(self.progress, 1)

    def show_running(self, running: bool) -> None:
        """Offer to cancel while the search runs."""
        self.button.setText(CANCEL if running else WHAT_NEXT)
        if running:
            self.progress.start()
        else:
            self.progress.stop()


@dataclass(frozen=True)
class _Question:
    """What an answer is good for: another field or model makes it stale."""

    project: Project
    field: str
    model: Path


class WhatNext(QObject):
    """Asks for windows in a thread, and goes from one to the following.

    Parameters
    ----------
    viewer : napari.Viewer
        Its camera moves.
    desk : ProjectDesk
        Knows field and project.
    row : WhatNextRow
    panel : QWidget
        Its life ends the job.
    models : mapping of str to Path, optional
        Models beside the versions of the project; those of the package and added ones by default.
    job : callable
        Generator function that takes a `WhatNextRequest`, yields events, returns `Suggestion`s.
    """

    def __init__(
        self,
        viewer: Any,
        desk: ProjectDesk,
        row: WhatNextRow,
        panel: QWidget,
        models: Mapping[str, Path] | None = None,
        job: Job = run_what_next,
    ) -> None:
        super().__init__(panel)
        self._viewer, self._desk, self._row = viewer, desk, row
        self.models, self.job = models, job
        self._asked: _Question | None = None
        self._found: tuple[Suggestion, ...] = ()
        self._at = -1
        self._notices: list[str] = []
        self._said: tuple[str, tuple[Project, str] | None] = ("", None)
        self.runner = JobRunner(panel)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_found)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        row.button.clicked.connect(self._on_button)
        desk.linkChanged.connect(self._on_link)
        self._on_link()

    def go(self) -> None:
        """Go to the following window; look for windows first if that was not done."""
        link = self._desk.link
        if link is None or self.runner.running:
            return
        model = self._model(link.project, link.field)
        if model is None:
            self._tell(NO_MODEL)
            return
        question = _Question(link.project, link.field, model)
        if question != self._asked or not self._step():
            self._ask(question)

    def _model(self, project: Project, field: str) -> Path | None:
        """Return the version in use, else the model that most of the fields come from."""
        bases = [*versions_of(project), *other_models(project, self.models)]
        card = self._desk.shared.card
        chosen = wanted_base(project, bases, card.name if card is not None else "")
        return None if chosen is None else chosen.path

    def _ask(self, question: _Question) -> None:
        link = self._desk.link
        if link is not None:
            link.look()
        self._asked, self._found, self._at, self._notices = question, (), -1, []
        request = WhatNextRequest(
            question.project, (question.field,), question.model, device=settings().device
        )
        self._row.show_running(True)
        self._tell(WAITING)
        self.runner.start(self.job, request)

    def _step(self) -> bool:
        """Show the following window that is not reviewed by now; tell whether there is one."""
        count = len(self._found)
        for step in range(1, count + 1):
            at = (self._at + step) % count
            if self._is_open(self._found[at]):
                self._at = at
                self._show(self._found[at], at + 1, count)
                return True
        return False

    def _is_open(self, one: Suggestion) -> bool:
        """Tell whether enough of a window still waits for a person."""
        link = self._desk.link
        if link is None:
            return False
        regions = link.project.facts(link.field).regions.values()
        record = link.project.field(link.field)
        return 1 - reviewed_part(regions, record, one.box) >= OPEN

    def _show(self, one: Suggestion, number: int, count: int) -> None:
        link = self._desk.link
        if link is None:
            return
        look_at_box(self._viewer, link.layer, one.box)
        following = " T goes to the following one." if count > 1 else ""
        self._tell(f"{one.reason} Place {number} of {count}.{following}")

    def _on_button(self, checked: bool = False) -> None:
        if self.runner.running:
            self.runner.cancel()
        else:
            self.go()

    def _on_show(self) -> tuple[Project, str] | None:
        link = self._desk.link
        return None if link is None else (link.project, link.field)

    def _tell(self, words: str) -> None:
        self._said = words, self._on_show()
        self._desk.told.emit(words)

    def _on_link(self) -> None:
        """Another field has other windows: what is found for the one before is dropped."""
        link = self._desk.link
        self._row.setEnabled(link is not None)
        words, where = self._said
        if words and where != self._on_show():
            self._desk.unsay(words)
        asked = self._asked
        if asked is not None and (
            link is None or (link.project, link.field) != (asked.project, asked.field)
        ):
            self._asked, self._found = None, ()
            self.runner.cancel()

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Notice):
                self._notices.append(event.message)
            elif isinstance(event, Progress):
                self._row.progress.setProgress(event.done, event.total)
        messages = [each.message for each in events if isinstance(each, Progress)]
        if self._asked is not None and messages and messages[-1]:
            self._tell(f"{messages[-1]}…")

    def _on_found(self, found: tuple[Suggestion, ...]) -> None:
        self._row.show_running(False)
        if self._asked is None:  # the field was changed meanwhile
            return
        self._found = found
        if not self._step():
            self._asked = None
            self._tell(" ".join(self._notices) or NOTHING_LEFT)

    def _on_failed(self, error: Exception) -> None:
        self._row.show_running(False)
        if self._asked is not None:
            self._asked = None
            self._tell(describe_failure(error))

    def _on_cancelled(self) -> None:
        self._row.show_running(False)
        if self._asked is not None:
            self._asked = None
            self._tell(CANCELLED)
