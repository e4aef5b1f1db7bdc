"""How objects are made: of the result that the sliders act on, and of the next run."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_selfreg.core.types import PostProcessing
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.model_picker import ModelPicker
from napari_selfreg.widgets.object_sliders import ObjectSliders
from napari_selfreg.widgets.relabeller import Relabeller
from napari_selfreg.widgets.result_info import ResultInfo, result_info


class ObjectSettings(QObject):
    """Turns the sliders to a result or to the next run, and keeps the two apart.

    A model that is chosen turns them to the next run, a result that is selected or made turns
    them to itself. What is moved on a result of the chosen model counts for the next run too.

    Parameters
    ----------
    sliders : ObjectSliders
        Show what they act on.
    relabeller : Relabeller
        Knows the current result and changes it.
    picker : ModelPicker
        Holds the model of the next run.
    parent : QObject
        Parent.

    Attributes
    ----------
    moved : Signal()
        A person has moved something.
    turned : Signal()
        The sliders show something else.
    """

    moved = Signal()
    turned = Signal()

    def __init__(
        self, sliders: ObjectSliders, relabeller: Relabeller, picker: ModelPicker, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._sliders, self._relabeller, self._picker = sliders, relabeller, picker
        self._run = sliders.value()
        self._result: ResultInfo | None = None
        sliders.valueChanged.connect(self._on_moved)
        relabeller.currentChanged.connect(self._turn)

    def value(self) -> PostProcessing:
        """Return the settings of the next run."""
        return self._run

    def setValue(self, value: PostProcessing) -> None:
        """Change the settings of the next run and show them."""
        self._run = value
        self._turn(None)

    def suit_model(self) -> None:
        """Begin with the chosen model's own settings, or those of the current result of it."""
        card = self._picker.card()
        if card is not None:
            self._run = card.postprocessing
            info = result_info(self._relabeller.current)
            self._turn(info if self._is_chosen(info) else None)

    def stranger(self) -> str:
        """Return which model made the result on show, empty if it is the chosen one or none."""
        info = self._result
        return info.model_name if info is not None and not self._is_chosen(info) else ""

    def _turn(self, info: ResultInfo | None) -> None:
        """Show the settings of a result, or those of the next run."""
        self._result = info
        if info is not None and self._is_chosen(info):
            self._run = info.settings
        shown = self._run if info is None else info.settings
        card = self._picker.card() if info is None else self._card_of(info)
        if card is not None:
            self._sliders.setModel(card.postprocessing, card.typical_area_um2)
        else:
            self._sliders.setModel(shown, None)
        self._sliders.setValue(shown)
        self.turned.emit()

    def _card_of(self, info: ResultInfo) -> Card | None:
        cards = [self._picker.card(), *(entry.card for entry in self._picker.entries())]
        return next((card for card in cards if card and card.name == info.model_name), None)

    def _is_chosen(self, info: ResultInfo | None) -> bool:
        card = self._picker.card()
        return card is not None and info is not None and info.model_name == card.name

    def _on_moved(self) -> None:
        settings, info = self._sliders.value(), self._result
        if info is None or self._is_chosen(info):
            self._run = settings
        if info is not None:
            self._relabeller.change(settings)
        self.moved.emit()
