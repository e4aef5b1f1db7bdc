from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.extra_layers import add_extra_layers
from napari_selfreg.widgets.layers import is_picture, picture_of
from napari_selfreg.widgets.result_record import record, stem_of
from napari_selfreg.widgets.segment_job import PanelRequest
from tests.widgets.fakes import Objects, make_card
from tests.widgets.pictures import colour, shown

BOX = Box(2, 4, 12, 24)


@pytest.fixture
def scene():
    viewer, layer = shown(colour(40, 60, scale=(0.5, 0.25), units=["um", "um"], name="field"))
    picture = picture_of(viewer, layer)
    request = PanelRequest(picture, BOX, None, PixelSize(0.5, 0.25), Path("spots"), "cpu")
    values = np.full((2, *BOX.shape), 0.7, np.float32)
    labels = np.zeros(BOX.shape, np.int32)
    return viewer, layer, request, Objects(labels, BOX, {}, (), values, values[0] / 2)


class TestRecord:
    def test_where_a_result_comes_from(self, scene) -> None:
        _, layer, request, result = scene
        card = make_card(separation="contour", data=())
        info = record(replace(request, tta=True), layer, card, result)
        assert (info.model_name, info.model_title) == ("spots", "Dark spots")
        assert info.model_version == "0123456789ab"
        assert info.pixel_size == info.label_size == PixelSize(0.5, 0.25)
        assert info.um_source == "file"
        assert info.settings == card.postprocessing
        assert (info.stem, info.box, info.tta, info.separation) == ("field", BOX, True, "contour")
        assert info.image_layer_id == layer.unique_id
        assert info.probability is result.probability

    def test_what_a_person_has_chosen_is_said_to_be_hers(self, scene) -> None:
        _, layer, request, result = scene
        chosen = PostProcessing(0.7, 12, 3, 0)
        request = replace(request, pixel_size=PixelSize(0.3, 0.3), settings=chosen)
        info = record(request, layer, make_card(), result)
        assert info.um_source == "option"
        assert info.settings == chosen

    def test_the_stem_is_safe_as_a_file_name(self, scene) -> None:
        _, layer, _, _ = scene
        layer.name = 'left/right: "a"'
        assert stem_of(layer) == "left_right_ _a_"


class TestExtraLayers:
    def test_only_what_was_asked_for(self, scene) -> None:
        viewer, layer, request, result = scene
        assert add_extra_layers(viewer, layer, request, make_card(), result) == []

    def test_they_lie_on_the_image_and_are_no_pictures(self, scene) -> None:
        viewer, layer, request, result = scene
        request = replace(request, probability=True, uncertainty=True)
        card = make_card(separation="contour")
        added = add_extra_layers(viewer, layer, request, card, result)
        assert [each.name for each in added] == [
            "field probability of spot",
            "field probability of contour",
            "field uncertainty",
        ]
        for each in added:
            np.testing.assert_allclose(each.data_to_world((0, 0)), layer.data_to_world((2, 4)))
            assert not is_picture(each)
            assert tuple(each.contrast_limits) == (0, 1)

    def test_a_run_that_was_ended_early_has_no_uncertainty(self, scene) -> None:
        viewer, layer, request, result = scene
        result.uncertainty = None
        request = replace(request, uncertainty=True)
        assert add_extra_layers(viewer, layer, request, make_card(), result) == []
