from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from napari_selfreg.engine.events import run
from napari_selfreg.widgets.inside.block_strip import BlockStrip, describe_block
from napari_selfreg.widgets.inside.channel_box import GALLERY, ChannelBox, rank, thumbnail
from napari_selfreg.widgets.inside.kinds import kind_of
from napari_selfreg.widgets.inside.last_tuning import before_and_after
from napari_selfreg.widgets.inside.legend import Legend
from napari_selfreg.widgets.inside.looking import Source, names_of
from napari_selfreg.widgets.inside.pointing import Pointing
from napari_selfreg.widgets.inside.side_by_side import SideBySide
from napari_selfreg.widgets.inside.source_picker import A_FILE, NOTHING, SourcePicker
from tests.widgets.fakes import make_card
from tests.widgets.inside.fakes import BLOCKS, inside_of, write_network


@pytest.fixture
def strip(qtbot) -> BlockStrip:
    made = BlockStrip()
    qtbot.addWidget(made)
    made.setBlocks(tuple(BLOCKS))
    return made


def test_one_block_is_chosen_and_it_is_the_last_at_first(strip, qtbot) -> None:
    assert strip.value() == ("D1",)
    with qtbot.waitSignal(strip.valueChanged):
        strip._buttons["E2"].click()
    assert strip.value() == ("E2",)
    strip._buttons["E2"].click()  # the only one cannot be taken away
    assert strip.value() == ("E2",)


def test_side_by_side_takes_all_and_lets_some_go(strip) -> None:
    strip.setSeveral(True)
    assert strip.value() == tuple(BLOCKS)
    strip._buttons["B"].click()
    assert strip.value() == ("E1", "E2", "D2", "D1")
    strip.setSeveral(False)
    assert strip.value() == ("D1",)


def test_what_is_chosen_stays_when_another_network_has_it_too(strip) -> None:
    strip.setValue(("E2",))
    strip.setBlocks(("E1", "E2", "D1"))
    assert strip.value() == ("E2",)
    strip.setBlocks(("B", "D1"))
    assert strip.value() == ("D1",)


def test_blocks_are_explained() -> None:
    assert describe_block("E3") == "Encoder 3"
    assert "answer" in describe_block("D1")


def test_channels_are_offered_in_order_with_small_pictures(qtbot, field) -> None:
    from napari_selfreg.core.types import Box

    maps = inside_of(field, Box(0, 0, 60, 80), channels=20).blocks["D1"]
    box = ChannelBox()
    qtbot.addWidget(box)
    with qtbot.waitSignal(box.channelChanged):
        box.setRanked(run(rank(maps, "activation")))
    assert box.gallery.count() == GALLERY
    assert box.channel() == 19  # the bright one
    box.slider.setValue(1)
    assert box.channel() == 0
    assert box.gallery.currentRow() == 1
    box.gallery.setCurrentRow(2)
    assert box.about.text() == "Channel 1"
    box.slider.setValue(19)
    assert box.gallery.currentRow() == -1
    box.setChannel(0)
    assert box.slider.value() == 1


def test_a_constant_channel_has_a_picture_too() -> None:
    assert thumbnail(np.full((200, 120), 3, np.float16)).shape == (100, 60, 3)


