"""Asks before a run that is long or needs much memory; the window goes on meanwhile."""

from __future__ import annotations

import math

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.cost import Cost, estimate, model_pixels
from napari_selfreg.io.card import Card
from napari_selfreg.io.speeds import speed_of
from napari_selfreg.widgets.progress_row import in_words
from napari_selfreg.widgets.question_box import QuestionBox
from napari_selfreg.widgets.segment_job import PanelRequest

_GIGABYTE = 950_000_000
_LITTLE = 0.05
"""Share of the free memory that is not worth a word."""


class RunQuestion(QuestionBox):
    """Visible while a person has not decided about a large run.

    Attributes
    ----------
    accepted : Signal()
        She wants all of it.
    viewWanted : Signal()
        She wants the current view only.
    """

    accepted = Signal()
    viewWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view_button = self._offer("Current view")
        self.run_button = self._offer("Run it all")
        self.no_button = self._offer("Not now")
        self.view_button.clicked.connect(self.viewWanted)
        self.run_button.clicked.connect(self.accepted)

    def ask(self, cost: Cost, free: int, scope: str) -> None:
        """Show what a run will cost.

        Parameters
        ----------
        cost : Cost
            Of the run.
        free : int
            Bytes of memory that are free.
        scope : str
            The chosen area: the view is not offered instead of itself.
        """
        self.text.setText(describe_cost(cost, free))
        self.view_button.setVisible(scope != "view")
        self.show()


def cost_of(request: PanelRequest, card: Card) -> Cost:
    """Return what a run will cost, from the speed of earlier ones on the same device."""
    pixels = math.prod(request.box.shape)
    seen = model_pixels(pixels, request.pixel_size, card.pixel_size, request.tta)
    channels = card.n_classes + (card.separation is not None)
    return estimate(pixels, seen, channels, speed_of(request.device))


def describe_cost(cost: Cost, free: int) -> str:
    """Return time and memory in words."""
    time = f"This will take {in_words(cost.seconds)}"
    if cost.bytes < _LITTLE * free:
        return f"{time}."
    return f"{time} and {_memory(cost.bytes)} of the {_memory(free)} of memory that are free."


def _memory(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= _GIGABYTE else f"{size / 1e6:.0f} MB"
