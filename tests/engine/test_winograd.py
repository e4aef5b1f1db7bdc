"""Winograd's convolution against the plain one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from napari_selfreg.core.types import Box
from napari_selfreg.engine.folding import fold_batchnorm
from napari_selfreg.engine.fused_unet import FusedUNet
from napari_selfreg.engine.packed import PackedConv, packing_works
from napari_selfreg.engine.winograd import (
    NARROW,
    WIDE,
    WinogradConv,
    conv3x3,
    fewest_channels,
)
from napari_selfreg.nets.outputs import to_probabilities
from tests.engine.models import unet_model

pytestmark = pytest.mark.skipif(not packing_works(), reason="PyTorch lacks the operators")


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


def roundings(x: Tensor, weight: Tensor) -> float:
    """Return the size of a dozen float32 roundings of the largest sum there could be."""
    return 12 * torch.finfo(torch.float32).eps * float(reference(x.abs(), weight.abs(), None).max())


def reference(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    bias = None if bias is None else bias.double()
    return functional.conv2d(x.double(), weight.double(), bias)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.integers(1, 8), st.booleans())
@torch.no_grad()
def test_any_size_is_the_plain_convolution(
    height: int, width: int, c_in: int, c_out: int, biased: bool
) -> None:
    weight = random(c_out, c_in, 3, 3)
    bias = random(c_out, seed=1) if biased else None
    x = random(1, c_in, height + 2, width + 2, seed=2)
    conv = WinogradConv(weight, bias)
    found = conv(x)
    assert conv.channels == c_out
    assert found.permute(0, 2, 3, 1).reshape(-1).data_ptr() == found.data_ptr()  # channels last
    expected = reference(x, weight, bias).relu().float()
    torch.testing.assert_close(found, expected, atol=roundings(x, weight), rtol=0)


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 10, 12])
@torch.no_grad()
def test_adding_in_place_is_a_sum_and_a_relu(height: int) -> None:
    weight, x = random(5, 3, 3, 3), random(1, 3, height + 2, 9, seed=1)
    total = random(1, 5, height, 7, seed=2)
    expected = (total.double() + reference(x, weight, None)).relu().float()
    before = x.clone()
    WinogradConv(weight, None).add_relu_(total, x)
    torch.testing.assert_close(total, expected, atol=roundings(x, weight), rtol=0)
    assert torch.equal(x, before)


@torch.no_grad()
def test_a_part_of_a_larger_map_is_read_where_it_lies() -> None:
    weight, bias, whole = random(4, 3, 3, 3), random(4, seed=1), random(1, 3, 20, 30, seed=2)
    part = whole[:, :, 5:17, 7:22]
    expected = WinogradConv(weight, bias)(part.contiguous(memory_format=torch.channels_last))
    assert torch.equal(WinogradConv(weight, bias)(part), expected)


@torch.no_grad()
def test_it_rounds_little_more_than_the_plain_convolution() -> None:
    c = WIDE
    weight, bias, x = random(c, c, 3, 3), random(c, seed=1), random(1, c, 34, 34, seed=2)
    expected = reference(x, weight, bias).relu()
    worst = [
        float((conv(x).double() - expected).abs().max() / expected.max())
        for conv in (WinogradConv(weight, bias), PackedConv(weight, bias, (0, 0), torch.float32))
    ]
    assert worst[1] < worst[0] < 1e-5


@pytest.mark.parametrize(
    ("c_out", "c_in", "dtype", "expected"),
    [
        (WIDE, WIDE, torch.float32, WinogradConv),
        (WIDE, NARROW - 1, torch.float32, PackedConv),
        (NARROW - 1, WIDE, torch.float32, PackedConv),
        (WIDE, WIDE, torch.bfloat16, PackedConv),
    ],
)
def test_it_is_used_where_it_pays(
    monkeypatch: pytest.MonkeyPatch,
    c_out: int,
    c_in: int,
    dtype: torch.dtype,
    expected: type,
) -> None:
    weight = random(c_out, c_in, 3, 3)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    assert type(conv3x3(weight, None, dtype)) is expected
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    assert type(conv3x3(weight, None, dtype)) is PackedConv


@pytest.mark.parametrize(
    ("capability", "limit", "expected"),
    [
        ("AVX512", "", WIDE),
        ("AVX512", "AVX512_CORE", WIDE),
        ("AVX512", "default", WIDE),
        ("AVX512", "AVX2", NARROW),
        ("AVX512", "avx2_vnni", NARROW),
        ("AVX512", "SSE41", NARROW),
        ("AVX512", "AVX", NARROW),
        ("AVX2", "", NARROW),
        ("AVX2", "AVX512_CORE", NARROW),
        ("DEFAULT", "", NARROW),
    ],
)
def test_wide_instructions_need_more_channels(
    monkeypatch: pytest.MonkeyPatch, capability: str, limit: str, expected: int
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert fewest_channels() == expected
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    between = random(NARROW, NARROW, 3, 3)
    kind = PackedConv if expected == WIDE else WinogradConv
    assert type(conv3x3(between, None, torch.float32)) is kind


@torch.no_grad()
def test_a_normalisation_can_be_folded_in() -> None:
    conv, norm = torch.nn.Conv2d(6, 8, 3), torch.nn.BatchNorm2d(8)
    norm.running_mean, norm.running_var = random(8, seed=3), random(8, seed=4).square() + 0.5
    x = random(1, 6, 11, 12, seed=5)
    found = WinogradConv(*fold_batchnorm(conv, norm.eval()))(x)
    torch.testing.assert_close(found, norm(conv(x)).relu(), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_network_of_nothing_else_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_selfreg.engine.winograd.fewest_channels", lambda: 1)
    model, window = unet_model(), random(96, 80, 3)
    found = FusedUNet(model.network, 1, "contour", torch.float32)(window, Box(3, 5, 90, 80))
    logits = model.network(window.permute(2, 0, 1)[None])
    expected = to_probabilities(logits, 1, "contour")[0]
    torch.testing.assert_close(found, expected[:, 3:90, 5:80], atol=2e-5, rtol=0)
