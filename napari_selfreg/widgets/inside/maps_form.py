"""What a person chooses on the tab Maps."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_selfreg.widgets.guards import ignore_stray_wheel
from napari_selfreg.widgets.inside.block_strip import BlockStrip
from napari_selfreg.widgets.inside.channel_box import ChannelBox
from napari_selfreg.widgets.inside.kinds import KINDS, Kind, kind_of
from napari_selfreg.widgets.inside.legend import Legend
from napari_selfreg.widgets.inside.map_layers import OPACITY
from napari_selfreg.widgets.sentence_label import sentence_label

HINT = "Click on the tissue, or hold Shift and drag over it."


class MapsForm(QWidget):
    """Kind, blocks, and how they are shown.

    Attributes
    ----------
    kindChanged : Signal()
        Another kind of map is chosen.
    opacityChanged : Signal(float)
        Tissue or maps are to be seen more.
    """

    kindChanged = Signal()
    opacityChanged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kinds = QComboBox()
        for kind in KINDS:
            self.kinds.addItem(kind.title, kind.name)
            self.kinds.setItemData(self.kinds.count() - 1, kind.tip, Qt.ItemDataRole.ToolTipRole)
        self.kinds.setAccessibleName("Kind of map")
        self.target = QComboBox()
        self.target.setAccessibleName("Attention for")
        self.target.setToolTip("Of what the attention is asked: where does the class lie?")
        for box in (self.kinds, self.target):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)
        self.blocks = BlockStrip()
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setValue(round(OPACITY * 100))
        self.opacity.setAccessibleName("Opacity")
        self.opacity.setToolTip("Left: more of the tissue. Right: more of the map.")
        self.side_by_side = QCheckBox("Side by side")
        self.side_by_side.setToolTip(
            "The tissue and every chosen block beside each other, moved and zoomed together"
        )
        self.follow = QCheckBox("Follow the view")
        self.follow.setToolTip(
            "Look again at what the window shows whenever it comes to rest; needs “Current view”"
        )
        self.legend = Legend()
        self.channels = ChannelBox()
        self.hint = sentence_label()
        self.clear_button = QPushButton("Clear")
        self.clear_button.setToolTip("Take these maps away, and nothing else")
        ignore_stray_wheel(self.kinds, self.target, self.opacity)
        self._arrange()
        self.kinds.currentIndexChanged.connect(self._on_kind)
        self.opacity.valueChanged.connect(self._on_opacity)
        self._on_kind()

    def kind(self) -> Kind:
        """Return the chosen kind."""
        return kind_of(self.kinds.currentData())

    def setKind(self, name: str) -> None:
        """Choose a kind."""
        self.kinds.setCurrentIndex(self.kinds.findData(name))

    def _arrange(self) -> None:
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.addRow("Show", self.kinds)
        self._form.addRow("For", self.target)
        self._form.addRow("Block", self.blocks)
        self._form.addRow("Colours", self.legend)
        self._form.addRow("Opacity", self.opacity)
        ways = QHBoxLayout()
        ways.addWidget(self.side_by_side)
        ways.addWidget(self.follow)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 6, 4, 4)
        column.addLayout(self._form)
        column.addLayout(ways)
        column.addWidget(self.channels)
        column.addWidget(self.hint)
        column.addWidget(self.clear_button)
        column.addStretch(1)

    def _on_kind(self, *_: object) -> None:
        kind = self.kind()
        self.kinds.setToolTip(kind.tip)
        self.legend.setKind(kind)
        self.channels.setVisible(kind.name == "channel")
        self._form.setRowVisible(self.target, kind.name == "attention")
        self.hint.setText({"similarity": HINT}.get(kind.name, ""))
        self.hint.setVisible(bool(self.hint.text()))
        self.kindChanged.emit()

    def _on_opacity(self, value: int) -> None:
        self.opacityChanged.emit(value / 100)