def test_the_legend_names_both_ends(qtbot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    legend.setKind(kind_of("energy"), (0.25, 3.5))
    assert legend.text() == "weak 0.25 … 3.5 strong"
    high = legend.sizeHint().height()
    legend.setKind(kind_of("pca"), (0, 1))
    assert legend.text() == "Like colours look alike to the block"
    assert legend.sizeHint().height() < high
    assert not legend.grab().isNull()


@pytest.fixture
def picker(qtbot, tmp_path: Path) -> SourcePicker:
    models = {name: write_network(tmp_path, name) for name in ("one", "two")}
    made = SourcePicker(models, none=True)
    qtbot.addWidget(made)
    made.offer(None)
    return made


def test_models_can_be_chosen_and_nothing_too(picker, qtbot) -> None:
    assert picker.value() is None
    assert picker.currentText() == NOTHING
    with qtbot.waitSignal(picker.sourceChanged):
        picker.setValue("two")
    assert picker.value().blocks == tuple(BLOCKS)
    picker.offer(None)
    assert picker.value().name == "two"
    picker.setValue("")
    assert picker.value() is None


def test_a_file_can_be_chosen_and_a_broken_one_is_told(
    picker, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    chosen = [str(broken), str(write_network(tmp_path, "mine")), ""]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (chosen.pop(0), ""))
    with qtbot.waitSignal(picker.told) as told:
        picker.setCurrentIndex(picker.findText(A_FILE))
    assert "broken" in told.args[0]
    assert picker.value() is None
    picker.setCurrentIndex(picker.findText(A_FILE))
    assert picker.value().name == "mine"
    picker.setCurrentIndex(picker.findText(A_FILE))
    assert picker.value().name == "mine"


def test_two_versions_of_one_name_are_told_apart_by_their_titles() -> None:
    one, two = (Source(title, make_card(), Path(title)) for title in ("Version 1", "Version 2"))
    assert names_of((one,)) == ("spots",)
    assert names_of((one, two)) == ("Version 1", "Version 2")


def test_before_and_after_follow_the_newest_version() -> None:
    records = [
        SimpleNamespace(id="v1", parent=None, facts={"base": "spots"}),
        SimpleNamespace(id="v2", parent="v1", facts={"base": "spots-1"}),
    ]
    versions = SimpleNamespace(all=records[:1], path=lambda each: Path(each))
    project = SimpleNamespace(versions=versions)
    base = Source("Spots", make_card(), Path("base"))
    tuned = [Source(name, make_card(name=name), Path(name)) for name in ("v1", "v2")]
    assert before_and_after(None, [base]) is None
    assert before_and_after(project, [base]) is None
    assert before_and_after(project, [base, *tuned]) == (base, tuned[0])
    versions.all = records
    assert before_and_after(project, [base, *tuned]) == (tuned[0], tuned[1])


def test_side_by_side_leaves_everything_as_it_was() -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((8, 8)))
    shown, hidden = viewer.add_image(np.zeros((8, 8))), viewer.add_image(np.zeros((8, 8)))
    hidden.visible = False
    maps = [viewer.add_image(np.zeros((4, 4)), opacity=0.5) for _ in range(3)]
    viewer.canvas.grid.stride = 2
    viewer.scene.camera.zoom = 6
    grid = SideBySide(viewer)
    grid.leave()
    grid.show(image, maps)
    assert viewer.canvas.grid.enabled
    assert (image.visible, shown.visible) == (True, False)
    assert viewer.scene.camera.zoom == pytest.approx(3)  # two by two pictures
    grid.show(image, maps[:1])
    assert not maps[1].visible
    grid.leave()
    assert not viewer.canvas.grid.enabled
    assert viewer.canvas.grid.stride == 2
    assert viewer.scene.camera.zoom == pytest.approx(6)
    assert (shown.visible, hidden.visible) == (True, False)


class Press:
    """A mouse event as napari hands it to its callbacks."""

    def __init__(self, *modifiers: str, button: int = 1) -> None:
        self.type, self.button, self.modifiers = "mouse_press", button, modifiers
        self.pos, self.position = (10, 10), (1.0, 1.0)

    def to(self, x: int, kind: str = "mouse_move") -> None:
        self.type, self.pos, self.position = kind, (x, 10), (x / 10, 1.0)


def drag(pointing: Pointing, event: Press, *places: int) -> list[tuple[float, ...]]:
    heard: list[tuple[float, ...]] = []
    pointing.pointed.connect(heard.append)
    steps = pointing._on_press(None, event)
    for place in places:
        next(steps, None)
        event.to(place)
    next(steps, None)
    event.to(places[-1] if places else 10, "mouse_release")
    next(steps, None)
    return heard


def test_a_click_points_and_a_drag_moves_the_view(qapp) -> None:
    parent = QObject()
    viewer = ViewerModel()
    assert drag(Pointing(viewer, parent), Press()) == [(1.0, 1.0)]
    assert drag(Pointing(viewer, parent), Press(), 11, 12) == [(1.0, 1.0)]
    assert drag(Pointing(viewer, parent), Press(), 30) == []
    assert drag(Pointing(viewer, parent), Press(button=2)) == []
    assert drag(Pointing(viewer, parent), Press("Shift"), 30, 50) == [
        (1.0, 1.0),
        (3.0, 1.0),
        (5.0, 1.0),
    ]


def test_it_listens_only_while_it_should(qapp) -> None:
    viewer = ViewerModel()
    pointing = Pointing(viewer, QObject())
    before = len(viewer.mouse_drag_callbacks)
    pointing.listen(True)
    pointing.listen(True)
    assert len(viewer.mouse_drag_callbacks) == before + 1
    pointing.listen(False)
    assert len(viewer.mouse_drag_callbacks) == before
