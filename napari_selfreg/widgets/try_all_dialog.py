"""All fitting models on the current view side by side; a click chooses one."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.card_view import summary
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentences import describe_failure
from napari_selfreg.widgets.terms_notice import terms_in_words
from napari_selfreg.widgets.try_all import PREVIEW_SIDE, Candidate, Tried, TryRequest, try_all

_LINE = 48
"""Letters of a line under a picture."""

_COLUMNS = 3
_WAITING = "Waiting…"


class TryAllDialog(QDialog):
    """Tries models one after the other; closing it stops that.

    Parameters
    ----------
    request : TryRequest
        What to try.
    parent : QWidget
        The panel.
    job : callable
        The job; the engine's without it.

    Attributes
    ----------
    chosen : Signal(object)
        File of the model a person has clicked.
    """

    chosen = Signal(object)

    def __init__(self, request: TryRequest, parent: QWidget, job: Job = try_all) -> None:
        super().__init__(parent)
        self.setWindowTitle("Try all models on the current view")
        self._job, self._request = job, request
        self._more: list[Candidate] = []
        self.tiles = {each.path: ModelTile(each) for each in request.candidates}
        self.status = QLabel("Click the one whose outlines follow the tissue best.")
        self.status.setWordWrap(True)
        self._arrange()
        self.runner = JobRunner(self)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        for tile in self.tiles.values():
            tile.clicked.connect(self._on_tile)
        self.finished.connect(self.runner.cancel)
        self.runner.start(job, request)

    def _arrange(self) -> None:
        content = QWidget()
        grid = QGridLayout(content)
        for index, tile in enumerate(self.tiles.values()):
            grid.addWidget(tile, index // _COLUMNS, index % _COLUMNS)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(content)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.status)
        column.addWidget(area, 1)
        column.addWidget(buttons)
        columns = min(_COLUMNS, max(1, len(self.tiles)))
        rows = -(-len(self.tiles) // _COLUMNS)
        self.resize(columns * (PREVIEW_SIDE + 40) + 30, min(700, rows * (PREVIEW_SIDE + 130) + 100))

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Tried):
                self.tiles[event.path].show_result(event.picture, event.words)
            elif isinstance(event, Progress) and event.message:
                self.status.setText(f"{event.message}…")

    def _on_finished(self, _: Any) -> None:
        self.status.setText("Click the one whose outlines follow the tissue best.")
        self._go_on()

    def _go_on(self) -> None:
        """Try the models whose terms were read meanwhile."""
        if self._more and not self.runner.running:
            wanted, self._more = tuple(self._more), []
            self.runner.start(self._job, replace(self._request, candidates=wanted))

    def _on_failed(self, error: Exception) -> None:
        self.status.setText(describe_failure(error))

    def _on_tile(self) -> None:
        tile = self.sender()
        if not isinstance(tile, ModelTile):
            return
        if not tile.candidate.unread:
            self.chosen.emit(tile.path)
            self.accept()
        elif ask_terms(self, tile.candidate.card):
            tile.candidate = tile.candidate.read()
            tile.show_result(None, _WAITING)
            self._more.append(tile.candidate)
            self._go_on()


class ModelTile(QToolButton):
    """One model: its preview, title, terms, and what it has found.

    Parameters
    ----------
    candidate : Candidate
        The model.
    """

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self.candidate = candidate
        self.path: Path = candidate.path
        self._title = f"{candidate.card.title}\n{summary(candidate.card)}"
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setIconSize(QSize(PREVIEW_SIDE, PREVIEW_SIDE))
        self.setFixedSize(PREVIEW_SIDE + 24, PREVIEW_SIDE + 96)
        self.setToolTip(candidate.card.bad_at and f"Weak at: {candidate.card.bad_at}")
        self.show_result(None, candidate.reason or _WAITING)

    def show_result(self, picture: npt.NDArray[np.uint8] | None, words: str) -> None:
        """Show what was found, or why nothing was."""
        self.setIcon(QIcon(_pixmap(picture)))
        text = f"{self._title}\n{textwrap.fill(words, _LINE)}"
        self.setText(text.replace("&", "&&"))  # a single one would underline the next letter
        self.setAccessibleName(text)


def ask_terms(parent: QWidget, card: Card) -> bool:
    """Show the terms of a model; tell whether a person has accepted them."""
    question = QMessageBox(parent)
    question.setWindowTitle(card.title)
    question.setText(terms_in_words(card))
    yes = question.addButton("I have read this", QMessageBox.ButtonRole.AcceptRole)
    question.addButton(QMessageBox.StandardButton.Cancel)
    question.exec()
    return bool(question.clickedButton() == yes)


def _pixmap(picture: npt.NDArray[np.uint8] | None) -> QPixmap:
    """Return a picture centred on a square, so that all tiles are alike."""
    square = np.full((PREVIEW_SIDE, PREVIEW_SIDE, 3), 127, np.uint8)
    if picture is not None:
        height, width = picture.shape[:2]
        top, left = (PREVIEW_SIDE - height) // 2, (PREVIEW_SIDE - width) // 2
        square[top : top + height, left : left + width] = picture
    side = PREVIEW_SIDE
    image = QImage(square.tobytes(), side, side, 3 * side, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image.copy())
