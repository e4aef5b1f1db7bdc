"""Choose a channel of a block: a slider in a chosen order, and small pictures of the first 16."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_selfreg.core.channel_ranking import Ranking, rank_channels
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.guards import ignore_stray_wheel

GALLERY = 16
_SIDE = 54
_ROWS = 4
_RANKINGS: dict[Ranking, tuple[str, str]] = {
    "activation": ("Strongest first", "By how strongly a channel answers on the whole"),
    "importance": (
        "Most important for the class first",
        "By how much a channel pushes towards the class here (Grad-CAM); takes one more pass",
    ),
    "similarity": ("Alike ones together", "Channels that show nearly the same stand together"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The channels of one block in order, and small pictures of the first ones.

    Parameters
    ----------
    block : str
    order : ndarray of int, shape (C,)
    pictures : list of ndarray of uint8, shape (y, x, 3)
    """

    block: str
    order: npt.NDArray[np.intp]
    pictures: list[npt.NDArray[np.uint8]]


def rank(maps: Any, by: Ranking, upwards: bool = False) -> Generator[Event, None, Ranked]:
    """Order the channels of a `BlockMaps`; runs in a thread.

    Parameters
    ----------
    maps : BlockMaps
    by : Ranking
    upwards : bool
        Rows run upwards on the canvas, so that pictures are turned over.
    """
    yield Progress(0, 0)
    order = rank_channels(maps.maps, by, getattr(maps, "importance", None))
    yield Progress(0, 0)
    pictures = [thumbnail(maps.maps[channel], upwards) for channel in order[:GALLERY]]
    return Ranked(maps.block, order, pictures)


def thumbnail(plane: npt.NDArray[Any], upwards: bool = False) -> npt.NDArray[np.uint8]:
    """Return a small picture of one channel, shape (y, x, 3); of a volume its middle slice.

    With `upwards` its last row is at the top.
    """
    if plane.ndim == 3:
        plane = plane[len(plane) // 2]
    if upwards:
        plane = plane[::-1]
    step = max(1, min(plane.shape) // _SIDE)
    small = plane[::step, ::step].astype(np.float32)
    low, high = float(small.min()), float(small.max())
    scaled = (small - low) / (high - low) if high > low else np.zeros_like(small)
    colours = ensure_colormap("viridis").map(scaled.ravel()).reshape(*small.shape, -1)
    return np.ascontiguousarray((colours[..., :3] * 255).astype(np.uint8))


class ChannelBox(QWidget):
    """A slider over the channels of a block, the order, and a gallery.

    Attributes
    ----------
    channelChanged : Signal()
        Another channel is chosen.
    rankingChanged : Signal()
        Another order is wanted.
    """

    channelChanged = Signal()
    rankingChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._order: npt.NDArray[np.intp] = np.zeros(1, np.intp)
        self._offered: tuple[str, Ranking, int] | None = None
        self.ranking = QComboBox()
        for name, (title, tip) in _RANKINGS.items():
            self.ranking.addItem(title, name)
            self.ranking.setItemData(self.ranking.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.ranking.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.ranking.setMinimumContentsLength(12)
        self.ranking.setAccessibleName("Order of channels")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Channel")
        self.slider.setToolTip("Go through the channels in the chosen order")
        self.about = QLabel()
        self.gallery = _gallery()
        ignore_stray_wheel(self.ranking, self.slider)
        self._arrange()
        self.ranking.currentIndexChanged.connect(self._on_ranking)
        self.slider.valueChanged.connect(self._on_slider)
        self.gallery.currentRowChanged.connect(self._on_row)

    def by(self) -> Ranking:
        """Return the order that is wanted."""
        return self.ranking.currentData()

    def channel(self) -> int:
        """Return the channel, as the network counts it."""
        return int(self._order[min(self.slider.value(), len(self._order) - 1)])

    def setChannel(self, channel: int) -> None:
        """Choose a channel, as the network counts it."""
        places = np.flatnonzero(self._order == channel)
        if places.size:
            self.slider.setValue(int(places[0]))

    def setRanked(self, ranked: Ranked) -> None:
        """Offer the channels of a block.

        The slider goes to the first one; if the same block was seen again, in the same order of
        channels, it stays at its channel.
        """
        offered = (ranked.block, self.by(), len(ranked.order))
        kept = self.channel() if offered == self._offered else int(ranked.order[0])
        self._order, self._offered = ranked.order, offered
        place = int(np.flatnonzero(ranked.order == kept)[0])
        with signals_blocked(self.slider), signals_blocked(self.gallery):
            self.slider.setRange(0, len(ranked.order) - 1)
            self.slider.setValue(place)
            self.gallery.clear()
            for channel, picture in zip(ranked.order, ranked.pictures, strict=False):
                item = QListWidgetItem(_icon(picture), str(channel))
                item.setToolTip(f"Channel {channel} of {ranked.block}")
                self.gallery.addItem(item)
            self.gallery.setCurrentRow(place if place < self.gallery.count() else -1)
        self._describe()
        self.channelChanged.emit()

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Order", self.ranking)
        form.addRow(self.about, self.slider)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.gallery)
        self._describe()

    def _describe(self) -> None:
        self.about.setText(f"Channel {self.channel()}")

    def _on_ranking(self, index: int) -> None:
        self.rankingChanged.emit()

    def _on_slider(self, value: int) -> None:
        with signals_blocked(self.gallery):
            self.gallery.setCurrentRow(value if value < self.gallery.count() else -1)
        self._describe()
        self.channelChanged.emit()

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self.slider.setValue(row)


def _gallery() -> QListWidget:
    made = QListWidget()
    made.setViewMode(QListView.ViewMode.IconMode)
    made.setIconSize(QSize(_SIDE, _SIDE))
    made.setResizeMode(QListView.ResizeMode.Adjust)
    made.setMovement(QListView.Movement.Static)
    made.setUniformItemSizes(True)
    made.setSpacing(2)
    made.setMinimumHeight(_ROWS * (_SIDE + 24))
    made.setAccessibleName("First channels")
    made.setToolTip("The first 16 channels in this order; click one to see it on the tissue")
    return made


def _icon(picture: npt.NDArray[np.uint8]) -> QIcon:
    rows, columns = picture.shape[:2]
    image = QImage(picture.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    mode = Qt.AspectRatioMode.KeepAspectRatio
    return QIcon(QPixmap.fromImage(image.copy()).scaled(_SIDE, _SIDE, mode))
