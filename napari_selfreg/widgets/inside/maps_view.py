"""The tab Maps: what was seen, as layers on the tissue."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_selfreg.widgets.guards import alive, bare
from napari_selfreg.widgets.inside.alignment import map_point
from napari_selfreg.widgets.inside.channel_box import Ranked, rank
from napari_selfreg.widgets.inside.kinds import PAIR, Kind
from napari_selfreg.widgets.inside.looking import Looked
from napari_selfreg.widgets.inside.map_layers import MapLayers
from napari_selfreg.widgets.inside.maps_form import MapsForm
from napari_selfreg.widgets.inside.painting import Painted, PaintRequest, paint
from napari_selfreg.widgets.inside.pointing import Pointing
from napari_selfreg.widgets.inside.side_by_side import SideBySide
from napari_selfreg.widgets.latest import Latest
from napari_selfreg.widgets.layers import layer_by_id
from napari_selfreg.widgets.sentences import tell_failure
from napari_selfreg.widgets.timers import single_shot
from napari_selfreg.widgets.volume.form import give_reason
from napari_selfreg.widgets.volume.inside import voxel_at
from napari_selfreg.widgets.volume.layers import VolumeView

NO_OPACITY = "Side by side no tissue lies under the maps."


class MapsView(QWidget):
    """Paints maps in a thread and puts them on the canvas.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QWidget, optional
        Parent.

    Attributes
    ----------
    attentionWanted : Signal()
        What was seen lacks the attention that is asked for now.
    objectPointed : Signal(object)
        World coordinates: attention is asked for the object there.
    painted : Signal()
        The canvas shows what was asked for.
    """

    attentionWanted = Signal()
    objectPointed = Signal(object)
    painted = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.looked: Looked | None = None
        self.form = MapsForm()
        self.layers = MapLayers(viewer)
        self.grid = SideBySide(viewer)
        self.pointing = Pointing(viewer, self)
        self._place: tuple[float, ...] | None = None
        self._pair: tuple[str, int, int] | None = None
        self._asked: PaintRequest | None = None
        self._ranked: object = None
        self._painter, self._ranker = Latest(self), Latest(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        self._soon = single_shot(self, 0, self._paint)
        self._connect()

    @property
    def busy(self) -> bool:
        """Whether something is still to be painted."""
        return self._soon.isActive() or self._painter.running or self._ranker.running

    def show_looked(self, looked: Looked) -> None:
        """Show what was seen now; what was seen before is forgotten."""
        if self.looked is None or self.looked.request.layer_id != looked.request.layer_id:
            self._place = None
        self.looked = looked
        self._ranked = self._pair = None
        self.form.blocks.setBlocks(tuple(looked.insides[0].blocks))
        self.refresh()

    def show_pair(self, block: str, first: int, second: int) -> None:
        """Show two channels of a block on the tissue."""
        self._pair = (block, first, second)
        self.form.blocks.setValue((block,))
        self.refresh()

    def refresh(self) -> None:
        """Paint again, once the present events are done."""
        self._soon.start()

    def clear(self) -> None:
        """Take all layers away and forget what was seen."""
        if not alive(self):
            return
        self._soon.stop()
        self._painter.clear()
        self._ranker.clear()
        self.pointing.listen(False)
        self.grid.leave()
        self.layers.clear()
        self.looked = self._asked = self._place = self._pair = None
        self._ranked = None

    def _connect(self) -> None:
        self.form.kindChanged.connect(self._on_kind)
        self.form.blocks.valueChanged.connect(self._on_blocks)
        self.form.opacityChanged.connect(self._on_opacity)
        self.form.side_by_side.toggled.connect(self._on_side_by_side)
        self.form.kinds.activated.connect(self._on_chosen_again)
        self.form.channels.channelChanged.connect(self._on_kind)
        self.form.channels.rankingChanged.connect(self._on_ranking)
        self.pointing.pointed.connect(self._on_pointed)
        self._painter.done.connect(self._on_painted)
        self._ranker.done.connect(self._on_ranked)
        for each in (self._painter, self._ranker):
            each.failed.connect(tell_failure)

    def _kind(self) -> Kind:
        return self.form.kind() if self._pair is None else PAIR

    def _paint(self) -> None:
        looked = self.looked
        if looked is None or not alive(self):
            return
        kind, blocks = self._kind(), self.form.blocks.value()
        self.pointing.listen(kind.name in ("similarity", "attention"))
        if kind.name == "attention" and looked.request.target is None:
            self.attentionWanted.emit()
            return
        if kind.name == "channel" and self._must_rank(looked, blocks):
            return
        place = self._place if self._place and _holds(looked, self._place) else None
        self._asked = PaintRequest(looked, kind, blocks, self._channels(), place)
        self._painter.submit(paint, self._asked)

    def _channels(self) -> tuple[int, ...]:
        if self._pair is not None:
            return self._pair[1:]
        return (self.form.channels.channel(),) if self._kind().name == "channel" else ()

    def _must_rank(self, looked: Looked, blocks: tuple[str, ...]) -> bool:
        """Order the channels first, those of the last chosen block of the first model."""
        block, by = blocks[-1], self.form.channels.by()
        maps = looked.insides[0].blocks.get(block)
        wanted = (id(looked), block, by)
        if maps is None or wanted == self._ranked:
            return False
        if by == "importance" and looked.request.target is None:
            self.attentionWanted.emit()
            return True
        self._ranked = wanted
        self._ranker.submit(rank, maps, by, self._upwards(looked))
        return True

    def _upwards(self, looked: Looked) -> bool:
        """Tell whether slices are shown with their first row at the bottom."""
        volume = isinstance(looked.request.picture, VolumeView)
        return volume and str(self._viewer.scene.camera.orientation2d[0]) == "up"

    def _on_ranked(self, ranked: Ranked) -> None:
        if alive(self) and self.looked is not None:
            self.form.channels.setRanked(ranked)

    def _on_painted(self, maps: tuple[Painted, ...]) -> None:
        asked, looked = self._asked, self.looked
        if not alive(self) or asked is None or asked.looked is not looked or looked is None:
            return  # a late answer
        self.layers.show(looked, asked.kind, maps, asked.channels)
        self.form.legend.setKind(
            asked.kind, maps[-1].limits if len(asked.blocks) == 1 and maps else None
        )
        self._arrange_canvas()
        self.painted.emit()

    def _arrange_canvas(self) -> None:
        looked = self.looked
        image = layer_by_id(self._viewer, looked.request.layer_id) if looked is not None else None
        ours = self.layers.layers()
        if self.form.side_by_side.isChecked() and image is not None and ours:
            self.grid.show(image, ours)
            self.layers.set_named(True, self.grid.place_width())
        else:
            self.grid.leave()
            self.layers.set_named(False)
            self.layers.set_opacity(self.form.opacity.value() / 100)

    def _on_kind(self) -> None:
        """Show what the form says, no longer two channels."""
        self._pair = None
        self.refresh()

    def _on_chosen_again(self, index: int) -> None:
        """Go back from two channels to the kind that is in the list all the time."""
        if self._pair is not None:
            self._on_kind()

    def _on_blocks(self) -> None:
        if self._pair is not None and self._pair[0] not in self.form.blocks.value():
            self._pair = None
        self.refresh()

    def _on_ranking(self) -> None:
        self._ranked = None
        self._on_kind()

    def _on_opacity(self, opacity: float) -> None:
        if not self.grid.on:
            self.layers.set_opacity(opacity)

    def _on_side_by_side(self, on: bool) -> None:
        self.form.blocks.setSeveral(on)
        give_reason(NO_OPACITY if on else "", self.form.opacity)
        self.refresh()

    def _on_pointed(self, position: Any) -> None:
        looked = self.looked
        image = layer_by_id(self._viewer, looked.request.layer_id) if looked is not None else None
        if looked is None or image is None:
            return
        if self._kind().name == "attention":
            self.objectPointed.emit(position)
            return
        picture = looked.request.picture
        if isinstance(picture, VolumeView):
            flat = self._viewer.dims.ndisplay == 2  # a click into the depth is no place
            place = voxel_at(bare(image), picture, position) if flat else None
            self._place = place or self._place
            self.refresh()
            return
        row, column = map_point(bare(image), position, picture)
        if _holds(looked, (row, column)):
            self._place = (row, column)
            self.refresh()


def _holds(looked: Looked, place: tuple[float, ...]) -> bool:
    """Tell whether a place lies on a pixel that was looked at; volumes are seen whole."""
    if len(place) == 3:
        return isinstance(looked.request.picture, VolumeView)
    row, column = place
    box = looked.request.box
    return box.y0 - 0.5 <= row < box.y1 - 0.5 and box.x0 - 0.5 <= column < box.x1 - 0.5
