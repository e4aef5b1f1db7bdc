"""The fused network is the plain one."""

from __future__ import annotations

import random
import threading
import time
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets.basic_unet import BasicUNet
from torch import nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine import fused_unet
from napari_selfreg.engine.fused_blocks import can_fuse
from napari_selfreg.engine.fused_unet import FusedUNet
from napari_selfreg.nets.outputs import to_probabilities
from napari_selfreg.nets.registry import build_network
from tests.engine.crops import crops
from tests.engine.models import shake, unet_model
from tests.threads import threads

NETWORK = unet_model().network


@pytest.fixture
def three_threads():
    """Whatever the machine: three threads."""
    with threads(3):
        yield


def plain(network, window, classes=1, separation="contour"):
    with torch.no_grad():
        logits = network(window.permute(2, 0, 1)[None])
    return to_probabilities(logits, classes, separation)[0]


def colours(height, width, seed=0):
    return torch.randn(height, width, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 16), (32, 160), (160, 32), (96, 112)])
@pytest.mark.parametrize("size", [1, 20_000, 1 << 30])
def test_a_whole_window_is_the_same_in_blocks_of_any_size(monkeypatch, shape, size):
    monkeypatch.setattr(fused_unet, "BLOCK_BYTES", size)
    fused = FusedUNet(NETWORK, 1, "contour", torch.float32)
    window = colours(*shape)
    found = fused(window, Box(0, 0, *shape))
    torch.testing.assert_close(found, plain(NETWORK, window), atol=2e-6, rtol=0)


@settings(max_examples=60, deadline=None)
# High ones, too: the first bands of the encoder reach 92 rows ahead.
@given(crops(24, 6), st.sampled_from([1, 4000, 1 << 20]))
def test_a_crop_is_the_crop_of_the_whole_in_bands_of_any_height(case, band):
    shape, crop = case
    window = colours(*shape)
    with patch.object(fused_unet, "BAND_PIXELS", band):
        found = FusedUNet(NETWORK, 1, "contour", torch.float32)(window, crop)
    whole = plain(NETWORK, window)
    torch.testing.assert_close(
        found, whole[:, crop.y0 : crop.y1, crop.x0 : crop.x1], atol=2e-6, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_bit_for_bit_whichever_thread_is_slow(monkeypatch, three_threads, dtype):
    monkeypatch.setattr(fused_unet, "BLOCK_BYTES", 60_000)
    fused, window = FusedUNet(NETWORK, 1, "contour", dtype), colours(96, 112)
    expected = fused(window, Box(3, 5, 90, 112))
    waits = random.Random(0)
    pool = fused_unet._max_pool

    def now_and_then_slow(x):
        time.sleep(waits.choice([0, 0, 0.004]))
        return pool(x)

    monkeypatch.setattr(fused_unet, "_max_pool", now_and_then_slow)
    for _ in range(3):
        assert torch.equal(fused(window, Box(3, 5, 90, 112)), expected)


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, True), (torch.bfloat16, False)])
def test_only_full_precision_is_computed_side_by_side(monkeypatch, three_threads, dtype, apart):
    seen = set()
    pool = fused_unet._max_pool

    def watched(x):
        seen.add(threading.current_thread())
        return pool(x)

    monkeypatch.setattr(fused_unet, "_max_pool", watched)
    monkeypatch.setattr(fused_unet, "BLOCK_BYTES", 60_000)
    FusedUNet(NETWORK, 1, "contour", dtype)(colours(96, 112), Box(0, 0, 96, 112))
    assert (seen != {threading.main_thread()}) is apart


def test_a_lack_of_memory_in_a_block_is_the_callers(monkeypatch, three_threads):
    monkeypatch.setattr(fused_unet, "BLOCK_BYTES", 60_000)
    fused, window = FusedUNet(NETWORK, 1, "contour", torch.float32), colours(96, 96)
    expected, threads = fused(window, Box(0, 0, 96, 96)), threading.active_count()

    def full(x):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as broken:
        broken.setattr(fused_unet, "_max_pool", full)
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            fused(window, Box(0, 0, 96, 96))
    assert threading.active_count() == threads
    assert torch.equal(fused(window, Box(0, 0, 96, 96)), expected)


def test_memory_of_earlier_windows_does_not_shine_through():
    fused = FusedUNet(NETWORK, 1, "contour", torch.float32)
    for seed, (shape, crop) in enumerate(
        [
            ((96, 96), Box(0, 0, 96, 96)),
            ((64, 64), Box(17, 9, 50, 64)),
            ((96, 48), Box(0, 0, 96, 48)),
        ]
    ):
        window = colours(*shape, seed=seed)
        expected = plain(NETWORK, window)[:, crop.y0 : crop.y1, crop.x0 : crop.x1]
        torch.testing.assert_close(fused(window, crop), expected, atol=2e-6, rtol=0)


def test_a_higher_window_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(fused_unet, "BAND_PIXELS", 32 * 64)

    def taken(height):
        fused = FusedUNet(NETWORK, 1, "contour", torch.float32)
        fused(colours(height, 64), Box(0, 0, height, 64))
        return sum(memory.numel() for memory in fused._workspace._memory.values())

    assert taken(640) < 1.2 * taken(320)


@pytest.mark.parametrize(("classes", "separation"), [(1, None), (2, None), (3, "contour")])
def test_any_head(classes, separation):
    model = unet_model(classes, contour=separation is not None)
    window = colours(48, 64)
    found = FusedUNet(model.network, classes, separation, torch.float32)(window, Box(0, 0, 48, 64))
    expected = plain(model.network, window, classes, separation)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


def test_bfloat16_stays_close():
    window = colours(96, 96)
    found = FusedUNet(NETWORK, 1, "contour", torch.bfloat16)(window, Box(0, 0, 96, 96))
    assert found.dtype == torch.float32
    assert np.abs(found.numpy() - plain(NETWORK, window).numpy()).max() < 0.05


def test_only_what_is_the_same_is_fused():
    assert can_fuse(NETWORK)
    assert can_fuse(build_network("basic_unet", in_channels=3, out_channels=2, dropout=0.1))
    others: list[nn.Module] = [
        build_network("basic_unet", in_channels=3, out_channels=2, upsample="nontrainable"),
        build_network("basic_unet", in_channels=3, out_channels=2, upsample="pixelshuffle"),
        build_network("basic_unet", in_channels=1, out_channels=2),
        build_network("basic_unet", in_channels=3, out_channels=2, spatial_dims=3),
        BasicUNet(2, 3, 2, norm="instance"),
        BasicUNet(2, 3, 2, norm="batch"),  # leaky ReLU
        BasicUNet(2, 3, 2, norm=("batch", {"track_running_stats": False}), act="RELU"),
        nn.Conv2d(3, 2, 1),
    ]
    assert [can_fuse(network) for network in others] == [False] * len(others)


def test_a_build_without_the_operators_uses_the_plain_network(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_fuse(NETWORK)


def test_the_network_is_not_changed():
    network = shake(build_network("basic_unet", in_channels=3, out_channels=3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    FusedUNet(network, 1, "contour", torch.bfloat16)(colours(16, 16), Box(0, 0, 16, 16))
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())
