"""What follows a fine-tuning: verdict, comparison, taking it or leaving it, versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.engine.resegment_types import CompareRequest
from napari_selfreg.io.models import bundled_models
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.bases import Base
from napari_selfreg.widgets.finetune.careful import MAKES_WAY, CarefulCheck
from napari_selfreg.widgets.finetune.comparison import Comparison
from napari_selfreg.widgets.finetune.in_use import put_to_use
from napari_selfreg.widgets.finetune.job import Tuned, TuneRequest
from napari_selfreg.widgets.finetune.resegmenting import Resegmenting
from napari_selfreg.widgets.finetune.verdict_view import ONE_REGION, VerdictView
from napari_selfreg.widgets.finetune.versions_view import VersionsView
from napari_selfreg.widgets.shared import Shared

if TYPE_CHECKING:
    from napari_selfreg.engine.finetune_folds import FoldsResult


CHECKED_MINUTES = 3.0
"""Whoever gives that much time gets the stricter verdict without asking."""

UNFINISHED = "Stopped before the first regions were compared: the verdict above stands."


class Outcome(QWidget):
    """The lower half of the Fine-tune panel.

    `verdict` is placed by the panel: above the curves, where nobody has to look for its buttons.

    Parameters
    ----------
    viewer : napari.Viewer
    shared : Shared
    parent : QWidget, optional

    Attributes
    ----------
    longerWanted : Signal()
        A person wants to train longer.
    told : Signal(str)
        What became of what a person asked for.
    """

    longerWanted = Signal()
    told = Signal(str)

    def __init__(self, viewer: Any, shared: Shared, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shared = shared
        self._project: Project | None = None
        self._base: Base | None = None
        self._before: str | None = None
        self._request: TuneRequest | None = None
        self._steps = 0
        self._check_due = False
        self.tuned: Tuned | None = None
        self._aside: Tuned | None = None
        self._compare: CompareRequest | None = None
        self.verdict = VerdictView()
        self.check = CarefulCheck(self)
        self.comparison = Comparison(viewer, shared)
        self.resegmenting = Resegmenting(shared)
        self.versions = VersionsView()
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.comparison, self.resegmenting, self.versions):
            column.addWidget(part)
        self.verdict.useWanted.connect(self.use)
        self.verdict.keepWanted.connect(self.keep_old)
        self.verdict.longerWanted.connect(self.longerWanted)
        self.verdict.checkWanted.connect(self.check_carefully)
        for box in (self.comparison, self.resegmenting):
            box.starting.connect(self._make_way)
        self.check.told.connect(self.verdict.tell)
        self.check.running.connect(self.verdict.show_checking)
        self.check.checked.connect(self._on_checked)
        runner = self.comparison.runner
        for ended in (runner.finished, runner.failed, runner.cancelled):
            ended.connect(self._check_if_due)
        self.versions.useWanted.connect(self.put)
        self.versions.told.connect(self.told)

    def set_project(self, project: Project | None) -> None:
        """Follow another project; the verdict of the one before is gone."""
        if project is not self._project:
            self._project = project
            self.forget()
        self.refresh(self._base)

    def forget(self) -> None:
        """Take verdict and comparison away, and free what they hold."""
        self.tuned = self._aside = self._compare = None
        self._check_due = False
        self.check.runner.cancel()
        self._place_resegmenting(in_verdict=False)
        self.verdict.hide()
        self.comparison.clear()

    def set_aside(self) -> None:
        """Make room for another fine-tuning, of which it is not known how it ends."""
        tuned, compare = self.tuned, self._compare
        self.forget()
        self._aside, self._compare = tuned, compare

    def bring_back(self) -> bool:
        """Show again what was set aside, if anything was; tell whether."""
        tuned, self._aside = self._aside, None
        if tuned is None or self._compare is None:
            return False
        self.tuned = tuned
        self.verdict.show()
        self.comparison.offer(self._compare, at_once=False)
        return True

    def refresh(self, base: Base | None) -> None:
        """Bring everything in line with the project and the model that is chosen above."""
        self._base = base
        project = self._project
        self.versions.show_project(project)
        active = project.versions.active if project is not None else None
        tuned = self.tuned.version.id if self.tuned is not None else None
        in_use = tuned is not None and active is not None and tuned == active.id
        self._place_resegmenting(in_use)
        if project is not None and active is not None:
            self.resegmenting.set_model(project, project.versions.path(active.id), active.title)
        else:
            self.resegmenting.set_model(
                project, base.path if base else None, base.label if base else ""
            )
        if tuned is not None:
            self.verdict.show_use(in_use)

    def _place_resegmenting(self, in_verdict: bool) -> None:
        """Offer to re-segment where *Use it* was pressed, else below the comparison."""
        place, row = (self.verdict.next_step, 0) if in_verdict else (self._column, 1)
        if place.indexOf(self.resegmenting) < 0:
            place.insertWidget(row, self.resegmenting)

    def show_tuned(
        self, tuned: Tuned, base: Base, request: TuneRequest, fields: tuple[str, ...]
    ) -> None:
        """Show how a new version compares.

        Parameters
        ----------
        tuned : Tuned
        base : Base
            The model it is compared with.
        request : TuneRequest
            Which it has come from.
        fields : tuple of str
            Ids, in the order in which they are to be compared.
        """
        project = self._project
        if project is None:
            return
        self.tuned, self._aside = tuned, None
        self._before = project.active_version
        self._request = request
        self._steps = tuned.result.steps + (self._steps if request.go_on is not None else 0)
        self.verdict.show_result(tuned.result)
        device = self.resegmenting.device = request.options.device
        after = project.versions.path(tuned.version.id)
        self._compare = CompareRequest(project, base.path, after, fields, device)
        self.comparison.offer(self._compare)
        self.refresh(base)
        patient = request.steps is None and request.minutes >= CHECKED_MINUTES
        several = len(tuned.result.base_scores) > 1
        self._check_due = patient and several and not tuned.result.stopped
        self._check_if_due()

    def check_carefully(self) -> None:
        """Hold out whole regions in turn; a second time, stop that."""
        self._check_due = False
        if self._request is not None and self.tuned is not None:
            self.check.toggle(self._request, self._steps)

    def _check_if_due(self, *_: object) -> None:
        """Check by itself, once a comparison that goes first has ended."""
        busy = self.comparison.busy or self.check.runner.running
        if self._check_due and not busy and self.window().isVisible():
            self.check_carefully()

    def _make_way(self, box: Comparison | Resegmenting) -> None:
        """Have the check end early: a person waits for what she has just pressed."""
        if self.check.make_way():
            box.status.setText(MAKES_WAY)

    def _on_checked(self, result: FoldsResult) -> None:
        tuned, project = self.tuned, self._project
        if tuned is None or project is None:
            return
        if not result.verdict.n:
            self.verdict.tell(UNFINISHED if self.check.stopped else ONE_REGION)
            return
        if self.check.stopped and result.verdict.kind == "cannot tell":
            # Few regions were compared: they say less than the first verdict does.
            self.verdict.tell(f"So far, region by region: {result.verdict.sentence}")
            return
        self.verdict.show_check(result.verdict)
        facts = {
            **project.versions[tuned.version.id].facts,
            "verdict": result.verdict.kind,
            "sentence": f"Region by region. {result.verdict.sentence}",
        }
        try:
            project.versions.write_facts(tuned.version.id, facts)
        except SelfRegError as error:
            self.told.emit(str(error))
        self.refresh(self._base)

    def use(self) -> None:
        """Put the newest version into use."""
        if self.tuned is not None:
            self.put(self.tuned.version.id)

    def keep_old(self) -> None:
        """Stay with, or go back to, what was in use before."""
        project = self._project
        if self.tuned is None or project is None:
            return
        if project.active_version == self.tuned.version.id:
            self.put(self._before)
        else:
            title = self.tuned.version.title
            self.told.emit(f"The old model stays in use; {title} is kept under Versions.")

    def put(self, version: str | None) -> None:
        """Put a version into use, or the model before all versions."""
        project = self._project
        if project is None:
            return
        try:
            put_to_use(self._shared, project, version, self._outside())
        except SelfRegError as error:
            self.told.emit(str(error))
            return
        title = project.versions[version].title if version else "The model before all versions"
        self.refresh(self._base)
        self.told.emit(f"{title} is in use: the Segment panel has it too.")

    def _outside(self) -> Path | None:
        """Return the model before all versions, if it can be told."""
        base, project = self._base, self._project
        if base is not None and base.version is None:
            return base.path
        first = project.versions.all[:1] if project is not None else ()
        return bundled_models().get(str(first[0].facts.get("base"))) if first else None
