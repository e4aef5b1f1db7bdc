from __future__ import annotations

from napari_selfreg.widgets.advanced_box import Advanced, AdvancedBox


def test_it_is_folded_at_first_and_holds_what_is_set(qtbot) -> None:
    box = AdvancedBox()
    qtbot.addWidget(box)
    box.show()
    assert not box.isExpanded()
    assert not box.tta.isVisible()  # the focus does not get lost in what is folded
    assert box.value() == Advanced()
    wanted = Advanced("cpu", "fp32", True, True, True, skip_glass=False)
    with qtbot.waitSignals([box.valueChanged] * 2):
        box.setValue(wanted)
    assert box.value() == wanted
    box.expand(animate=False)
    assert box.isExpanded()
    assert box.tta.isVisible()
    assert box.height() > box.toggleButton().height() + box.tta.sizeHint().height()
    box.collapse(animate=False)
    assert not box.tta.isVisible()


def test_an_unknown_precision_becomes_the_automatic_one(qtbot) -> None:
    box = AdvancedBox()
    qtbot.addWidget(box)
    box.setValue(Advanced(precision="fp8"))
    assert box.value().precision == "auto"
