"""Saying what is right: reviewed regions, and fields that are done."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_selfreg.widgets.buttons import button
from napari_selfreg.widgets.correct.hand import Hand
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.correct.regions import Regions

DONE, NOT_DONE = "Field done ✓", "Not done after all"
ALL_DONE = "All fields of this project are done."
_HOW = {
    "rectangle": "Drag a rectangle around what is right now.",
    "polygon": "Click around what is right now; a double click ends it.",
}


class ReviewBox(QWidget):
    """Buttons for what was reviewed.

    Parameters
    ----------
    parent : QWidget, optional
        Parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.rectangle_button = button("Rectangle", "Draw a rectangle: everything in it is right")
        self.polygon_button = button("Polygon", "Click around an area: everything in it is right")
        self.view_button = button("What I see", "Everything that the window shows is right")
        self.done_button = button(DONE, "The whole field is right; go to the next one (D)")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.title, 0, 0, 1, 3)
        for column, part in enumerate(
            (self.rectangle_button, self.polygon_button, self.view_button)
        ):
            grid.addWidget(part, 1, column)
        grid.addWidget(self.done_button, 2, 0, 1, 3)

    def show_state(self, regions: int, done: bool) -> None:
        """Show what was reviewed of the field."""
        words = {
            0: "Nothing reviewed yet: say where every object is right",
            1: "1 reviewed region: inside, everything is right",
        }
        text = words.get(regions, f"{regions} reviewed regions: inside, everything is right")
        self.title.setText("All of this field is reviewed" if done else text)
        self.done_button.setText(NOT_DONE if done else DONE)

    def show_nothing(self) -> None:
        """Show that no field is there of which anything could be said."""
        self.title.setText("")
        self.done_button.setText(DONE)


class Review(QObject):
    """What the buttons for reviewed regions do.

    Parameters
    ----------
    desk : ProjectDesk
    regions : Regions
    hand : Hand
        Gets its tool back when a region is drawn.
    box : ReviewBox
    parent : QObject
        Parent.
    """

    def __init__(
        self, desk: ProjectDesk, regions: Regions, hand: Hand, box: ReviewBox, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._regions = regions
        self._hand = hand
        self._box = box
        box.rectangle_button.clicked.connect(self._on_rectangle)
        box.polygon_button.clicked.connect(self._on_polygon)
        box.view_button.clicked.connect(self._on_view)
        box.done_button.clicked.connect(self.finish)
        regions.changed.connect(self._refresh)
        regions.drawn.connect(self._on_drawn)
        desk.linkChanged.connect(self._on_link)

    def finish(self, checked: Any = None) -> None:
        """Call the field done and go to the next that is not; or take that back."""
        link = self._desk.link
        if link is None or link.project.read_only:
            return
        if any(region.kind == "field" for region in self._regions.all.values()):
            self._regions.drop("field")
            self._desk.set_state("corrected")
            return
        self._regions.add_field()
        self._desk.set_state("done")
        field = self._next()
        if field is None:
            self._desk.told.emit(ALL_DONE)
        else:
            self._desk.show(field)

    def _next(self) -> str | None:
        """Return the field to go on with: the first behind this one that is not done."""
        link = self._desk.link
        if link is None:
            return None
        ids = [record.id for record in link.project.fields]
        here = ids.index(link.field)
        order = ids[here + 1 :] + ids[:here]
        return next((each for each in order if link.project.facts(each).state != "done"), None)

    def _on_rectangle(self, checked: bool = False) -> None:
        self._regions.draw("rectangle")
        self._desk.told.emit(_HOW["rectangle"])

    def _on_polygon(self, checked: bool = False) -> None:
        self._regions.draw("polygon")
        self._desk.told.emit(_HOW["polygon"])

    def _on_link(self) -> None:
        """Take back how a region of the field before is drawn."""
        for sentence in _HOW.values():
            self._desk.unsay(sentence)

    def _on_view(self, checked: bool = False) -> None:
        self._regions.add_view()

    def _on_drawn(self) -> None:
        self._hand.take(self._hand.tool)
        self._desk.told.emit("")

    def _refresh(self) -> None:
        if self._desk.link is None:
            self._desk.unsay(ALL_DONE)
            self._box.show_nothing()
            return
        regions = self._regions.all.values()
        done = any(region.kind == "field" for region in regions)
        if not done:
            self._desk.unsay(ALL_DONE)
        self._box.show_state(len(regions), done)
