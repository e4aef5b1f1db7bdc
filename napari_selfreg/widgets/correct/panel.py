"""The Correct panel: correct objects, say what is right, keep everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakMethod, ref

from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.correct.camera_memory import CameraMemory
from napari_selfreg.widgets.correct.hand import Hand
from napari_selfreg.widgets.correct.keys import KeyCard, Keys
from napari_selfreg.widgets.correct.measured import Measured
from napari_selfreg.widgets.correct.new_result import NewResult
from napari_selfreg.widgets.correct.object_tools import ObjectTools
from napari_selfreg.widgets.correct.project_actions import ProjectActions, told
from napari_selfreg.widgets.correct.project_box import ProjectBox
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.correct.regions import Regions
from napari_selfreg.widgets.correct.review import Review, ReviewBox
from napari_selfreg.widgets.correct.saving import Saving
from napari_selfreg.widgets.correct.selection import Selection
from napari_selfreg.widgets.correct.tool_box import (
    LOOKED_AT,
    NOT_SELECTED,
    REGIONS,
    ObjectBox,
    ToolBox,
)
from napari_selfreg.widgets.correct.what_next import WhatNext, WhatNextRow
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.shared import PathOffer, Shared
from napari_selfreg.widgets.timers import single_shot

_STEP = 1.25
"""Factor between two sizes of the brush."""

_panels: WeakKeyDictionary[Shared, Callable[[], CorrectPanel | None]] = WeakKeyDictionary()
"""The panel of each viewer that is in charge."""


class CorrectPanel(QWidget):
    """Corrects the objects of a result in napari's own Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its layers are corrected.
    parent : QWidget, optional
        Parent of the panel.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self.box, self.tools, self.objects = ProjectBox(), ToolBox(), ObjectBox()
        self.what_next_row, self.review_box = WhatNextRow(), ReviewBox()
        self.totals = QLabel()
        self.totals.setToolTip("Objects of the field on show, counted again after every edit")
        self.totals.setWordWrap(True)
        self.save_button = button(
            "Save for QuPath…",
            "Write the corrected objects of all fields: label images, outlines, measurements",
        )
        self.keys_button = button("Mouse and keys", "Show what mouse and keys do (F1)")
        self.status = sentence_label()
        self.desk = ProjectDesk(napari_viewer, self)
        self.new_result = NewResult(napari_viewer, self.desk)
        self.selection = Selection(napari_viewer, self.desk, self)
        self.hand = Hand(napari_viewer, self.desk, self.selection, self)
        self.editor = ObjectTools(napari_viewer, self.desk, self.selection, self)
        self.regions = Regions(napari_viewer, self.desk, self)
        self.review = Review(self.desk, self.regions, self.hand, self.review_box, self)
        self.what_next = WhatNext(napari_viewer, self.desk, self.what_next_row, self)
        self.measured = Measured(napari_viewer, self.desk, self)
        self.camera = CameraMemory(napari_viewer, self.desk, self)
        self.saving = Saving(self.desk, self.save_button, self)
        self.keys = Keys(self.desk, self._key_actions(), self)
        self.card: KeyCard | None = None
        self._hidden: list[tuple[Any, float]] = []
        self._arrange()
        self._connect()
        self.actions_of_project = ProjectActions(napari_viewer, self.desk, self.box, self)
        self._folder: Path | None = None
        self._later = single_shot(self, 0, self._reopen)
        self._on_link()
        self._take_over()

    def retire(self) -> Path | None:
        """Leave mouse, keys and project to a newer panel; return the folder of the project."""
        project = self.desk.project
        self.desk.retire()
        self.setEnabled(False)
        self.tell("Another Correct panel has taken over in this window.")
        return None if project is None else project.folder

    def _take_over(self) -> None:
        """Take the place of another panel of this viewer: two would draw every stroke twice."""
        before = _panels.get(self.desk.shared, lambda: None)()
        _panels[self.desk.shared] = ref(self)
        if before is not None and alive(before):
            self._folder = before.retire()
            self._later.start(0)  # until then the panel may wander from window to window

    def _reopen(self) -> None:
        if self._folder is not None:
            self.open_project(self._folder)

    def tell(self, text: str) -> None:
        """Show a sentence."""
        self.status.setText(text)

    @told
    def open_project(self, folder: Path) -> None:
        """Open a project; what goes wrong is told in the panel."""
        self.desk.open(folder)

    def show_keys(self) -> None:
        """Show the card of mouse and keys."""
        if self.card is None or not alive(self.card):
            self.card = KeyCard(self)
        # Beside the panel, so that it hides none of the buttons it is about.
        corner = self.mapToGlobal(self.rect().topLeft())
        self.card.adjustSize()
        self.card.move(max(0, corner.x() - self.card.width() - 8), max(0, corner.y()))
        self.card.show()
        self.card.raise_()

    def hide_objects(self) -> Callable[[], None]:
        """Hide objects and marks; return what shows them again."""
        self.show_objects()  # whoever lets the key go in another window was not heard
        link = self.desk.link
        layers = [] if link is None else [link.layer]
        if self.selection.marks.layer is not None:
            layers.append(self.selection.marks.layer)
        self._hidden = [(layer, layer.opacity) for layer in layers]
        # Opacity, since napari takes the tool out of the hand with a layer that is not visible.
        for layer in layers:
            layer.opacity = 0
        return self.show_objects

    def show_objects(self) -> None:
        """Show what was hidden."""
        hidden, self._hidden = self._hidden, []
        for layer, opacity in hidden:
            layer.opacity = opacity

    def _key_actions(self) -> dict[str, Callable[[], Any]]:
        return {
            "brush": lambda: self.hand.take("brush"),
            "wand": lambda: self.hand.take("wand"),
            "cut": lambda: self.hand.take("cut"),
            "smaller": lambda: self._resize(1 / _STEP),
            "larger": lambda: self._resize(_STEP),
            "delete": self.editor.delete,
            "merge": self.editor.merge,
            "fill": self.editor.fill,
            "smooth": self.editor.smooth,
            "class": self._on_class,
            "accept": self.editor.accept,
            "next": self.editor.next,
            "previous": self.editor.previous,
            "what_next": self.what_next.go,
            "done": self.review.finish,
            "hide": self.hide_objects,
            "help": self.show_keys,
        }

    def _resize(self, factor: float) -> None:
        """Make the brush in the hand larger or smaller, ours or napari's."""
        link = self.desk.link
        if self.hand.active is None and link is not None:
            link.layer.brush_size = max(1, link.layer.brush_size + (1 if factor > 1 else -1))
        else:
            self.hand.resize(round(self.hand.size * factor))

    def _connect(self) -> None:
        objects, editor = self.objects, self.editor
        for part, slot in (
            (objects.merge_button, editor.merge),
            (objects.delete_button, editor.delete),
            (objects.fill_button, editor.fill),
            (objects.smooth_button, editor.smooth),
            (objects.accept_button, editor.accept),
            (objects.next_button, editor.next),
            (objects.previous_button, editor.previous),
            (objects.class_button, self._on_class),
            (self.keys_button, self.show_keys),
        ):
            part.clicked.connect(_without_state(slot))
        objects.classes.currentTextChanged.connect(self._on_chosen_class)
        self.tools.chosen.connect(self.hand.take)
        self.tools.size_slider.valueChanged.connect(self.hand.resize)
        self.tools.tolerance.valueChanged.connect(self._on_wand)
        self.tools.by_model.toggled.connect(self._on_wand)
        self.hand.changed.connect(self._on_hand)
        self.selection.changed.connect(self._on_selection)
        self.desk.linkChanged.connect(self._on_link)
        self.measured.changed.connect(self.totals.setText)
        self.desk.told.connect(self.tell)
        self.desk.shared.projectOffered.connect(self._on_offered)

    def _on_link(self) -> None:
        """Follow the field that is on show."""
        link = self.desk.link
        ready = link is not None and not link.project.read_only
        for part in (self.tools, self.objects, self.review_box):
            part.setEnabled(ready)
        record = None if link is None else link.project.field(link.field)
        self.save_button.setEnabled(link is not None)
        self.objects.setClasses(record.classes if record is not None else ())
        self._on_chosen_class()
        info = None if link is None else result_info(link.layer)
        self.tools.by_model.setEnabled(info is not None and info.probability is not None)
        self._on_hand()

    def _on_hand(self) -> None:
        link = self.desk.link
        self.tools.show_tool(self.hand.tool if link is None else self.hand.active, self.hand.size)
        if link is None or (self.hand.selected and not link.project.read_only):
            return
        if link.project.read_only:
            self.tools.hint.setText(LOOKED_AT)
        else:
            self.tools.hint.setText(REGIONS if self.regions.selected else NOT_SELECTED)

    def _on_wand(self, value: object = None) -> None:
        self.hand.wand.tolerance = self.tools.tolerance.value() / 100
        self.hand.wand.by_model = self.tools.by_model.isChecked()

    def _on_selection(self) -> None:
        self.objects.setChosen(len(self.selection.ids))

    def _on_class(self) -> None:
        self.editor.set_class(self.objects.classes.currentText())

    def _on_chosen_class(self, name: str = "") -> None:
        self.hand.new_class = self.objects.chosenClass()

    def _on_offered(self, offer: PathOffer) -> None:
        """Take a project that was chosen in napari's menu or dropped on the window."""
        if alive(self) and not offer.taken and self.isEnabled() and self.window() is not self:
            offer.taken = True
            self.open_project(offer.path)

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.addWidget(self.new_result)
        for part in (self.box, self.tools, self.objects, self.review_box):
            if part is self.review_box:
                column.addWidget(self.what_next_row)
            column.addWidget(part)
            column.addWidget(_line())
        column.addWidget(self.totals)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button)
        buttons.addWidget(self.keys_button)
        column.addLayout(buttons)
        column.addWidget(self.status)
        column.addStretch(1)


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    return line


def _without_state(slot: Callable[[], Any]) -> Callable[[bool], None]:
    """Return a slot for a button: it tells whether it is checked, nobody asks.

    Qt keeps the function as long as the button, so it must not keep what owns the button.
    """
    method = WeakMethod(slot)

    def clicked(checked: bool = False) -> None:
        alive_slot = method()
        if alive_slot is not None:
            alive_slot()

    return clicked
