"""Row, object and camera: choosing one brings the others.

Napari's Features Table and a Labels layer meet in `selected_label`. A click on an object in the
image sets it; a row of the table sets it too, and then the camera goes to the object.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QMainWindow, QTableView, QWidget

from napari_selfreg.core.totals import ObjectPlaces
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.result_plane import label_point, plane_axes

TABLE_PLUGIN = "napari"
TABLE_WIDGET = "Features table widget"

_SHARE_OF_VIEW = 0.25
"""An object is enlarged until it fills this share of the view, at most."""

_MOST_ZOOM = 8.0
"""Pixels on the screen per pixel of the image."""


_TABLE_HEIGHT = 220


class ObjectLink(QObject):
    """Links the objects of one result layer with its table and the camera.

    Parameters
    ----------
    viewer : napari.Viewer
        Its camera moves.
    parent : QObject
        Parent.

    Attributes
    ----------
    selected : Signal(int)
        Another object is chosen; 0 if none.
    """

    selected = Signal(int)

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Any = None
        self._places: ObjectPlaces | None = None
        self._clicked = False
        self._table: Any = None
        self._on_click = _click_callback(self)

    def setLayer(self, layer: Any) -> None:
        """Link another result layer, or none."""
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.selected_label.disconnect(self._on_selected)
            if self._on_click in self._layer.mouse_drag_callbacks:
                self._layer.mouse_drag_callbacks.remove(self._on_click)
        self._layer, self._places = layer, None
        if layer is not None:
            layer.events.selected_label.connect(self._on_selected)
            layer.mouse_drag_callbacks.append(self._on_click)

    def setPlaces(self, places: ObjectPlaces) -> None:
        """Tell where the objects of the layer lie."""
        self._places = places

    def openTable(self) -> Any:
        """Open napari's Features Table, or bring it to the front, and return it."""
        self._viewer.layers.selection.active = self._layer
        if self._table is None or not alive(self._table) or self._table.parent() is None:
            dock, self._table = self._viewer.window.add_plugin_dock_widget(
                TABLE_PLUGIN, TABLE_WIDGET
            )
            _lay_below(dock)
            _hide_empty_rows(self._table)
            # The row of the object that is chosen already changes no number, but leads there too.
            self._table.findChild(QTableView).clicked.connect(self._on_selected)
        dock = self._table.parentWidget()
        if dock is not None:
            dock.show()
            dock.raise_()
        return self._table

    def goTo(self, label: int) -> None:
        """Bring an object into the middle of the view."""
        row = self._row(label)
        if row is None or self._places is None:
            return
        middle = (self._places.low[row] + self._places.high[row] - 1) / 2
        camera, shown = self._viewer.scene.camera, list(self._viewer.dims.displayed)
        centre = list(camera.center)
        point = label_point(self._layer, *middle)[-len(self._viewer.dims.point) :]
        for place, axis in zip((-2, -1), shown[-2:], strict=True):
            centre[place] = float(point[axis - self._viewer.dims.ndim])
        zoom = self._zoom(row)
        if camera.zoom < zoom:
            camera.zoom = zoom
        camera.center = tuple(centre)

    def choose(self, label: int) -> None:
        """Choose an object that was clicked: the table follows, the camera stays."""
        self._clicked = True
        try:
            self._layer.selected_label = label
        finally:
            self._clicked = False
        self._scroll_table()

    def _row(self, label: int) -> int | None:
        if self._places is None:
            return None
        rows = np.flatnonzero(self._places.index == label)
        return int(rows[0]) if rows.size else None

    def _zoom(self, row: int) -> float:
        """Return how near the camera should be, at least."""
        assert self._places is not None
        pixel = float(np.asarray(self._layer.scale)[plane_axes(self._layer)[1]])
        side = float(np.max(self._places.high[row] - self._places.low[row]))
        view = float(min(self._viewer.canvas.viewbox_size(self._viewer.layers)))
        return min(_MOST_ZOOM, _SHARE_OF_VIEW * view / max(side, 1.0)) / pixel

    def _on_selected(self, event: Any = None) -> None:
        if not alive(self) or self._layer is None:
            return
        label = int(self._layer.selected_label)
        known = self._row(label) is not None
        self.selected.emit(label if known else 0)
        # With a brush in hand a number is a colour, not a place to go to.
        if known and not self._clicked and str(self._layer.mode) == "pan_zoom":
            self.goTo(label)

    def _scroll_table(self) -> None:
        if self._table is None or not alive(self._table):
            return
        view = self._table.findChild(QTableView)
        rows = view.selectionModel().selectedRows() if view is not None else []
        if rows:
            view.scrollTo(rows[0])


def _lay_below(dock: Any) -> None:
    """Put a dock below the image: a table is wide."""
    window = dock.parentWidget()
    if isinstance(window, QMainWindow):
        window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        window.resizeDocks([dock], [_TABLE_HEIGHT], Qt.Orientation.Vertical)


def _hide_empty_rows(table: QWidget) -> None:
    """Hide the rows of the background and of objects that are gone, wherever sorting puts them."""
    view = table.findChild(QTableView)
    if view is None:
        return
    proxy: Any = view.model()
    hidden: set[int] = set()

    def hide() -> None:
        nonlocal hidden
        source = proxy.sourceModel()
        empty = {proxy.mapFromSource(source.index(row, 0)).row() for row in _empty_rows(source.df)}
        for row in hidden | empty:
            view.setRowHidden(row, row in empty)
        hidden = empty

    proxy.layoutChanged.connect(hide)
    proxy.modelReset.connect(hide)
    hide()


def _empty_rows(frame: Any) -> list[int]:
    """Return the places of the rows that `feature_rows` has put between those of objects."""
    if not {"index", "area_um2"} <= set(frame.columns):
        return []
    return [int(row) for row in np.flatnonzero(frame["area_um2"].isna().to_numpy())]


def _click_callback(owner: ObjectLink) -> Any:
    """Return what napari calls when the mouse goes down: a plain function, as it wants."""
    reference = weakref.ref(owner)  # the layer may live longer than the panel

    def on_click(layer: Any, event: Any) -> Any:
        if str(layer.mode) != "pan_zoom" or event.button != 1:
            return
        yield  # a click is a press with nothing between it and the release
        link = reference()
        if event.type == "mouse_release" and link is not None and alive(link):
            label = _label_at(layer, event)
            if label:
                link.choose(label)

    return on_click


def _label_at(layer: Any, event: Any) -> int:
    """Return the label under the mouse, 0 outside of objects."""
    value = layer.get_value(
        event.position,
        view_direction=event.view_direction,
        dims_displayed=event.dims_displayed,
        world=True,
    )
    if value is not None and not isinstance(value, tuple):
        return int(value)
    return 0
