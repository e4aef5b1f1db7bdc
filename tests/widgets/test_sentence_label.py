"""Labels for whole sentences."""

from __future__ import annotations

from qtpy.QtCore import Qt

from napari_selfreg.widgets.sentence_label import sentence_label


def test_a_sentence_wraps_and_can_be_copied(qtbot):
    label = sentence_label("The image does not say how large its pixels are.")
    qtbot.addWidget(label)
    assert label.heightForWidth(80) > label.heightForWidth(800)
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    assert sentence_label().text() == ""
