"""The Open panel: images, slides and folders become a list of fields, one of them shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import ref

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project.manifest import is_project
from napari_selfreg.io.remembered import remember_voxel_size
from napari_selfreg.widgets.arrivals import TOGETHER_MS, Arrivals
from napari_selfreg.widgets.default_reader import become_default_reader
from napari_selfreg.widgets.docking import share_one_place
from napari_selfreg.widgets.drops import MODEL_SUFFIX, DropFilter
from napari_selfreg.widgets.field_list import Field, FieldList
from napari_selfreg.widgets.field_opener import FieldOpener
from napari_selfreg.widgets.field_results import FieldResults
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.guards import alive
from napari_selfreg.widgets.image_layers import (
    CHOSEN,
    REMEMBERED,
    SourceInfo,
    source_info,
)
from napari_selfreg.widgets.layers import ORIGIN_KEY, is_picture, pixel_size_of
from napari_selfreg.widgets.open_form import OpenForm
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE, change_pixel_size, kept_sizes
from napari_selfreg.widgets.result_info import result_info
from napari_selfreg.widgets.scale_guide import ScaleGuide
from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.shared import PathOffer, shared_for
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.volume.layers import is_volume, unsized, volume_of
from napari_selfreg.widgets.volume.orientation import Orientation
from napari_selfreg.widgets.volume.voxel_size import change_spacing

_STEPS = {"PgUp": -1, "PgDown": 1}
FOLDER_VOXELS = "The size of the voxels is the one you have chosen for this folder."


class OpenPanel(QWidget):
    """Opens images, lists them as fields, and asks for the size of their pixels.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Shows the fields.
    parent : QWidget, optional
        Parent of the panel.
    """

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        share_one_place(self)
        self._viewer = napari_viewer
        self.shared = shared_for(napari_viewer)
        self.shared.openPanelMade.emit()
        self.shared.openPanelMade.connect(self._retire)
        self.fields = FieldList()  # it may outlive this panel: other panels know it
        self.fields.output_dir = settings().output_folder
        self.shared.fields = self.fields
        self.stage = FieldStage(napari_viewer)
        self.opener = FieldOpener(self.fields, self.stage, self)
        self.arrivals = Arrivals(napari_viewer, self.stage, self)
        self.results = FieldResults(napari_viewer, self.fields, self.stage, self)
        self.guide = ScaleGuide(napari_viewer)
        self.orientation = Orientation(napari_viewer)
        self.form = OpenForm(self.fields, self)
        self.drops = DropFilter(self.open_paths, self)
        self.drops.watch(self)
        self._window: Callable[[], QWidget | None] = _nowhere
        self._shortcuts: list[QShortcut] = []
        self._offered: Any = None
        self._drawing = False
        self._offers: list[Path] = []
        self._connect()
        self._refresh()
        become_default_reader()
        # Thumbnails come by the dozen: the form follows once for all of them.
        self._later = single_shot(self, 0, self._follow)
        # Napari's menu hands over several files one by one: they are opened together.
        self._collect = single_shot(self, 0, self._open_offers)
        # Behind another tab this panel is never shown, and its own parent never changes.
        single_shot(self, 0, self._enter).start()

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open files, folders and models, as if they had been dropped here."""
        models = [path for path in paths if path.suffix.lower() == MODEL_SUFFIX]
        for path in models:
            self.shared.modelDropped.emit(path)
        images = [path for path in paths if path not in models and not self._is_taken(path)]
        if images:
            self.opener.open_paths(images)

    def _is_taken(self, path: Path) -> bool:
        """Offer the folder of a project to the Correct panel; tell whether it opens it."""
        if not is_project(path):
            return False
        offer = PathOffer(path)
        self.shared.projectOffered.emit(offer)
        return offer.taken

    def event(self, event: QEvent) -> bool:
        """Watch the window this panel has come into."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.ParentChange):
            self._enter()
        return bool(super().event(event))

    def _connect(self) -> None:
        form = self.form
        form.filesChosen.connect(self.open_paths)
        form.chooser.chosen.connect(self._on_chosen)
        form.voxels.chosen.connect(self._on_spacing)
        form.chooser.guideChanged.connect(self._draw)
        form.lazyAccepted.connect(self._on_lazy)
        form.runAll.connect(self.shared.runAllRequested)
        form.cancelAll.connect(self.shared.cancelAllRequested)
        form.reopen.connect(self.opener.show_again)
        self.opener.told.connect(form.tell)
        self.results.told.connect(form.tell)
        self.opener.shown.connect(self._on_shown)
        self.arrivals.arrived.connect(self._on_arrived)
        self.arrivals.lazyOffered.connect(self._on_offer)
        self.fields.changed.connect(self._follow)
        self.fields.updated.connect(self._on_updated)
        self.fields.batchTold.connect(self._on_batch_told)
        self.shared.cardChanged.connect(self._on_card)
        self.shared.pathOffered.connect(self._on_offered_path)
        self.shared.pixelSizeChanged.connect(self._on_size_elsewhere)
        self.shared.resultChanged.connect(self._on_result)
        events = self._viewer.layers.events
        events.removed.connect(self._on_removed)
        self._viewer.canvas.events.size.connect(self._on_canvas)
        self._viewer.layers.selection.events.active.connect(self._on_active)

    def _retire(self) -> None:
        """Leave list, keys and drops to a newer panel of this viewer."""
        if not alive(self):
            return
        self._drop_shortcuts()
        self.drops.active = self.arrivals.active = False
        self.setEnabled(False)
        self.form.tell("Another Open panel has taken over in this window.")

    def _drop_shortcuts(self) -> None:
        for shortcut in self._shortcuts:
            if alive(shortcut):
                shortcut.deleteLater()
        self._shortcuts = []

    def _enter(self) -> None:
        """Take drops and the page keys wherever they happen in the window."""
        window = self.window()
        if window is self or window is self._window() or not self.drops.active:
            return
        self._window = ref(window)  # a window kept here would outlive its closing
        self.drops.watch_window(window)
        self._drop_shortcuts()
        for key, by in _STEPS.items():
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(self._on_page_up if by < 0 else self._on_page_down)
            self.destroyed.connect(shortcut.deleteLater)
            self._shortcuts.append(shortcut)

    def _on_page_up(self) -> None:
        self.fields.step(-1)

    def _on_page_down(self) -> None:
        self.fields.step(1)

    def _image(self) -> Any:
        """Return the image whose pixel size is asked for: the selected one, or the field's."""
        active = self._viewer.layers.selection.active
        if active is not None and is_picture(active):
            return active
        if self.stage.image is not None:
            return self.stage.image
        return next(filter(is_picture, reversed(self._viewer.layers)), None)

    def _refresh(self) -> None:
        """Show the pixel size of the image."""
        image: Any = self._image()
        self.form.voxels.setLayer(image)
        image = None if is_volume(image) else image  # a volume states its voxels itself
        self.form.chooser.setEnabled(image is not None)
        size = pixel_size_of(image) if image is not None else None
        default = "stated by the image"
        origin = str(image.metadata.get(ORIGIN_KEY, default)) if size is not None else ""
        self.form.chooser.setValue(size, origin)
        self.form.set_image(image.name if image is not None else "")
        self._draw()

    def _draw(self) -> None:
        """Draw what the pixel size means, unless this very drawing is what has changed."""
        if self._drawing:
            return
        self._drawing = True
        try:
            self._draw_guide()
        finally:
            self._drawing = False

    def _draw_guide(self) -> None:
        image, wanted = self._image(), self.form.chooser.guide()
        if image is None or wanted is None or is_volume(image):
            self.guide.hide()
        else:
            self.guide.show(image, wanted[0], self.shared.card, wanted[1])

    def _on_shown(self, field: Field | None) -> None:
        image = self.stage.image
        self.orientation.suit(image)
        if field is not None and is_volume(image):
            self._give_spacing(field, image)
            self.results.bring(field, image)
        elif field is not None and image is not None:
            self._give_size(field, image)
            self.results.bring(field, image)
            self.form.chooser.show_guide.setChecked(pixel_size_of(image) is None)
        self.shared.fieldChanged.emit(field)
        self._refresh()

    def _give_size(self, field: Field, image: Any) -> None:
        """Apply what a person has chosen, for this field or for its folder."""
        info = source_info(image)
        if field.pixel_size is not None:
            self._fit(image, field.pixel_size, CHOSEN)
        elif info is not None and info.stated is None and _of_folder(image):
            remembered = self.shared.remembered_pixel_size(field.path)
            if remembered is not None:
                self._fit(image, remembered, REMEMBERED)

    def _give_spacing(self, field: Field, image: Any) -> None:
        """Apply what a person has chosen for a volume that states no place, or for its folder."""
        grid, spacing = volume_of(image).grid, field.known_spacing()
        known = spacing == grid.spacing and not unsized(image)
        if grid.affine is None and spacing is not None and not known:
            change_spacing(self._viewer, image, spacing)
            self.stage.fit()
            self.form.tell("" if field.spacing is not None else FOLDER_VOXELS)

    def _fit(self, image: Any, size: PixelSize, origin: str) -> None:
        """Give an image just shown its size, and show it whole again where that was new."""
        before = pixel_size_of(image)
        if before == size:  # it knows better where its size comes from
            return
        found = change_pixel_size(self._viewer, image, size)
        image.metadata[ORIGIN_KEY] = origin
        self.stage.fit()
        if found:
            self.form.tell(FOUND_BEFORE)
        if before is not None:
            self.shared.pixelSizeChanged.emit(image)

    def _on_chosen(self, size: PixelSize) -> None:
        image = self._image()
        if image is None:
            return
        found = change_pixel_size(self._viewer, image, size)
        info = source_info(image)
        if image == self.stage.image and self.stage.field is not None:
            self.fields.update(self.stage.field, pixel_size=size)
        others = ""
        if info is not None and info.stated is None:
            self.shared.remember_pixel_size(info.path, size)
            others = kept_sizes(self.fields.of_other_size(size))
        self.form.tell(f"{FOUND_BEFORE if found else ''} {others}".strip())
        self.form.refresh()
        self.shared.pixelSizeChanged.emit(image)

    def _on_result(self, layer: Any) -> None:
        """Take back what was said of the results before, once there is another."""
        info, image = result_info(layer), self._image()
        ours = info is not None and image is not None and info.image_layer_id == image.unique_id
        said = self.form.status.text()
        if ours and said.startswith(FOUND_BEFORE):
            self.form.tell(said.removeprefix(FOUND_BEFORE).strip())

    def _on_spacing(self, spacing: Any) -> None:
        image = self._image()
        if is_volume(image):
            change_spacing(self._viewer, image, spacing)
            self.stage.fit()
            info = source_info(image)
            if info is not None and info.stated is None:
                remember_voxel_size(info.path, spacing)
            if image == self.stage.image and self.stage.field is not None:
                self.fields.update(self.stage.field, spacing=spacing)
            self.form.tell("")
            self.form.refresh()
            self.shared.pixelSizeChanged.emit(image)

    def _on_size_elsewhere(self, image: Any) -> None:
        """Follow a size that was chosen in another panel."""
        if is_volume(image):
            return
        if image == self._image() and pixel_size_of(image) != self.form.chooser.value():
            ours = image == self.stage.image and image.metadata.get(ORIGIN_KEY) != REMEMBERED
            if ours and self.stage.field is not None:
                self.fields.update(self.stage.field, pixel_size=pixel_size_of(image))
            self._refresh()

    def _on_arrived(self, layers: list[tuple[Any, SourceInfo]]) -> None:
        """List what came through another door; of several images one stays on show."""
        for layer, info in layers:
            if info.folder is not None:
                self.opener.open_paths([info.folder])
            field = self.fields.add([info.path], info.folder)[0]
            if info.stated is None and field.pixel_size is None:
                self.fields.update(field, pixel_size=pixel_size_of(layer))
            self.stage.adopt(field, layer)
            self.fields.set_current(field)
        if len(layers) > 1:
            self.fields.set_current(self.fields.find(layers[0][1].path))

    def _on_offered_path(self, offer: PathOffer) -> None:
        """Take what comes from the menu of the window this panel is in."""
        in_window = isinstance(self.window(), (QMainWindow, QDockWidget))
        if in_window and self.drops.active and not offer.taken:
            offer.taken = True
            self._offers.append(offer.path)
            self._collect.start(TOGETHER_MS)

    def _open_offers(self) -> None:
        paths, self._offers = self._offers, []
        self.open_paths(paths)

    def _on_offer(self, layer: Any) -> None:
        self._offered = layer
        self.form.offer_lazy(layer.name)

    def _on_lazy(self) -> None:
        layer, self._offered = self._offered, None
        field = self.stage.field
        if layer is None or layer != self.stage.image or field is None:
            return
        self.stage.forget(field)
        self.opener.show_again()

    def _on_updated(self, index: int) -> None:
        self._later.start(0)
        field = self.fields[index]
        if field is self.stage.field and self.stage.image is not None:
            self.results.bring(field, self.stage.image)

    def _on_batch_told(self, text: str) -> None:
        self.form.tell(text)
        self.form.refresh()

    def _follow(self) -> None:
        self.form.refresh()
        self.shared.fieldsChanged.emit()

    def _on_card(self) -> None:
        card = self.shared.card
        self.form.set_runnable(card is not None, card is not None and card.spatial_dims == 3)
        self._draw()

    def _on_canvas(self, event: Any = None) -> None:
        if alive(self):
            self.opener.settle()

    def _on_active(self, event: Any = None) -> None:
        if alive(self) and not self.stage.working and not self._drawing:
            active = self._viewer.layers.selection.active
            if active is None or is_picture(active):
                self._refresh()

    def _on_removed(self, event: Any) -> None:
        # Not the guide's own layer: drawing it anew would never end.
        if not alive(self) or self.stage.working or not is_picture(event.value):
            return
        if self.stage.field is not None and self.stage.image is None:
            self.stage.lose()
            self.fields.set_current(None)
        self._refresh()


def _nowhere() -> None:
    """Stand for the window of a panel that is in none yet."""


def _of_folder(image: Any) -> bool:
    """Tell whether the size of an image is unknown, or that which counted for its folder."""
    return pixel_size_of(image) is None or image.metadata.get(ORIGIN_KEY) == REMEMBERED
