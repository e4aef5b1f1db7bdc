from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.widgets.result_info import RESULT_KEY, ResultInfo, is_result, result_info


def make_info(**changes: Any) -> ResultInfo:
    values: dict[str, Any] = {
        "model_name": "spots",
        "model_title": "Dark spots",
        "model_version": "0123456789ab",
        "classes": ("spot",),
        "pixel_size": PixelSize(0.5, 0.25),
        "um_source": "file",
        "settings": PostProcessing(),
        "image_layer_id": 1,
        "stem": "field",
        "box": Box(10, 20, 30, 60),
    }
    return ResultInfo(**(values | changes))


def test_it_is_found_in_the_metadata_of_a_layer() -> None:
    info = make_info()
    layer = Labels(np.zeros((40, 70), int), metadata={RESULT_KEY: info})
    assert result_info(layer) is info
    assert is_result(layer)


@pytest.mark.parametrize("metadata", [{}, {RESULT_KEY: "something else"}])
def test_other_layers_have_none(metadata: dict[str, Any]) -> None:
    assert not is_result(Labels(np.zeros((4, 4), int), metadata=metadata))
    assert result_info(None) is None


def test_pixels_of_the_labels_are_those_of_the_resolution() -> None:
    assert make_info(factors=(4.0, 2.0)).label_size == PixelSize(2.0, 0.5)


def test_the_box_in_a_layer_that_begins_elsewhere() -> None:
    assert make_info().place == Box(10, 20, 30, 60)
    assert make_info(origin=(10, 20)).place == Box(0, 0, 20, 40)
