"""Say how large the pixels of an image are, by number or by magnification."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.pixel_size_edit import OBJECTIVES, PixelSizeEdit

UNKNOWN = (
    "The file does not say how large its pixels are. Choose the magnification at which the bar "
    "and the typical object fit the tissue: it then counts for all images of the folder."
)
FIRST_GUESS = "20×"
"""What is drawn until a person has chosen."""

_POINTED = (QEvent.Type.Enter, QEvent.Type.FocusIn)
_LEFT = (QEvent.Type.Leave, QEvent.Type.FocusOut)


class PixelSizeChooser(QWidget):
    """The pixel size of one image: shown, edited, or chosen by magnification.

    Attributes
    ----------
    chosen : Signal(object)
        A person has chosen a `PixelSize`.
    guideChanged : Signal()
        What is to be drawn on the image is another: see `guide`.
    """

    chosen = Signal(object)
    guideChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pointed: str | None = None
        self._away = False
        self.edit = PixelSizeEdit(menu=False)
        self.buttons = {name: QPushButton(name) for name in OBJECTIVES}
        self.show_guide = QCheckBox("Show 100 µm and a typical object")
        self.show_guide.setToolTip("Drawn on the image, as large as they are at this pixel size")
        self.hint = QLabel(UNKNOWN)
        self.hint.setWordWrap(True)
        self._arrange()
        self.edit.edited.connect(self._on_edit)
        self.show_guide.toggled.connect(self._on_toggle)
        self.setValue(None)

    def value(self) -> PixelSize | None:
        """Return the pixel size, or None while it is unknown."""
        return self.edit.value()

    def setValue(self, value: PixelSize | None, origin: str = "") -> None:
        """Show a pixel size, and in words where it comes from."""
        self.edit.setValue(value, origin)
        self.hint.setVisible(value is None and self.isEnabled())

    def guide(self) -> tuple[PixelSize, str] | None:
        """Return the size to draw and a word about it, or None if nothing is to be drawn."""
        name = self._pointed
        if name is None and self.value() is None:
            name = FIRST_GUESS
        if self._away or not self.show_guide.isChecked() or not self.isEnabled():
            return None
        if name is not None:
            return PixelSize.isotropic(OBJECTIVES[name]), f" at {name}?"
        value = self.value()
        return None if value is None else (value, "")

    def showEvent(self, event: QShowEvent) -> None:
        """Draw again what was drawn before this was hidden."""
        super().showEvent(event)
        self._leave(False)

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing on the image while nobody could switch it off: another tab is in front."""
        super().hideEvent(event)
        if not event.spontaneous():  # a minimised window comes back as it was
            self._leave(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Draw what a button would choose while it is pointed at."""
        if event.type() in _POINTED or event.type() in _LEFT:
            pointed = event.type() in _POINTED
            self._point(watched.text() if pointed and isinstance(watched, QPushButton) else None)
        return False

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        for name, button in self.buttons.items():
            um = OBJECTIVES[name]
            button.setToolTip(f"Scanned at {name}: {um:g} µm per pixel")
            button.setAccessibleName(f"Scanned at {name}")
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance("40×") + 16)
            button.clicked.connect(self._on_button)
            button.installEventFilter(self)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.edit)
        column.addWidget(self.hint)
        column.addLayout(row)
        column.addWidget(self.show_guide)

    def _on_button(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self._pointed = None
            self._choose(PixelSize.isotropic(OBJECTIVES[button.text()]), "chosen here")

    def _choose(self, size: PixelSize, origin: str) -> None:
        self.setValue(size, origin)
        self.chosen.emit(size)
        self.guideChanged.emit()

    def _on_edit(self) -> None:
        value = self.edit.value()
        self.hint.setVisible(value is None)
        if value is not None:
            self.chosen.emit(value)
        self.guideChanged.emit()

    def _on_toggle(self, checked: bool) -> None:
        self.guideChanged.emit()

    def _leave(self, away: bool) -> None:
        if away != self._away:
            self._away = away
            self.guideChanged.emit()

    def _point(self, name: str | None) -> None:
        if name != self._pointed:
            self._pointed = name
            if self.show_guide.isChecked():
                self.guideChanged.emit()
