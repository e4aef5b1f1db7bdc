"""Re-segment what is not reviewed, in all fields, and take that back as one step."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QGroupBox, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.resegment_types import ResegmentRequest
from napari_selfreg.io.project import Project
from napari_selfreg.io.project.new_objects import PreparedObjects
from napari_selfreg.widgets.finetune.compare_job import BEFORE, put_away, run_again
from napari_selfreg.widgets.finetune.replace_question import ReplaceQuestion
from napari_selfreg.widgets.finetune.source import ProjectCorrections, may_be_done
from napari_selfreg.widgets.finetune.summary import counted
from napari_selfreg.widgets.guards import take_double_for_one
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.sentences import WAITING, describe_failure
from napari_selfreg.widgets.shared import Shared

ABOUT = "Reviewed pixels and accepted objects stay exactly as they are."
SURE = (
    "Fields were edited after the re-segment: this is lost too. Press again to undo all the same."
)


def restore_all(project: Project) -> Generator[Event, None, tuple[str, ...]]:
    """Put all fields back as they were before the re-segment; return those that changed."""
    yield Progress(0, 0, "Putting the fields back")
    changed = project.bookmarks.restore(BEFORE)
    project.bookmarks.drop(BEFORE)
    return changed


class Resegmenting(QGroupBox):
    """A button to re-segment, and one to undo it.

    Parameters
    ----------
    shared : Shared
        Learns which fields were changed.
    job : callable
        Generator function that takes a `ResegmentRequest`, yields events and
        returns `PreparedObjects`.
    parent : QWidget, optional
        Parent of the box.

    Attributes
    ----------
    done : Signal()
        All fields hold new objects, or are back as they were.
    starting : Signal(object)
        This box is about to wait for its turn; `status` says so.
    """

    done = Signal()
    starting = Signal(object)

    def __init__(self, shared: Shared, job: Job = run_again, parent: QWidget | None = None) -> None:
        super().__init__("All fields", parent)
        self._shared, self._job = shared, job
        self._project: Project | None = None
        self._asked: Project | None = None
        self._model: Path | None = None
        self._waiting: list[PreparedObjects] = []
        self._changed: list[str] = []
        self._told: list[str] = []
        self._steps: dict[str, int] | None = None
        self.device = "auto"
        self.button = QPushButton()
        take_double_for_one(self.button)
        self.undo_button = QPushButton("Undo re-segment")
        self.undo_button.setToolTip("Put all fields back as they were before")
        self.question = ReplaceQuestion()
        self.progress_row = ProgressRow()
        policy = self.progress_row.sizePolicy()
        policy.setRetainSizeWhenHidden(False)
        self.progress_row.setSizePolicy(policy)
        self.status = sentence_label(ABOUT)
        column = QVBoxLayout(self)
        parts = (self.button, self.question, self.undo_button, self.progress_row, self.status)
        for part in parts:
            column.addWidget(part)
        self.runner = JobRunner(self)
        self.undo_runner = JobRunner(self, lane="files")
        self.button.clicked.connect(self.run)
        self.undo_button.clicked.connect(self.undo)
        self.question.keepWanted.connect(self._treat_as_done)
        self.question.replaceWanted.connect(self._start)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_found)
        self.undo_runner.finished.connect(self._on_restored)
        self.tidy_runner = JobRunner(self, lane="files")
        for ended in (self.tidy_runner.finished, self.tidy_runner.failed):
            ended.connect(self._on_put_away)
        self.tidy_runner.cancelled.connect(self._on_put_away)
        for runner in (self.runner, self.undo_runner):
            runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self.set_model(None, None)

    def set_model(self, project: Project | None, model: Path | None, title: str = "") -> None:
        """Say what the button would do.

        Parameters
        ----------
        project : Project or None
        model : Path, optional
            What would segment.
        title : str
            Its name on screen.
        """
        if project is not self._project:
            self.runner.cancel()
            self._waiting.clear()
            self._asked = None
            self.progress_row.stop()
            self._steps = None
            self.question.hide()
            self.status.setText(ABOUT)
        self._project, self._model = project, model
        self.button.setToolTip(f"Find the objects of all fields again with {title}. {ABOUT}")
        self._refresh()

    def run(self) -> None:
        """Start, and first ask where corrections would be lost; or stop, changing nothing."""
        if self.runner.running:
            self.runner.cancel()
        elif self._unreviewed():
            self.question.ask(len(self._unreviewed()))
        else:
            self._start()
        self._refresh()

    def _start(self) -> None:
        project, model = self._project, self._model
        if project is not None and model is not None and not self._waiting:
            fields = tuple(record.id for record in project.fields)
            self._told.clear()
            self.progress_row.start()
            self.status.setText(WAITING)
            self.starting.emit(self)
            self._asked = project
            self.runner.start(self._job, ResegmentRequest(project, model, fields, self.device))
        self._refresh()

    def _treat_as_done(self) -> None:
        """Take all of every corrected field as reviewed, so that it stays, and start."""
        project = self._project
        if project is None:
            return
        try:
            fields = ProjectCorrections(project).treat_as_done()
        except SelfRegError as error:
            self.status.setText(str(error))
            return
        self._shared.projectEdited.emit(fields)
        self._start()

    def _unreviewed(self) -> set[str]:
        """Return the fields whose corrections a re-segment would replace."""
        notes = () if self._project is None else ProjectCorrections(self._project).fields()
        return {note.id for note in notes if may_be_done(note)}

    def undo(self) -> None:
        """Take the last re-segment back; asks once more if fields were edited since."""
        project = self._project
        if project is None or not self._can_undo() or self.undo_runner.running:
            return
        if self._edited() and self.status.text() != SURE:
            self.status.setText(SURE)
            return
        self.undo_runner.start(restore_all, project)
        self._refresh()

    def _can_undo(self) -> bool:
        project = self._project
        return project is not None and not project.read_only and BEFORE in project.bookmarks.names

    def _edited(self) -> bool:
        return self._steps is None or self._steps != self._steps_now()

    def _steps_now(self) -> dict[str, int]:
        """Return what is another number for every field that was edited."""
        project = self._project
        assert project is not None
        return {each.id: project.steps(each.id) for each in project.fields}

    def _refresh(self) -> None:
        project = self._project
        busy = self.undo_runner.running or bool(self._waiting)
        usable = project is not None and not project.read_only and self._model is not None
        self.button.setText("Cancel" if self.runner.running else "Re-segment what is not reviewed")
        self.button.setEnabled(usable and not busy)
        self.undo_button.setVisible(self._can_undo())
        self.undo_button.setEnabled(not busy and not self.runner.running)
        if not self.question.isHidden():  # what it asks about may be reviewed meanwhile
            self.question.ask(len(self._unreviewed()))
        self.setVisible(project is not None)

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Notice):
                self._told.append(event.message)
            elif isinstance(event, Progress) and event.message:
                self.status.setText(f"{event.message}…")
                self.progress_row.setProgress(event.done, event.total)

    def _on_found(self, ready: tuple[PreparedObjects, ...]) -> None:
        self._waiting, self._changed = list(ready), []
        self._refresh()
        self._put_next()

    def _put_next(self) -> None:
        """Put one field into the project at a time, so that the window stays alive."""
        project = self._project
        if project is None or project is not self._asked:
            return  # the project they are for was closed
        if not self._waiting:
            self._conclude(project)
            return
        ready = self._waiting.pop(0)
        try:
            replaced = ready.field in self._unreviewed()
            if ready.put(project):
                if replaced:  # else they would count as the person's own
                    project.set_state(ready.field, "segmented")
                self._changed.append(ready.field)
                self._shared.projectEdited.emit((ready.field,))
        except SelfRegError as error:
            self._told.append(str(error))
        QTimer.singleShot(0, self._put_next)

    def _conclude(self, project: Project) -> None:
        self.progress_row.stop()
        self._steps = self._steps_now()
        if not self._changed:  # nothing to undo
            project.bookmarks.drop(BEFORE)
        changed = counted(len(self._changed), "field")
        self.status.setText(" ".join([f"{changed} changed. {ABOUT}", *self._told]))
        self._put_away()

    def _put_away(self) -> None:
        """Free what all fields hold; everything is done by then, so a failure is of no matter."""
        self._refresh()
        if self._project is None or self.tidy_runner.running:
            self.done.emit()
        else:
            self.tidy_runner.start(put_away, self._project)

    def _on_put_away(self, outcome: object = None) -> None:
        self.done.emit()

    def _on_restored(self, changed: tuple[str, ...]) -> None:
        if changed:
            self._shared.projectEdited.emit(changed)
        self._steps = None
        self.status.setText(f"{counted(len(changed), 'field')} put back as before.")
        self._put_away()

    def _on_cancelled(self) -> None:
        self.progress_row.stop()
        self.status.setText("Cancelled: all fields are as they were.")
        self._refresh()

    def _on_failed(self, error: Exception) -> None:
        self.progress_row.stop()
        self.status.setText(describe_failure(error))
        self._refresh()
