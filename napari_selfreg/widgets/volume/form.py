"""What the Segment panel shows for a volume: the size of its voxels, and what is for pictures."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QFormLayout, QGroupBox, QLabel, QWidget

from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.advanced_box import AdvancedBox
from napari_selfreg.widgets.area_picker import AreaPicker
from napari_selfreg.widgets.areas import Scope
from napari_selfreg.widgets.sentence_label import sentence_label
from napari_selfreg.widgets.volume.layers import in_words, is_volume, unsized, volume_of

ONLY_PICTURES = "This is for pictures: volumes are segmented with Run or Run on all."
WHOLE_ONLY = "A volume is segmented whole: its model needs what lies around every voxel."
NO_VIEWS = "This is for pictures, not for volumes."
NO_SLIDERS = "A model for volumes gives every voxel its class: there is nothing to set afterwards."

_OBJECTS, _OBJECTS_OF_PICTURES = "Objects", "Objects (of pictures only)"
_OBJECTS_OF = "Objects of the {} result"
_OWN_TIP = "napari_selfreg_own_tip"


class VolumeRows:
    """Rows of a form that differ between pictures and volumes.

    Parameters
    ----------
    rows : QFormLayout
        Gets a row with the size of the voxels.
    pixel_size_edit : QWidget
        Its row is for pictures.
    area_picker : AreaPicker
        A volume is taken whole.
    advanced : AdvancedBox
        Its boxes are for pictures.
    """

    def __init__(
        self,
        rows: QFormLayout,
        pixel_size_edit: QWidget,
        area_picker: AreaPicker,
        advanced: AdvancedBox,
    ) -> None:
        self._rows = rows
        self._pixel_size_edit = pixel_size_edit
        self._area_picker = area_picker
        self._boxes = advanced.boxes
        self._scope: Scope | None = None
        self.label: QLabel = sentence_label()
        place: Any = rows.getWidgetPosition(pixel_size_edit)
        rows.insertRow(place[0] + 1, "Voxels", self.label)
        rows.setRowVisible(self.label, False)

    def suit(self, layer: Any) -> None:
        """Show what counts for a layer."""
        volume = is_volume(layer)
        self._rows.setRowVisible(self._pixel_size_edit, not volume)
        self._rows.setRowVisible(self.label, volume)
        self.label.setText(describe(layer) if volume else "")
        if volume and self._scope is None:
            self._scope = self._area_picker.value()
            self._area_picker.setValue("whole")
        elif not volume and self._scope is not None:
            self._area_picker.setValue(self._scope)
            self._scope = None
        others: tuple[Scope, ...] = ("view", "shapes")
        give_reason(WHOLE_ONLY if volume else "", *map(self._area_picker.button, others))
        give_reason(NO_VIEWS if volume else "", *self._boxes)


def describe(layer: Any) -> str:
    """Return number and size of a volume's voxels, along z, y and x, as far as they are known."""
    try:
        view = volume_of(layer)
    except SelfRegError as error:
        return str(error)
    count = " × ".join(map(str, view.shape))
    size = "unknown size" if unsized(layer) else in_words(view.spacing)
    return f"{count} of {size} (z, y, x)."


def mismatch(layer: Any, card: Card | None) -> str:
    """Say why a model is for no layer of this kind, or return an empty text."""
    if layer is None or card is None:
        return ""
    if is_volume(layer) and card.spatial_dims != 3:
        return (
            f"“{layer.name}” is a volume and “{card.title}” is for pictures: choose or add a "
            "model for volumes."
        )
    if not is_volume(layer) and card.spatial_dims != 2:
        return (
            f"“{layer.name}” is a picture and “{card.title}” is for volumes: choose a model for "
            "pictures."
        )
    return ""


def obstacle(layer: Any, card: Card | None) -> str:
    """Say why a model cannot be used on a layer yet, or return an empty text."""
    if unsized(layer) and card is not None and card.spatial_dims == 3:
        return f"“{layer.name}” does not state the size of its voxels: type it in Open first."
    return mismatch(layer, card)


def explain_objects(group: QGroupBox, layer: Any, stranger: str = "") -> None:
    """Disable what acts on objects of pictures while a volume is chosen, and say why.

    Parameters
    ----------
    group : QGroupBox
        What acts on objects.
    layer : napari.layers.Image or None
        The chosen image.
    stranger : str, optional
        Name of the model that made the objects, if it is not the chosen one.
    """
    volume = is_volume(layer)
    objects = _OBJECTS_OF.format(stranger) if stranger else _OBJECTS
    group.setTitle(_OBJECTS_OF_PICTURES if volume else objects)
    give_reason(NO_SLIDERS if volume else "", group)


def give_reason(reason: str, *widgets: QWidget) -> None:
    """Disable widgets, with the reason as their tooltip; without a reason they are as before."""
    for widget in widgets:
        if widget.property(_OWN_TIP) is None:
            widget.setProperty(_OWN_TIP, widget.toolTip())
        widget.setEnabled(not reason)
        widget.setToolTip(reason or str(widget.property(_OWN_TIP)))
