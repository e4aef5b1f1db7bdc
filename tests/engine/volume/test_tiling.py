"""How volumes are cut for networks that see their whole window, and for unknown ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from napari_selfreg.core.blocks import sides, whole
from napari_selfreg.engine.volume.tiling import ROI, VolumeTiling
from tests.engine.volume.models import SmallNet3D

LOCAL, BLENDED = SmallNet3D(), SmallNet3D(nn.InstanceNorm3d)


def spec(multiple=4, min_size=8, fixed_size=None):
    return SimpleNamespace(size_multiple=multiple, min_size=min_size, fixed_size=fixed_size)


def test_small_volumes_are_padded_to_what_the_network_takes():
    tiling = VolumeTiling.of(BLENDED, spec(), (1, 9, 30))
    assert tiling.limits == (8, 12, 32)
    assert tiling.window == (8, 12, 32)
    assert [block.window for block in tiling.blocks(whole((1, 9, 30)))] == [whole((8, 12, 32))]


def test_strides_may_differ_by_axis():
    tiling = VolumeTiling.of(BLENDED, spec((1, 4, 4), (1, 8, 8)), (3, 9, 30))
    assert tiling.limits == (3, 12, 32)
    assert tiling.sample == (32, 32, 32)


def test_windows_are_as_large_as_was_asked_and_overlap_by_half():
    tiling = VolumeTiling.of(BLENDED, spec(), (96, 96, 96), (48, 48, 48))
    blocks = tiling.blocks(whole((96, 96, 96)))
    assert {sides(block.window) for block in blocks} == {(48, 48, 48)}
    assert sorted({block.window[0][0] for block in blocks}) == [0, 24, 48]


def test_without_a_wish_windows_have_the_usual_side():
    assert VolumeTiling.of(BLENDED, spec(), (300, 300, 300)).window == (ROI, ROI, ROI)


def test_tiles_of_local_networks_keep_a_core_between_their_halos():
    tiling = VolumeTiling.of(LOCAL, spec(), (300, 300, 300), (8, 8, 8))
    assert not tiling.blends
    assert tiling.window == tuple(2 * halo + 4 for halo in tiling.halo)
    assert tiling.halved() is None


def test_windows_are_halved_along_their_longest_side_until_the_smallest():
    tiling = VolumeTiling.of(BLENDED, spec(), (64, 64, 64), (32, 16, 16))
    sizes = []
    while tiling is not None:
        sizes.append(tiling.window)
        tiling = tiling.halved()
    assert sizes == [(32, 16, 16), (16, 16, 16), (8, 16, 16), (8, 8, 16), (8, 8, 8)]


def test_a_network_of_one_size_is_given_that_size():
    tiling = VolumeTiling.of(LOCAL, spec(4, 16, (16, 16, 16)), (20, 10, 40))
    assert tiling.blends
    assert tiling.limits == (20, 16, 40)
    assert tiling.sample == tiling.window == (16, 16, 16)
    assert tiling.halved() is None


@pytest.mark.parametrize("network", [LOCAL, BLENDED])
def test_nothing_is_predicted_for_nothing(network):
    tiling = VolumeTiling.of(network, spec(), (20, 20, 20))
    assert tiling.blocks(((2, 2), (0, 4), (0, 4))) == []
