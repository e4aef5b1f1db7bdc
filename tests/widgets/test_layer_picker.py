"""The list of images: what it says while empty, and how it cuts long names."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from qtpy.QtGui import QImage

from napari_selfreg.widgets.layer_picker import LayerPicker

LONG = "Adenocarcinoma__GT2012118-1-400-"


def drawn(picker: LayerPicker) -> QImage:
    return picker.grab().toImage()


def with_image(qtbot, name: str) -> LayerPicker:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 4)), name=name)
    picker = LayerPicker(viewer)
    qtbot.addWidget(picker)
    picker.resize(200, 26)
    return picker


def test_names_that_differ_at_their_end_look_different(qtbot) -> None:
    one, same, other = (with_image(qtbot, LONG + end) for end in ("004", "004", "715"))
    assert drawn(one) == drawn(same)
    assert drawn(one) != drawn(other)


def test_an_empty_list_says_what_is_missing(qtbot) -> None:
    pictures = []
    for words in ("No image yet", "No result yet"):
        picker = LayerPicker(ViewerModel(), empty=words)
        qtbot.addWidget(picker)
        picker.resize(200, 26)
        assert picker.placeholderText() == words
        assert picker.value() is None
        pictures.append(drawn(picker))
    assert pictures[0] != pictures[1]
