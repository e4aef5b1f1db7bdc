"""The Fine-tune panel: learn from corrections, see whether it helped, take it or leave it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.finetune.bases import Base
from napari_selfreg.widgets.finetune.block_curves import BlockCurves
from napari_selfreg.widgets.finetune.curves import Curves
from napari_selfreg.widgets.finetune.form import TuneForm
from napari_selfreg.widgets.finetune.job import Tuned, TuneRequest, run_tuning
from napari_selfreg.widgets.finetune.outcome import Outcome
from napari_selfreg.widgets.finetune.review_offer import ReviewOffer
from napari_selfreg.widgets.finetune.source import ProjectCorrections
from napari_selfreg.widgets.finetune.summary import offer, summary, what_is_missing
from napari_selfreg.widgets.finetune.tuning import Tuning
from napari_selfreg.widgets.guards import take_double_for_one
from napari_selfreg.widgets.preload import Preloader
from napari_selfreg.widgets.progress_row import ProgressRow
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.shortcuts import add_shortcuts
from napari_selfreg.widgets.terms_notice import READ_TERMS, TermsNotice
from napari_selfreg.widgets.volume.correcting import not_tuned

_POLL_MS = 300


class FinetunePanel(QWidget):
    """Fine-tunes a model on the corrections of the open project.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Shows the comparison.
    parent : QWidget, optional
        Parent of the panel.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
    job : callable
        Generator function that takes a `TuneRequest`, yields events and returns a `Tuned`.

    Attributes
    ----------
    tuned : Signal(object)
        A fine-tuning has ended with a new version: its `Tuned`.
    """

    tuned = Signal(object)

    def __init__(
        self,
        napari_viewer: Any,
        parent: QWidget | None = None,
        *,
        models: Mapping[str, Path] | None = None,
        job: Job = run_tuning,
    ) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self.shared = shared_for(napari_viewer)
        self.corrections: ProjectCorrections | None = None
        self.latest: Tuned | None = None
        self._base: Base | None = None
        self._request: TuneRequest | None = None
        self._before: tuple[Tuned | None, Base | None] = (None, None)
        self.steps: int | None = None
        self._project: Project | None = None
        self._seen: object = None
        self._last_words = ""
        self.about = sentence_label()
        self.form = TuneForm(models)
        self.terms_notice = TermsNotice()
        self.start_button = QPushButton("Start")
        take_double_for_one(self.start_button)
        self.progress_row = ProgressRow()
        self.status = sentence_label()
        self.curves = Curves()
        self.block_curves = BlockCurves()
        self.offer = ReviewOffer()
        self.outcome = Outcome(napari_viewer, self.shared)
        self.tuning = Tuning(self, job)
        self.runner = self.tuning.runner
        self._arrange()
        self._connect()
        self._on_project()
        Preloader(self)

    def start(self) -> None:
        """Start, unless something is missing."""
        if not self._missing():
            self._start(None)

    def train_longer(self) -> None:
        """Go on from the newest result for as many minutes as are set."""
        if self.latest is not None and not self._missing():
            self._start(self.latest)

    def treat_as_done(self) -> None:
        """Take all of every corrected field as reviewed."""
        if self.corrections is None:
            return
        try:
            fields = self.corrections.treat_as_done()
        except SelfRegError as error:
            self._conclude(str(error))
            return
        self.shared.projectEdited.emit(fields)
        self._look()

    def cancel(self) -> None:
        """Stop after the present step and keep the best so far; a second time, drop it."""
        if self.runner.running:
            self.tuning.cancel()
        self._refresh()

    def _start(self, go_on: Tuned | None) -> None:
        corrections = self.corrections
        base = self._base if go_on is not None else self.form.base_picker.value()
        if self.runner.running or corrections is None or base is None:
            return
        request = TuneRequest(
            corrections,
            tuple(note.id for note in corrections.fields() if note.regions),
            base.path,
            base.version if go_on is None else go_on.version.id,
            len(corrections.project.versions.all) + 1,
            self.form.minutes.value(),
            self.steps,
            self.form.advanced.value(),
            None if go_on is None else go_on.result,
        )
        self._last_words = ""
        self._before = self.latest, self._base
        self.latest = None
        self._base = base
        self.outcome.set_aside()
        self.curves.clear()
        self.block_curves.clear()
        self.progress_row.start()
        self._request = request
        self.tuning.start(request)
        self._refresh()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        for part in (
            self.about,
            self.offer,
            self.form,
            self.terms_notice,
            self.start_button,
            self.progress_row,
            self.status,
            self.outcome.verdict,
            self.curves,
            self.block_curves,
            self.outcome,
        ):
            column.addWidget(part)
        column.addStretch(1)

    def _connect(self) -> None:
        self.form.valueChanged.connect(self._on_setting)
        self.terms_notice.accepted.connect(self._refresh)
        self.start_button.clicked.connect(self._on_button)
        self.tuning.told.connect(self.status.setText)
        self.tuning.happened.connect(self.curves.show_events)
        self.tuning.happened.connect(self.block_curves.show_events)
        self.tuning.progressed.connect(self.progress_row.setProgress)
        self.tuning.tuned.connect(self._on_tuned)
        self.tuning.concluded.connect(self._on_concluded)
        self.offer.accepted.connect(self.treat_as_done)
        self.outcome.longerWanted.connect(self.train_longer)
        self.outcome.told.connect(self._conclude)
        self.outcome.resegmenting.done.connect(self._look)
        self.shared.projectChanged.connect(self._on_project)
        keys = {"Ctrl+Return": self.start, "Ctrl+Enter": self.start, "Esc": self.cancel}
        add_shortcuts(self, keys)
        # Corrections come from strokes, keys and undo, which all end in the project.
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._on_poll)
        self._poll.start()

    def _elsewhere(self) -> str:
        """Say where a volume is fine-tuned, if that is what is open, or nothing."""
        return not_tuned(self._viewer) if self.corrections is None else ""

    def _missing(self) -> str:
        if words := self._elsewhere():
            return words
        missing = what_is_missing(self.corrections, self.form.base_picker.value())
        if not missing and self.terms_notice.pending:
            return READ_TERMS
        return missing

    def _on_project(self) -> None:
        project = self.shared.project
        self.corrections = ProjectCorrections(project) if project is not None else None
        self._last_words = ""
        if project is not self._project:
            self._project, self.latest = project, None
            self.tuning.runner.cancel()
            self.outcome.set_project(project)
        self._look()

    def _on_poll(self) -> None:
        if self.isVisible() and not self.runner.running and self._state() != self._seen:
            self._look()

    def _state(self) -> object:
        """Return what is another object whenever there is something else to say."""
        corrections = self.corrections
        return corrections.changed() if corrections is not None else self._elsewhere()

    def _look(self) -> None:
        """Read again what the project says about itself."""
        self._seen = self._state()
        card = self.shared.card
        self.form.base_picker.offer(self.shared.project, card.name if card else "")
        self.about.setText(self._about())
        self.offer.ask(offer(self.corrections))
        self._on_setting()

    def _about(self) -> str:
        """Say what there is to learn from, and which version is in use."""
        if words := self._elsewhere():
            return words
        project = self.shared.project
        active = project.versions.active if project is not None else None
        used = f"{active.title} is in use." if active is not None else ""
        return f"{summary(self.corrections)} {used}".strip()

    def _refresh(self) -> None:
        """Bring button and status in line with what is set and what runs."""
        running = self.runner.running
        self.form.setEnabled(not running)
        if running:
            # Never disabled meanwhile: it would lose the focus, and the keys would go elsewhere.
            self.start_button.setText("Stopping…" if self.tuning.stopping else "Cancel")
            self.start_button.setToolTip(
                "Stop after the present step; the best model so far is kept (Esc)"
            )
            return
        missing = self._missing()
        self.start_button.setText("Start")
        self.start_button.setToolTip(missing or "Learn from the reviewed regions (Ctrl+Enter)")
        self.start_button.setEnabled(not missing)
        said = missing == self.about.text()  # above already
        self.status.setText(self._last_words or ("" if said else missing))

    def _on_setting(self) -> None:
        base = self.form.base_picker.value()
        self.terms_notice.setCard(base.card if base else None)
        self.outcome.refresh(base)
        self._refresh()

    def _on_button(self) -> None:
        if self.runner.running:
            self.cancel()
        else:
            self.start()

    def _on_tuned(self, tuned: Tuned) -> None:
        if self.corrections is None or self._base is None or self._request is None:
            return
        self.latest = tuned
        notes = self.corrections.fields()
        ordered = sorted(notes, key=lambda note: not note.regions)  # what was reviewed comes first
        fields = tuple(note.id for note in ordered)
        self.outcome.show_tuned(tuned, self._base, self._request, fields)
        self.tuned.emit(tuned)

    def _on_concluded(self, text: str) -> None:
        self.progress_row.stop()
        if self.latest is None and self.outcome.bring_back():
            # It led to nothing: what was known before stands, and these curves are not its own.
            self.latest, self._base = self._before
            for plots in (self.curves, self.block_curves):
                plots.clear()
                plots.hide()
        self._before = (None, None)  # two networks, of no more use
        self._conclude(text)

    def _conclude(self, text: str) -> None:
        self._last_words = text
        self._look()
