"""What a person sets before a run: model, image, pixel size, area, and what is folded away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.io.pixel_size import plausible
from napari_selfreg.widgets.advanced_box import Advanced, AdvancedBox
from napari_selfreg.widgets.area_picker import AreaPicker
from napari_selfreg.widgets.image_layers import REMEMBERED
from napari_selfreg.widgets.layer_picker import LayerPicker
from napari_selfreg.widgets.layers import ORIGIN_KEY, pixel_size_of
from napari_selfreg.widgets.model_picker import ModelPicker
from napari_selfreg.widgets.pixel_size_edit import PixelSizeEdit
from napari_selfreg.widgets.segment_setup import SegmentSettings, what_is_missing
from napari_selfreg.widgets.settings import settings
from napari_selfreg.widgets.typed_sizes import TypedSizes, folder_size
from napari_selfreg.widgets.volume.form import VolumeRows, obstacle
from napari_selfreg.widgets.volume.layers import is_volume


class SegmentForm(QWidget):
    """The settings of a run; each image keeps the pixel size that was chosen for it.

    Parameters
    ----------
    viewer : napari.Viewer
        Its images are offered.
    models : mapping of str to Path, optional
        Name -> bundle; the models of the package without it.
    parent : QWidget, optional
        Parent of the form.

    Attributes
    ----------
    valueChanged : Signal()
        Anything is another.
    modelChanged : Signal()
        The model is another one; before `valueChanged`.
    """

    valueChanged = Signal()
    modelChanged = Signal()

    def __init__(
        self,
        viewer: Any,
        models: Mapping[str, Path] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._typed = TypedSizes()
        self.model_picker = ModelPicker(models)
        self.layer_picker = LayerPicker(viewer)
        self.pixel_size_edit = PixelSizeEdit()
        self.area_picker = AreaPicker()
        self.advanced = AdvancedBox()
        self._start_as_set()
        self._arrange()
        self.volume_rows = VolumeRows(
            self._rows, self.pixel_size_edit, self.area_picker, self.advanced
        )
        self._connect()
        self._on_model()
        self._on_layer()

    def value(self, objects: PostProcessing | None = None) -> SegmentSettings:
        """Return the settings, together with how objects are to be made."""
        advanced = self.advanced.value()
        return SegmentSettings(
            self.model_picker.value(),
            self.pixel_size_edit.value(),
            self.area_picker.value(),
            advanced.device,
            objects,
            tta=advanced.tta,
            uncertainty=advanced.uncertainty,
            probability=advanced.probability,
            precision=advanced.precision,
            skip_glass=advanced.skip_glass,
        )

    def setValue(self, value: SegmentSettings) -> None:
        """Change the settings, as a person would."""
        if value.model is not None:
            self.model_picker.setValue(value.model)
        self.pixel_size_edit.setValue(value.pixel_size)
        self.area_picker.setValue(value.scope)
        self.advanced.setValue(
            Advanced(
                value.device,
                value.precision,
                value.tta,
                value.uncertainty,
                value.probability,
                value.skip_glass,
            )
        )

    def missing(self) -> str:
        """Say what is still to be done here, or return an empty text."""
        layer = self.layer_picker.value()
        problem = self.model_picker.problem() or obstacle(layer, self.model_picker.card())
        if problem or is_volume(layer):
            return problem
        return what_is_missing(self._viewer, layer, self.value())

    def forget_pixel_size(self, layer: Any) -> None:
        """Read the pixel size of an image layer again: it has been chosen elsewhere."""
        self._typed.forget(layer)
        if layer == self.layer_picker.value():  # not `is`: plugins see layers through proxies
            self._on_layer()

    def _start_as_set(self) -> None:
        """Begin with what a person has chosen in Preferences."""
        chosen = settings()
        self.model_picker.setValue(chosen.default_model)
        self.advanced.setValue(replace(self.advanced.value(), device=chosen.device))

    def _arrange(self) -> None:
        self._rows = form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model_picker)
        form.addRow("Image", self.layer_picker)
        form.addRow("Pixel size", self.pixel_size_edit)
        form.addRow("Area", self.area_picker)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.advanced)

    def _connect(self) -> None:
        self.model_picker.valueChanged.connect(self._on_model)
        self.layer_picker.valueChanged.connect(self._on_layer)
        self.pixel_size_edit.edited.connect(self._on_pixel_size)
        for part in (self.pixel_size_edit, self.area_picker, self.advanced):
            part.valueChanged.connect(self.valueChanged)

    def _on_model(self) -> None:
        card = self.model_picker.card()
        self.pixel_size_edit.setModelSize(card.pixel_size if card else None)
        self.modelChanged.emit()
        self.valueChanged.emit()

    def _on_layer(self) -> None:
        layer = self.layer_picker.value()
        self.volume_rows.suit(layer)
        if layer is not None:
            self.model_picker.setDims(3 if is_volume(layer) else 2)
        chosen = self._typed.of(layer) if layer is not None else None
        stated = pixel_size_of(layer) if layer is not None else None
        if chosen is not None:
            self.pixel_size_edit.setValue(chosen, "chosen here")
        elif stated is not None and plausible(stated):
            origin = str(layer.metadata.get(ORIGIN_KEY, "stated by the image"))
            self.pixel_size_edit.setValue(stated, origin)
        else:
            known = folder_size(layer) if layer is not None else None
            self.pixel_size_edit.setValue(known, REMEMBERED if known is not None else "")
        self.valueChanged.emit()

    def _on_pixel_size(self) -> None:
        """Remember what a person has chosen for this image."""
        layer, size = self.layer_picker.value(), self.pixel_size_edit.value()
        if layer is not None and size is not None:
            self._typed.keep(layer, size)
