"""Reviewed regions as shapes on the picture: drawn by a person, kept in the project."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes
from pydantic import ValidationError
from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.project import ProjectField, Region
from napari_selfreg.io.project.regions import RegionKind
from napari_selfreg.io.project.reviewed import on_labels
from napari_selfreg.widgets.areas import FLAT, ellipse_outline
from napari_selfreg.widgets.correct.hand import CLICK
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.correct.project_desk import ProjectDesk
from napari_selfreg.widgets.guards import alive, bare, selection_kept
from napari_selfreg.widgets.layers import OWN_KEY, REGIONS
from napari_selfreg.widgets.result_plane import label_view, plane_axes
from napari_selfreg.widgets.timers import single_shot

Drawn = Literal["rectangle", "polygon"]

NAME = "reviewed regions"
NOT_IN_VIEW = "The picture is not in view: move it into the window first."
NO_AREA = (
    "A shape was not taken: it has no area, or too many corners. Draw a rectangle, an ellipse or a "
    "polygon."
)

_COLOUR = "#20d060"
_MODES: dict[Drawn, str] = {"rectangle": "add_rectangle", "polygon": "add_polygon"}
_SPATIAL = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
_DONE = ("added", "changed", "removed")


class Regions(QObject):
    """Keeps a Shapes layer of ours and the regions of the field on show alike.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    desk : ProjectDesk
        Knows field and project.
    parent : QObject
        Parent.

    Attributes
    ----------
    layer : napari.layers.Shapes or None
        Shows the regions; None while there are none.
    changed : Signal()
        The regions of the field are others now.
    drawn : Signal()
        A person has finished a shape: the tool from before may come back.
    """

    changed = Signal()
    drawn = Signal()

    def __init__(self, viewer: Any, desk: ProjectDesk, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._desk = desk
        self.layer: Any = None
        self._sync = single_shot(self, 0, self._read)
        desk.linkChanged.connect(self.refresh)
        desk.shared.projectEdited.connect(self.refresh)
        desk.shared.pixelSizeChanged.connect(self._follow)

    @property
    def all(self) -> dict[str, Region]:
        """Regions of the field on show, by id."""
        link = self._desk.link
        return {} if link is None else dict(link.project.facts(link.field).regions)

    @property
    def selected(self) -> bool:
        """Whether the mouse is for the regions: it is for the layer selected in the list."""
        return self._on_show() and bare(self._viewer.layers.selection.active) is self.layer

    def refresh(self, event: Any = None) -> None:
        """Show the regions that the project has."""
        self._remove()
        if self.all:
            self._add()
        self.changed.emit()

    def draw(self, kind: Drawn) -> None:
        """Let the person draw a region."""
        if self._desk.link is None:
            return
        if not self._on_show():
            self._add()
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = _MODES[kind]

    def add_view(self) -> None:
        """Add what the window shows."""
        link = self._desk.link
        if link is None:
            return
        box = label_view(self._viewer, link.layer)
        if box.empty:
            self._desk.told.emit(NOT_IN_VIEW)
            return
        corners = [(box.y0, box.x0), (box.y0, box.x1), (box.y1, box.x1), (box.y1, box.x0)]
        self.put(np.array(corners, np.float64), "view")

    def add_field(self) -> None:
        """Add all of the field."""
        link = self._desk.link
        if link is not None:
            rows, columns = link.labels.shape
            corners = [(0, 0), (0, columns), (rows, columns), (rows, 0)]
            self.put(np.array(corners, np.float64), "field")

    def put(self, corners: npt.NDArray[np.float64], kind: RegionKind) -> None:
        """Add a region given by corners in pixels of the labels."""
        link = self._desk.link
        if link is not None:
            points = _on_image(corners, link.project.field(link.field))
            link.project.put_region(link.field, Region.from_points(points, kind))
            self.refresh()

    def drop(self, kind: RegionKind) -> None:
        """Remove all regions of a kind."""
        link = self._desk.link
        for identity, region in self.all.items():
            if link is not None and region.kind == kind:
                link.project.remove_region(link.field, identity)
        self.refresh()

    def _on_show(self) -> bool:
        return self.layer is not None and self.layer in self._viewer.layers

    def _add(self) -> None:
        """Add the layer with all regions; the tool stays in the hand."""
        link = self._desk.link
        if link is None:
            return
        record = link.project.field(link.field)
        regions = self.all
        self.layer = Shapes(
            [self._vertices(region, record) for region in regions.values()] or None,
            ndim=link.layer.ndim,
            shape_type="polygon",
            edge_color=_COLOUR,
            face_color="transparent",
            edge_width=max(1.0, max(record.shape) / 400),
            features={
                "id": np.array(list(regions), dtype=object),
                "kind": np.array([region.kind for region in regions.values()], dtype=object),
            },
            name=NAME,
            metadata={OWN_KEY: REGIONS},
            **{name: getattr(link.layer, name) for name in _SPATIAL},
        )
        self.layer.feature_defaults = {"id": "", "kind": ""}
        self.layer.editable = not link.project.read_only
        with selection_kept(self._viewer):
            self._viewer.add_layer(self.layer)
        self.layer.events.data.connect(self._on_data)

    def _follow(self, image: Any) -> None:
        """Lie as the labels do, whose pixels may have another size now."""
        link = self._desk.link
        if link is not None and self.layer is not None:
            for name in ("units", "scale", "translate"):
                setattr(self.layer, name, getattr(link.layer, name))

    def _remove(self) -> None:
        layer, self.layer = self.layer, None
        if layer is None:
            return
        layer.events.data.disconnect(self._on_data)
        if layer in self._viewer.layers:
            with selection_kept(self._viewer):
                self._viewer.layers.remove(layer)

    def _on_data(self, event: Any) -> None:
        action = str(getattr(event, "action", "")).rsplit(".", 1)[-1].lower()
        if alive(self) and action in _DONE:
            self._sync.start(0)  # the features of a new shape follow the event

    def _read(self) -> None:
        """Write what the person has drawn, changed or removed into the project."""
        link = self._desk.link
        if link is None or not self._on_show():
            return
        drawing = next((kind for kind in _MODES if _MODES[kind] == str(self.layer.mode)), None)
        clicked, problem = False, ""
        try:
            clicked, refused = self._write(link)
            problem = NO_AREA if refused else ""
        except SelfRegError as error:
            problem = str(error)
        self.refresh()
        if drawing and clicked:
            self.draw(drawing)
        elif drawing or self.layer is None:  # the last one is gone, and nothing is selected
            self.drawn.emit()
        if problem:  # last: the others take back what was said
            self._desk.told.emit(problem)

    def _write(self, link: JournalLink) -> tuple[bool, bool]:
        """Write all shapes; tell whether there were mere clicks, and others that were refused."""
        record, known = link.project.field(link.field), self.all
        seen, clicked, refused = set(), False, False
        for index, vertices in enumerate(self.layer.data):
            identity = str(self.layer.features["id"].iloc[index] or "")
            if identity not in known and self._is_click(vertices):
                clicked = True
                continue
            try:
                region = self._region(index, record, known.get(identity))
            except ValidationError:
                refused = True
                seen.add(identity)  # one that was there stays as it was
                continue
            seen.add(region.id)
            if known.get(region.id) != region:
                link.project.put_region(link.field, region)
        for identity in known.keys() - seen:
            link.project.remove_region(link.field, identity)
        return clicked, refused

    def _is_click(self, vertices: Any) -> bool:
        """Tell whether a shape is what napari makes of a mere click: too small to be meant."""
        extent = np.ptp(np.asarray(vertices, np.float64), axis=0) * np.asarray(self.layer.scale)
        return bool(extent.max() * self._viewer.scene.camera.zoom < CLICK)

    def _region(self, index: int, record: ProjectField, before: Region | None) -> Region:
        """Return the region that a shape shows; one that was not touched stays as it was."""
        points = _on_image(self._outline(index), record)
        if before is None:
            kind: RegionKind = (
                "rectangle" if self.layer.shape_type[index] == "rectangle" else "polygon"
            )
            return Region.from_points(points, kind)
        old = before.array()
        if points.shape == old.shape and np.allclose(points, old, atol=1e-3):
            return before
        kept = Region.from_points(points, "polygon" if before.kind == "field" else before.kind)
        return kept.model_copy(update={"id": before.id, "holes": before.holes})

    def _outline(self, index: int) -> npt.NDArray[np.float64]:
        """Return the outline of a shape in pixels of the labels; no points if it has no area."""
        vertices = np.asarray(self.layer.data[index], np.float64)
        kind = str(self.layer.shape_type[index])
        if kind == "ellipse":
            vertices = ellipse_outline(vertices)
        axes = list(plane_axes(self._desk.link.layer)) if self._desk.link is not None else [0, 1]
        return np.array(vertices[: 0 if kind in FLAT else None, axes] + 0.5)

    def _vertices(self, region: Region, record: ProjectField) -> npt.NDArray[np.float64]:
        """Return a region as corners of a shape in the axes of the layer."""
        assert self._desk.link is not None
        layer = self._desk.link.layer
        points = on_labels(region.array(), record) - 0.5  # napari's pixels begin at their centres
        vertices = np.zeros((len(points), layer.ndim))
        vertices[:, list(plane_axes(layer))] = points
        return vertices


def _on_image(points: npt.NDArray[np.float64], record: ProjectField) -> npt.NDArray[np.float64]:
    """Return points of the labels, whole numbers at corners, as points of the image."""
    return points * record.downsample + record.offset
