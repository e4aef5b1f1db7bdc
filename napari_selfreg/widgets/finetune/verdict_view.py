"""Whether the new model is better, in words, and what to do with it."""

from __future__ import annotations

from statistics import fmean

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from napari_selfreg.core.verdict import Kind, Verdict
from napari_selfreg.engine.finetune_types import FinetuneResult
from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.guards import take_double_for_one
from napari_selfreg.widgets.sentence_label import sentence_label

HEADLINES: dict[Kind, str] = {
    "better": "✓ The new model is better",
    "no difference": "= No difference that matters",
    "worse": "✗ The new model is worse",
    "cannot tell": "? Too early to tell",
}
ADVICE: dict[Kind, str] = {
    "better": "Use it, or look at Before | after first.",
    "no difference": "Correct fields that look different, or train longer.",
    "worse": "Keep the old one: more corrections help more than more minutes.",
    "cannot tell": "Look at Before | after, or review a few more regions.",
}
CHECK, STOP = "Check region by region", "Stop checking"
ONE_REGION = (
    "Only one region is reviewed, so none can be left out to check more strictly: review another "
    "one, in another picture if you can."
)
FAIR = "Measured on strips of your regions that were not trained on; other cases may differ."


class VerdictView(QFrame):
    """The verdict of the newest fine-tuning.

    Attributes
    ----------
    useWanted, keepWanted, longerWanted, checkWanted : Signal()
        A person wants the new model, the old one, more training, or to know more surely.
    next_step : QVBoxLayout
        Room right below the buttons for what follows *Use it*.
    """

    useWanted = Signal()
    checkWanted = Signal()
    keepWanted = Signal()
    longerWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.headline, self.sentence, self.advice = (sentence_label() for _ in range(3))
        font = self.headline.font()
        font.setBold(True)
        self.headline.setFont(font)
        self.use_button = button("Use it", "Segment with the new model from now on")
        self.keep_button = button(
            "Keep the old one", "Go on with the old model; the new one stays under Versions"
        )
        self.longer_button = button(
            "Train longer", "Go on where it stopped, for as many minutes again"
        )
        self.check_button = button(
            CHECK,
            "Fine-tune again without each region in turn: stricter, and as long several times",
        )
        take_double_for_one(self.check_button)
        self.check_button.clicked.connect(self.checkWanted)
        self.checking = sentence_label()
        self.checking.hide()
        self.use_button.clicked.connect(self.useWanted)
        self.keep_button.clicked.connect(self.keepWanted)
        self.longer_button.clicked.connect(self.longerWanted)
        column = QVBoxLayout(self)
        for label in (self.headline, self.sentence, self.advice):
            column.addWidget(label)
        self.advice.setToolTip(FAIR)
        row = QHBoxLayout()
        for each in (self.use_button, self.keep_button, self.longer_button):
            row.addWidget(each)
        column.addLayout(row)
        self.next_step = QVBoxLayout()
        column.addLayout(self.next_step)
        column.addWidget(self.check_button)
        column.addWidget(self.checking)
        self.hide()

    def show_result(self, result: FinetuneResult) -> None:
        """Say how the new model compares with its base."""
        kind = result.verdict.kind
        self.headline.setText(HEADLINES[kind])
        self.sentence.setText(_plain(result))
        self.advice.setText(f"{ADVICE[kind]} {FAIR}")
        self.use_button.setEnabled(True)
        self.keep_button.setEnabled(True)
        several = len(result.base_scores) > 1
        self.check_button.setEnabled(several)
        self.tell("" if several else ONE_REGION)
        self.show()

    def tell(self, text: str) -> None:
        """Say how far the check region by region is."""
        self.checking.setText(text)
        self.checking.setVisible(bool(text))

    def show_checking(self, running: bool) -> None:
        """Say what the button does now."""
        self.check_button.setText(STOP if running else CHECK)

    def show_check(self, verdict: Verdict) -> None:
        """Let the verdict of whole regions held out stand for the first one."""
        self.headline.setText(HEADLINES[verdict.kind])
        self.advice.setText(ADVICE[verdict.kind])
        self.tell(f"Region by region. {verdict.sentence}")

    def show_use(self, in_use: bool) -> None:
        """Bring the buttons in line with what is in use."""
        self.use_button.setEnabled(not in_use)
        self.use_button.setText("In use" if in_use else "Use it")


def _plain(result: FinetuneResult) -> str:
    """Return the verdict's sentence and both scores, without repeating the headline."""
    words = result.verdict.sentence
    _, colon, rest = words.partition(": ")
    words = rest[:1].upper() + rest[1:] if colon else words
    if not result.base_scores:
        return words
    before, after = fmean(result.base_scores), fmean(result.tuned_scores)
    return f"{words} Dice {before:.3f} before, {after:.3f} after."
