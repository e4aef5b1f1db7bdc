"""The line that cuts: seen while it is drawn, and never left behind."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_selfreg.widgets.correct.cut_line import NAME, CutLine
from napari_selfreg.widgets.layers import OWN_KEY


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    viewer.add_labels(np.zeros((20, 30), np.int32), scale=(0.5, 0.25), translate=(3, 4))
    return viewer


def test_the_line_lies_on_the_labels(viewer: ViewerModel) -> None:
    (labels,) = viewer.layers
    line = CutLine(viewer)
    line.draw(labels, [(0, 0), (4, 8)])
    shown = viewer.layers[NAME]
    np.testing.assert_allclose(shown.data[0], [(3, 4), (5, 6)])
    assert shown.shape_type == ["path"]
    assert shown.metadata[OWN_KEY]
    assert viewer.layers.selection.active is labels


def test_it_grows_and_is_as_thin_at_every_zoom(viewer: ViewerModel) -> None:
    (labels,) = viewer.layers
    line = CutLine(viewer)
    widths = []
    for zoom in (1.0, 4.0):
        viewer.scene.camera.zoom = zoom
        line.draw(labels, [(0, 0), (1, 1), (2, 5 + zoom)])
        widths.append(viewer.layers[NAME].edge_width[0] * zoom)
    assert len(viewer.layers[NAME].data) == 1
    assert len(viewer.layers[NAME].data[0]) == 3
    assert widths[0] == pytest.approx(widths[1])


def test_it_goes_away_however_often_it_is_told(viewer: ViewerModel) -> None:
    (labels,) = viewer.layers
    line = CutLine(viewer)
    line.remove()
    line.draw(labels, [(0, 0), (1, 1)])
    line.remove()
    line.remove()
    assert list(viewer.layers) == [labels]
    line.draw(labels, [(0, 0), (1, 1)])
    viewer.layers.remove(NAME)  # a person may do that meanwhile
    line.remove()
    assert list(viewer.layers) == [labels]


def test_labels_of_a_stack_have_their_line_in_the_same_plane() -> None:
    viewer = ViewerModel()
    labels = viewer.add_labels(np.zeros((1, 20, 30), np.int32), translate=(7, 0, 0))
    line = CutLine(viewer)
    line.draw(labels, [(0, 0), (4, 8)])
    np.testing.assert_allclose(viewer.layers[NAME].data[0], [(7, 0, 0), (7, 4, 8)])
