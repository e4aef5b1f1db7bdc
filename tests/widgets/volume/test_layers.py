from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.volume.layers import (
    NO_UNIT,
    in_words,
    is_volume,
    same_place,
    volume_of,
)

VOXELS = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("data", "arguments", "expected"),
    [
        (VOXELS, {}, True),
        (VOXELS[0], {}, False),
        (np.zeros((5, 6, 7, 3), np.uint8), {"rgb": True}, False),
        (np.zeros((5, 6, 3), np.uint8), {"rgb": True}, False),
        (np.zeros((3, 6, 7), np.uint8), {}, False),  # colours first
        (np.zeros((3, 6, 7), np.uint8), {"axis_labels": ["z", "y", "x"]}, True),
        (VOXELS, {"axis_labels": ["c", "y", "x"]}, True),  # two channels are no colours
        (VOXELS, {"metadata": {OWN_KEY: "inside"}}, False),
    ],
)
def test_a_volume_is_grey_and_has_three_axes(data, arguments, expected: bool) -> None:
    assert is_volume(Image(data, **{"rgb": False, **arguments})) is expected


def test_lengths_are_told_in_millimetres() -> None:
    layer = Image(VOXELS, scale=(3000, 1000, 500), units=("um",) * 3)
    assert volume_of(layer).spacing == pytest.approx((3, 1, 0.5))
    assert volume_of(layer).notes == ()
    plain = volume_of(Image(VOXELS, scale=(3, 1, 0.5)))
    assert plain.spacing == (3, 1, 0.5)
    assert plain.notes == (NO_UNIT,)
    assert in_words(plain.spacing) == "3 × 1 × 0.5 mm"


def test_named_axes_are_turned_and_turned_back() -> None:
    layer = Image(
        VOXELS.transpose(2, 0, 1), axis_labels=["x", "z", "y"], scale=(0.5, 3, 1), name="a/b"
    )
    view = volume_of(layer)
    np.testing.assert_array_equal(view.read(), VOXELS)
    assert (view.shape, view.spacing) == ((2, 3, 4), (3, 1, 0.5))
    np.testing.assert_array_equal(view.as_layer(view.read()), layer.data)
    assert view.grid.stem == "a_b"


def test_voxels_without_a_number_become_the_lowest() -> None:
    voxels = VOXELS.copy()
    voxels[0, 0, 0] = np.nan
    assert volume_of(Image(voxels)).read()[0, 0, 0] == 1
    with pytest.raises(BadInputError, match="no finite number"):
        volume_of(Image(np.full((2, 2, 2), np.nan), contrast_limits=(0, 1))).read()


def test_pictures_and_single_slices_are_refused() -> None:
    with pytest.raises(BadInputError, match="no volume"):
        volume_of(Image(VOXELS[0]))
    with pytest.raises(BadInputError, match="single slice"):
        volume_of(Image(VOXELS[:1]))


def test_a_layer_of_the_same_voxels_lies_exactly_on_it() -> None:
    layer = Image(VOXELS, scale=(3, 1, 0.5), translate=(4, 5, 6), rotate=(10, 20, 30))
    other = Image(VOXELS, **same_place(layer))
    for point in ((0, 0, 0), (1, 2, 3)):
        np.testing.assert_allclose(other.data_to_world(point), layer.data_to_world(point))
