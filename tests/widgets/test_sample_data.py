from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_selfreg.io.samples import samples
from napari_selfreg.widgets import sample_data
from napari_selfreg.widgets.layers import ORIGIN_KEY, is_picture, pixel_size_of


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_each_sample_is_a_colour_layer_with_its_pixel_size(sample) -> None:
    (data, meta, kind), *rest = getattr(sample_data, sample.name)()
    assert (kind, rest) == ("image", [])
    layer = Image(data, **meta)
    assert data.dtype == np.uint8
    assert layer.rgb
    assert is_picture(layer)
    assert pixel_size_of(layer) == sample.pixel_size
    assert layer.metadata["attribution"] == sample.attribution
    assert ("estimated" in layer.metadata.get(ORIGIN_KEY, "")) == sample.estimated
