from __future__ import annotations

import pytest
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_selfreg.widgets.inside.block_strip import BlockStrip, describe_block
from tests.widgets.inside.fakes import BLOCKS


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


def heard_by(strip: BlockStrip) -> list[tuple[str, ...]]:
    heard: list[tuple[str, ...]] = []
    strip.valueChanged.connect(lambda: heard.append(strip.value()))
    return heard


def test_only_a_change_is_announced(strip) -> None:
    heard = heard_by(strip)
    strip.setValue(("D1",))
    strip.setValue(())
    strip.setValue(("X9",))
    strip.setBlocks(tuple(BLOCKS))
    assert heard == []
    strip.setValue(("E1", "E2"))  # one only: the last of them
    assert heard == [("E2",)]


def test_several_are_in_the_order_of_the_forward_pass(strip) -> None:
    strip.setSeveral(True)
    heard = heard_by(strip)
    strip.setValue(("D1", "E1"))
    assert heard == [("E1", "D1")]
    strip._buttons["E1"].click()
    strip._buttons["D1"].click()  # the last one cannot be taken away
    assert strip.value() == ("D1",)
    strip.setSeveral(True)
    assert strip.value() == tuple(BLOCKS)


def test_buttons_of_an_earlier_network_are_gone(strip, qtbot) -> None:
    strip.setBlocks(("E1", "B", "D1"))
    assert strip.blocks() == ("E1", "B", "D1")
    qtbot.waitUntil(lambda: len(strip.findChildren(QWidget)) == 3)
    strip._buttons["B"].click()
    assert strip.value() == ("B",)


def test_every_button_says_what_its_block_is(strip) -> None:
    for block, button in strip._buttons.items():
        assert button.toolTip() == describe_block(block)
        assert button.accessibleName() == f"Block {block}"
    assert len({button.toolTip() for button in strip._buttons.values()}) == len(BLOCKS)


def test_the_tab_key_goes_through_the_blocks_where_one_reads_them(qtbot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    first, strip, last = QWidget(), BlockStrip(), QWidget()
    for part in (first, strip, last):
        column.addWidget(part)
    strip.setBlocks(("E1", "B", "D1"))
    strip.setBlocks(("E1", "E2", "B", "D2", "D1"))
    chain, at = [], strip._buttons["E1"]
    while len(chain) < 5:
        chain.append(at)
        at = at.nextInFocusChain()
    assert chain == list(strip._buttons.values())


def test_nine_blocks_fit_into_a_narrow_panel(strip) -> None:
    strip.setBlocks(("E1", "E2", "E3", "E4", "B", "D4", "D3", "D2", "D1"))
    assert strip.minimumSizeHint().width() <= 300
