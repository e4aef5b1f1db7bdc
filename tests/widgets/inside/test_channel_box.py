from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.widgets.inside.channel_box import GALLERY, ChannelBox, Ranked, rank, thumbnail
from tests.widgets.inside.fakes import inside_of


def test_channels_are_offered_in_order_with_small_pictures(qtbot, field) -> None:
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


def ranked(order: list[int], block: str = "D1") -> Ranked:
    pictures = [np.full((4, 4, 3), 10 * channel, np.uint8) for channel in order[:GALLERY]]
    return Ranked(block, np.array(order), pictures)


@pytest.fixture
def box(qtbot) -> ChannelBox:
    made = ChannelBox()
    qtbot.addWidget(made)
    return made


def test_before_a_look_there_is_channel_0(box) -> None:
    assert box.channel() == 0
    assert box.about.text() == "Channel 0"
    assert box.by() == "activation"


def test_the_order_is_asked_for_and_keeps_to_its_meaning(box, qtbot) -> None:
    with qtbot.waitSignal(box.rankingChanged):
        box.ranking.setCurrentIndex(1)
    assert box.by() == "importance"
    box.ranking.setCurrentIndex(2)
    assert box.by() == "similarity"


def test_the_same_block_in_the_same_order_keeps_its_channel(box) -> None:
    box.setRanked(ranked([3, 1, 2, 0]))
    box.setChannel(2)
    box.setRanked(ranked([2, 0, 1, 3]))  # another part of the image
    assert (box.channel(), box.slider.value()) == (2, 0)
    assert box.gallery.currentRow() == 0
    box.setRanked(ranked([0, 1, 2, 3], "E1"))  # another block
    assert box.channel() == 0
    box.setChannel(3)
    box.ranking.setCurrentIndex(2)
    box.setRanked(ranked([1, 0, 3, 2], "E1"))  # another order
    assert box.channel() == 1


def test_a_block_with_fewer_channels_starts_with_its_first(box) -> None:
    box.setRanked(ranked(list(range(8))))
    box.setChannel(7)
    box.setRanked(ranked([2, 1, 0]))
    assert box.channel() == 2
    assert box.slider.maximum() == 2
    assert box.gallery.count() == 3


def test_a_channel_that_is_not_there_changes_nothing(box) -> None:
    box.setRanked(ranked([3, 1, 2, 0]))
    box.setChannel(99)
    assert box.channel() == 3


def test_slider_and_gallery_tell_of_one_change_once(box) -> None:
    box.setRanked(ranked([3, 1, 2, 0]))
    heard: list[int] = []
    box.channelChanged.connect(lambda: heard.append(box.channel()))
    box.slider.setValue(2)
    box.gallery.setCurrentRow(3)
    box.gallery.setCurrentRow(-1)
    assert heard == [2, 0]
    assert box.slider.value() == 3


def test_pictures_carry_the_numbers_of_the_network(box) -> None:
    box.setRanked(ranked([3, 1, 2, 0]))
    items = [box.gallery.item(row) for row in range(4)]
    assert [item.text() for item in items] == ["3", "1", "2", "0"]
    assert items[0].toolTip() == "Channel 3 of D1"
    shown = items[0].icon().pixmap(54, 54).toImage().pixelColor(20, 20)
    assert shown.red() == 30


def test_pictures_of_long_slices_are_not_squashed(box) -> None:
    box.setRanked(Ranked("D1", np.array([0]), [np.zeros((40, 80, 3), np.uint8)]))
    (size,) = box.gallery.item(0).icon().availableSizes()
    assert (size.width(), size.height()) == (54, 27)


@pytest.mark.parametrize(
    ("by", "first"),
    [("activation", 5), ("importance", 2)],
)
def test_channels_are_ranked_by_what_is_asked_for(by: str, first: int) -> None:
    maps = SimpleNamespace(
        block="E1",
        maps=np.arange(6, dtype=np.float16)[:, None, None] * np.ones((1, 8, 8), np.float16),
        importance=np.array([0, 1, 9, 0, 0, 2], np.float32),
    )
    made = run(rank(maps, by))
    assert made.order[0] == first
    assert sorted(made.order) == list(range(6))
    assert len(made.pictures) == 6


def test_alike_channels_stand_together(field) -> None:
    noise = np.random.default_rng(0).random((3, 8, 8)).astype(np.float16)
    maps = SimpleNamespace(block="E1", maps=np.concatenate([noise, noise * 2]))
    order = list(run(rank(maps, "similarity")).order)
    for channel in range(3):
        assert abs(order.index(channel) - order.index(channel + 3)) == 1


def test_a_small_picture_shows_where_a_channel_answers() -> None:
    plane = np.zeros((108, 216), np.float16)
    plane[:54] = 7
    small = thumbnail(plane).astype(int)
    assert small.shape == (54, 108, 3)
    assert (small[:27].sum(axis=2) > small[27:].sum(axis=2).max()).all()


def test_rows_that_run_upwards_are_turned_over() -> None:
    plane = np.arange(12, dtype=np.float16).reshape(3, 4)
    np.testing.assert_array_equal(thumbnail(plane, upwards=True), thumbnail(plane)[::-1])
    maps = SimpleNamespace(block="E1", maps=plane[None])
    (down,), (up,) = (run(rank(maps, "activation", upwards=each)).pictures for each in (0, 1))
    np.testing.assert_array_equal(up, down[::-1])


def test_an_order_can_be_cancelled_before_its_pictures() -> None:
    maps = SimpleNamespace(block="E1", maps=np.ones((2, 4, 4), np.float16))
    steps = rank(maps, "activation")
    assert [next(steps), next(steps)] == [Progress(0, 0), Progress(0, 0)]
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


@given(shape=st.tuples(st.integers(1, 400), st.integers(1, 400)))
def test_small_pictures_are_small_and_keep_their_form(shape: tuple[int, int]) -> None:
    small = thumbnail(np.zeros(shape, np.float16))
    assert small.dtype == np.uint8
    assert min(small.shape[:2]) <= 2 * 54
    rows, columns = small.shape[:2]
    step = max(1, min(shape) // 54)
    assert (rows, columns) == (-(-shape[0] // step), -(-shape[1] // step))


def test_every_order_is_explained(box) -> None:
    role = Qt.ItemDataRole.ToolTipRole
    tips = [box.ranking.itemData(row, role) for row in range(box.ranking.count())]
    assert len(set(tips)) == 3
    assert "one more pass" in tips[1]  # it takes its time


def test_the_pictures_are_seen_without_scrolling_in_a_dock(box) -> None:
    box.setRanked(ranked(list(range(20))))
    box.resize(310, box.sizeHint().height())
    box.show()
    for row in range(GALLERY):
        area = box.gallery.visualItemRect(box.gallery.item(row))
        assert box.gallery.viewport().rect().contains(area)
