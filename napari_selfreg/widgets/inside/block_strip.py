"""Choose blocks of a network: one, or several to stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget


def describe_block(block: str) -> str:
    """Return what a block is, in words.

    Examples
    --------
    >>> describe_block("E1"), describe_block("B"), describe_block("D1")
    ('Encoder 1: full resolution', 'Bottleneck: the coarsest', 'Decoder 1: right before the answer')
    """
    if block == "B":
        return "Bottleneck: the coarsest"
    if block == "D1":
        return "Decoder 1: right before the answer"
    if block == "E1":
        return "Encoder 1: full resolution"
    return f"{'Encoder' if block[0] == 'E' else 'Decoder'} {block[1:]}"


class BlockStrip(QWidget):
    """A row of buttons, from the first encoder block to the last decoder block.

    Attributes
    ----------
    valueChanged : Signal()
        Other blocks are chosen.
    """

    valueChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._several = False
        self._buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)

    def blocks(self) -> tuple[str, ...]:
        """Return all blocks that are offered."""
        return tuple(self._buttons)

    def value(self) -> tuple[str, ...]:
        """Return the chosen blocks, in the order of the forward pass."""
        return tuple(block for block, button in self._buttons.items() if button.isChecked())

    def setValue(self, blocks: Sequence[str]) -> None:
        """Choose blocks; without any that is offered nothing changes."""
        wanted = [block for block in self._buttons if block in blocks]
        before = self.value()
        if not wanted:
            return
        for block, button in self._buttons.items():
            button.setChecked(block in (wanted if self._several else wanted[-1:]))
        if self.value() != before:
            self.valueChanged.emit()

    def setBlocks(self, blocks: Sequence[str]) -> None:
        """Offer these blocks; what was chosen stays chosen where it can."""
        if tuple(blocks) == self.blocks():
            return
        before = self.value()
        for button in self._buttons.values():
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = {block: self._button(block) for block in blocks}
        self._order()
        self.setValue(before)
        if not self.value():
            self.setValue(blocks[-1:])

    def setSeveral(self, several: bool) -> None:
        """Let one or several be chosen; going to one keeps the last, going to several takes all."""
        self._several = several
        self.setValue(self.blocks() if several else self.value()[-1:])

    def _button(self, block: str) -> QPushButton:
        button = QPushButton(block)
        button.setCheckable(True)
        button.setToolTip(describe_block(block))
        button.setAccessibleName(f"Block {block}")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance("E9") + 8)
        button.clicked.connect(self._on_click)
        self._row.addWidget(button, 1)
        return button

    def _order(self) -> None:
        """Let the Tab key come here where one reads this: buttons made later come last of all."""
        before: Any = self.previousInFocusChain()
        while before is not self and before.focusPolicy() == Qt.FocusPolicy.NoFocus:
            before = before.previousInFocusChain()
        for button in self._buttons.values():
            QWidget.setTabOrder(before, button)
            before = button

    def _on_click(self, checked: bool) -> None:
        clicked = self.sender()
        if not self._several or not self.value():
            for button in self._buttons.values():
                button.setChecked(button is clicked)
        self.valueChanged.emit()
