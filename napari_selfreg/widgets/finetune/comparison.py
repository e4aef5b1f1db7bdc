"""Before | after: both models on all fields, the fields by how much they changed."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGroupBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_selfreg.engine.events import Event
from napari_selfreg.engine.resegment_types import CompareRequest, FieldCompared
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.finetune.compare_job import run_comparison
from napari_selfreg.widgets.finetune.places import place_of
from napari_selfreg.widgets.finetune.wiper_layer import COLOURS, WiperLayer
from napari_selfreg.widgets.guards import alive, in_front, take_double_for_one
from napari_selfreg.widgets.numbers import SPACE, in_groups
from napari_selfreg.widgets.runner import Job, JobRunner
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.sentences import WAITING, describe_failure
from napari_selfreg.widgets.shared import Shared
from napari_selfreg.widgets.timers import single_shot

_STEPS = 200
_LIST_HEIGHT = 84
_AT_ONCE_PIXELS = 8_000_000
_REDRAW_MS = 60
_PATIENCE_MS = 150
_TRIES = 40
CHOOSE = "Click a field to see both models on it."


class Comparison(QGroupBox):
    """A list of fields, the one that changed most first, and a slider that wipes between both.

    Parameters
    ----------
    viewer : napari.Viewer
    shared : Shared
        Shows the field that is looked at.
    job : callable
        Generator function that takes a `CompareRequest` and yields events.
    parent : QWidget, optional
        Parent of the box.

    Attributes
    ----------
    compared : Signal()
        All fields were compared.
    starting : Signal(object)
        This box is about to wait for its turn; `status` says so.
    """

    compared = Signal()
    starting = Signal(object)

    def __init__(
        self,
        viewer: Any,
        shared: Shared,
        job: Job = run_comparison,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Before | after", parent)
        self._viewer, self._shared, self._job = viewer, shared, job
        self._project: Project | None = None
        self._shown: str | None = None
        self._tries = 0
        self.found: dict[str, FieldCompared] = {}
        self.wiper = WiperLayer(viewer)
        self.button = QPushButton("Compare")
        take_double_for_one(self.button)
        self.button.setToolTip("Segment all fields with both models and show where they differ")
        self.fields = QListWidget()
        self.fields.setAccessibleName("Fields by change")
        self.fields.setToolTip("The field that changed most comes first; click one to see both")
        self.on_canvas = QCheckBox("Show on the canvas")
        self.on_canvas.setChecked(True)
        self.on_canvas.setToolTip("Other objects are hidden meanwhile and come back afterwards")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setAccessibleName("Before or after")
        self.slider.setToolTip("Left of the line is the old model, right of it the new one")
        self.status = sentence_label()
        self._arrange()
        self.runner = JobRunner(self)
        self._connect()
        self.hide()

    def offer(self, request: CompareRequest, at_once: bool = True) -> None:
        """Be ready to compare; what was compared before is forgotten.

        Parameters
        ----------
        request : CompareRequest
        at_once : bool
            Whether to begin without being asked, unless the fields are large.
        """
        self.clear()
        self._request = request
        self._project = request.project
        self._refresh()
        self.show()
        shapes = [self._project.field(each).shape for each in request.fields]
        if at_once and sum(rows * columns for rows, columns in shapes) <= _AT_ONCE_PIXELS:
            self._wish.start()

    @property
    def busy(self) -> bool:
        """Whether it compares, or is about to by itself."""
        return self._wish.isActive() or self.runner.running

    def clear(self) -> None:
        """Forget everything and take the layer off the canvas."""
        self._wish.stop()
        self.runner.cancel()
        self.found.clear()
        self.fields.clear()
        self.wiper.remove()
        self._project = self._shown = None
        self.status.clear()
        self.hide()

    def compare(self) -> None:
        """Start, or stop what runs."""
        if self.runner.running:
            self.runner.cancel()
        elif self._project is not None:
            self.status.setText(WAITING)
            self.starting.emit(self)
            self.runner.start(self._job, self._request)
        self._refresh()

    def _compare_at_once(self) -> None:
        if not self.runner.running:
            self.compare()

    def show_field(self, identity: str) -> None:
        """Show both models on one field."""
        if identity in self.found and self._project is not None:
            self.wiper.remove()  # not lost with the field that is left
            self._shown = identity
            self._tries = _TRIES
            self._shared.projectFieldWanted.emit(identity)
            self._patience.start()  # the layers of the field may come a little later

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        legend = QLabel(
            f'<span style="color: {COLOURS[0]}">●</span> old model &nbsp; '
            f'<span style="color: {COLOURS[1]}">●</span> new model'
        )
        self.fields.setFixedHeight(_LIST_HEIGHT)
        for part in (self.button, self.fields, self.on_canvas, self.slider, legend, self.status):
            column.addWidget(part)
        self._parts = (self.fields, self.on_canvas, self.slider, legend)

    def _connect(self) -> None:
        self._wish = single_shot(self, 0, self._compare_at_once)
        self._patience = single_shot(self, _PATIENCE_MS, self._draw)
        self._redraw = single_shot(self, _REDRAW_MS, self._move)
        self._lost = single_shot(self, 0, self._on_lost)
        self.on_canvas.toggled.connect(self._on_toggle)
        self.slider.valueChanged.connect(self._on_slider)
        self.button.clicked.connect(self.compare)
        self.fields.currentItemChanged.connect(self._on_item)
        self.runner.received.connect(self._on_events)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(self._on_cancelled)
        self._viewer.layers.events.removed.connect(self._on_removed)
        callbacks, on_press = self._viewer.mouse_drag_callbacks, _press_callback(self)
        callbacks.append(on_press)
        self.destroyed.connect(lambda: on_press in callbacks and callbacks.remove(on_press))

    def _refresh(self) -> None:
        self.button.setText("Cancel" if self.runner.running else "Compare")
        for part in self._parts:
            part.setVisible(bool(self.found))

    def _on_events(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, FieldCompared):
                self.found[event.field] = event
            elif getattr(event, "message", ""):
                self.status.setText(event.message)  # type: ignore[attr-defined]
        if self._project is not None and any(isinstance(e, FieldCompared) for e in events):
            self._list()

    def _list(self) -> None:
        """List what was compared so far, the field that changed most first."""
        assert self._project is not None
        ordered = sorted(self.found.values(), key=lambda each: -each.change)
        with signals_blocked(self.fields):
            self.fields.clear()
            for each in ordered:
                name = self._project.field(each.field).stem
                item = QListWidgetItem(f"{name} · {change_in_words(each.change)}")
                item.setData(Qt.ItemDataRole.UserRole, each.field)
                self.fields.addItem(item)
                if each.field == self._shown:
                    self.fields.setCurrentItem(item)
        self._refresh()

    def _on_finished(self, result: object) -> None:
        self._refresh()
        self.status.setText("" if self.found else "No field could be compared.")
        if self._shown is None and self.fields.count():
            if in_front(self):
                self.fields.setCurrentRow(0)
            else:  # elsewhere she may be at work on a field, which is not to be taken away
                self.status.setText(CHOOSE)
        self.compared.emit()

    def _on_cancelled(self) -> None:
        self._refresh()
        self.status.setText("Cancelled: press Compare to see all fields." if self.found else "")

    def _on_failed(self, error: Exception) -> None:
        self._refresh()
        self.status.setText(describe_failure(error))

    def _on_item(self, item: QListWidgetItem | None, before: object = None) -> None:
        if item is not None:
            self.show_field(str(item.data(Qt.ItemDataRole.UserRole)))

    def _draw(self) -> None:
        compared = self.found.get(self._shown or "")
        if compared is None or self._project is None or not self.on_canvas.isChecked():
            return
        place = place_of(self._viewer, self._project, compared.field)
        if place is None and self._tries:
            self._tries -= 1
            self._patience.start()
            return
        if place is None:
            self.status.setText("Open this field to see both models on it.")
            return
        self.status.setText("Drag the slider; click an object to compare it.")
        self.wiper.show(compared.before, compared.after, place)
        self._move()

    def _on_toggle(self, on: bool) -> None:
        if on:
            self._draw()
        else:
            self.wiper.remove()

    def _on_removed(self, event: Any) -> None:
        if alive(self) and self.wiper.lost:
            self._lost.start()  # not amidst the layers that leave with their field

    def _on_lost(self) -> None:
        """Give other outlines back when the layer was deleted, or left with its field."""
        if not self.wiper.lost:
            return
        self.wiper.remove()
        self._shown = None
        with signals_blocked(self.fields):
            self.fields.setCurrentRow(-1)  # so that a click on any row shows it
        self.status.setText(CHOOSE)

    def _on_slider(self, value: int) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _move(self) -> None:
        self.wiper.move(self.slider.value() / _STEPS)

    def explain(self, event: Any) -> None:
        """Say what both models made of an object that is clicked."""
        if self.wiper.layer is None or self._project is None:
            return
        ids = self.wiper.ids_at(event.position)
        compared = self.found.get(self._shown or "")
        if ids is not None and compared is not None:
            area = self._project.field(compared.field).label_size.area_um2
            self.status.setText(both_in_words(compared, *ids, area))


def _press_callback(owner: Comparison) -> Any:
    """Return what napari calls when the mouse goes down; the viewer may outlive the panel."""
    reference = weakref.ref(owner)

    def on_press(viewer: Any, event: Any) -> None:
        comparison = reference()
        if comparison is not None and alive(comparison):
            comparison.explain(event)

    return on_press


def change_in_words(change: float) -> str:
    """Return how much of a field is another.

    Examples
    --------
    >>> change_in_words(0.0), change_in_words(0.004), change_in_words(0.25)
    ('unchanged', 'under 1 % changed', '25 % changed')
    """
    if change == 0:
        return "unchanged"
    return "under 1 % changed" if change < 0.01 else f"{100 * change:.0f} % changed"


def both_in_words(compared: FieldCompared, before: int, after: int, area_um2: float) -> str:
    """Return what both models made of one place.

    Parameters
    ----------
    compared : FieldCompared
    before, after : int
        Ids of the objects there; 0 for none.
    area_um2 : float
        Square micrometres of one pixel.
    """
    if not before and not after:
        return "No object here, before and after."
    one, other = compared.before == before, compared.after == after
    if not before:
        return f"New here: an object of {_area(other, area_um2)}."
    if not after:
        return f"Gone here: an object of {_area(one, area_um2)}."
    shared = 2 * int(np.sum(one & other)) / (int(one.sum()) + int(other.sum()))
    return (
        f"Before {_area(one, area_um2)}, after {_area(other, area_um2)}; they overlap by "
        f"{100 * shared:.0f} % (Dice)."
    )


def _area(mask: Any, area_um2: float) -> str:
    return f"{in_groups(int(mask.sum()) * area_um2)}{SPACE}µm²"
