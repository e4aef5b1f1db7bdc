"""What a person chooses before a look: one or two models, the image, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_selfreg.io.card import Card
from napari_selfreg.io.pixel_size import plausible
from napari_selfreg.io.project import Project
from napari_selfreg.widgets.areas import Scope
from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.inside.last_tuning import before_and_after
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.source_picker import SourcePicker
from napari_selfreg.widgets.layer_picker import LayerPicker
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.pixel_size_edit import PixelSizeEdit
from napari_selfreg.widgets.segment_setup import SegmentSettings, what_is_missing
from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.terms_notice import READ_TERMS, TermsNotice
from napari_selfreg.widgets.typed_sizes import TypedSizes, folder_size
from napari_selfreg.widgets.volume.form import give_reason, mismatch, obstacle
from napari_selfreg.widgets.volume.layers import is_volume

_AREAS: dict[Scope, tuple[str, str]] = {
    "whole": ("Whole image", "All of this image, or of this slice of it"),
    "view": ("Current view", "Only what the window shows now"),
    "shapes": ("Selected shapes", "The rectangle around the selected shapes"),
}


_VOLUME_WHOLE = "A volume is looked at whole."


class LookForm(QWidget):
    """Models and their terms, image, pixel size where nobody knows it, and area.

    Parameters
    ----------
    viewer : napari.Viewer
        Its images are offered.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package and those added without it.
    extra : sequence of Source
        Networks that are no files.
    parent : QWidget, optional
        Parent of the form.

    Attributes
    ----------
    valueChanged : Signal()
        Anything is another.
    told : Signal(str)
        Why a file could not be taken.
    """

    valueChanged = Signal()
    told = Signal(str)

    def __init__(
        self,
        viewer: Any,
        models: Mapping[str, Path] | None = None,
        extra: Sequence[Source] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._newest: str | None = None
        self._typed = TypedSizes()
        self.model = SourcePicker(models, extra=extra)
        self.versus = SourcePicker(models, none=True, extra=extra)
        self.terms_notice = TermsNotice()
        self.layer_picker = LayerPicker(viewer, tip="The image whose maps are shown")
        self.pixel_size_edit = PixelSizeEdit()
        self.area = QComboBox()
        self._name_parts()
        self._arrange()
        self._connect()
        self._on_layer()

    def sources(self) -> tuple[Source, ...]:
        """Return the chosen models: none, one or two different ones."""
        first, second = self.model.value(), self.versus.value()
        if first is None:
            return ()
        if second is None or second.model == first.model:
            return (first,)
        return (first, second)

    def scope(self) -> Scope:
        """Return ``view``, ``whole`` or ``shapes``."""
        scope: Scope = self.area.currentData()
        return scope

    def setScope(self, scope: Scope) -> None:
        """Choose how much of the image to look at."""
        self.area.setCurrentIndex(self.area.findData(scope))

    def value(self) -> SegmentSettings:
        """Return what is set, as the Segment panel has it."""
        model = self.model.value()
        return SegmentSettings(
            Path() if model is not None else None,
            self.pixel_size_edit.value(),
            self.scope(),
            settings().device,
        )

    def missing(self) -> str:
        """Say what is still to be done here, or return an empty text."""
        return self._unset() or (READ_TERMS if self.terms_notice.pending else "")

    def _unset(self) -> str:
        if self.model.value() is None:
            return "Choose a model to look into."
        layer = self.layer_picker.value()
        unsuited = filter(None, (obstacle(layer, each.card) for each in self.sources()))
        problem = next(unsuited, "")
        if problem or is_volume(layer):
            return problem
        return what_is_missing(self._viewer, layer, self.value())

    def offer(self, project: Project | None, card: Card | None = None) -> None:
        """List the models and choose what is most likely wanted.

        That is the model of the Segment panel or, once a project has a newer version, the models
        before and after that fine-tuning.
        """
        new = self.model.value() is None
        self.model.offer(project)
        self.versus.offer(project)
        if new and card is not None:
            self.model.setValue(card.name)
        tuned = before_and_after(project, self.model.sources())
        newest = project.versions.all[-1].id if project is not None and tuned else None
        if tuned is not None and newest != self._newest:
            self.model.choose(tuned[0])
            self.versus.choose(tuned[1])
        self._newest = newest
        self._suit_model(self.layer_picker.value())

    def _name_parts(self) -> None:
        self.model.setToolTip("The network to look into")
        self.model.setAccessibleName("Model")
        self.versus.setToolTip("A second network, to be seen beside the first on the same tissue")
        self.versus.setAccessibleName("Compare with")
        for scope, (title, tip) in _AREAS.items():
            self.area.addItem(title, scope)
            self.area.setItemData(self.area.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.area.setToolTip("How much of the image to look at; less is faster")
        self.area.setAccessibleName("Area")
        ignore_stray_wheel(self.area)

    def _arrange(self) -> None:
        self._form = QFormLayout(self)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.addRow("Model", self.model)
        self._form.addRow("Compare", self.versus)
        self._form.addRow(self.terms_notice)
        self._form.addRow("Image", self.layer_picker)
        self._form.addRow("Pixel size", self.pixel_size_edit)
        self._form.addRow("Area", self.area)

    def _connect(self) -> None:
        for picker in (self.model, self.versus):
            picker.sourceChanged.connect(self._on_source)
            picker.told.connect(self.told)
        self.terms_notice.accepted.connect(self.valueChanged)
        self.layer_picker.valueChanged.connect(self._on_layer)
        self.pixel_size_edit.edited.connect(self._on_pixel_size)
        self.area.currentIndexChanged.connect(self._on_area)

    def forget_pixel_size(self, layer: Any) -> None:
        """Read the pixel size of an image layer again: it has been chosen elsewhere."""
        self._typed.forget(layer)
        if layer == self.layer_picker.value():  # not `is`: plugins see layers through proxies
            self._on_layer()

    def showEvent(self, event: QShowEvent) -> None:
        """Take a pixel size that was typed in another panel meanwhile."""
        super().showEvent(event)
        if self.pixel_size_edit.value() is None:
            self._on_layer()

    def _on_source(self) -> None:
        self.terms_notice.setCards([each.card for each in self.sources()])
        self.valueChanged.emit()

    def _on_layer(self) -> None:
        """Ask for the pixel size only where the image does not state one that can be."""
        layer = self.layer_picker.value()
        stated = pixel_size_of(layer) if layer is not None else None
        known = stated if stated is not None and plausible(stated) else None
        volume = is_volume(layer)
        give_reason(_VOLUME_WHOLE if volume else "", self.area)
        asked = layer is not None and known is None and not volume
        self._form.setRowVisible(self.pixel_size_edit, asked)
        self._suit_model(layer)
        if layer is not None and known is None:
            known = self._typed.of(layer) or folder_size(layer)
        self.pixel_size_edit.setValue(known)
        self.valueChanged.emit()

    def _suit_model(self, layer: Any) -> None:
        """Choose a model of the kind of the image, where the chosen one is of the other."""
        chosen = self.model.value()
        if chosen is None or not mismatch(layer, chosen.card):
            return
        fitting = [each for each in self.model.sources() if not mismatch(layer, each.card)]
        if fitting:
            self.model.choose(fitting[0])
            self.versus.setValue("")

    def _on_pixel_size(self) -> None:
        layer, size = self.layer_picker.value(), self.pixel_size_edit.value()
        if layer is not None and size is not None:
            self._typed.keep(layer, size)
        self.valueChanged.emit()

    def _on_area(self, index: int) -> None:
        self.valueChanged.emit()
