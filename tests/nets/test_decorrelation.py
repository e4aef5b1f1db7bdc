"""Similarity of channels, and the regularizer of our own that lowers it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_selfreg.nets.decorrelation import decorrelation_terms
from napari_selfreg.nets.ifd import ifd_terms
from napari_selfreg.nets.similarity import (
    channel_similarity,
    off_diagonal_mean,
)
from napari_selfreg.nets.tapspec import TapSpec
from tests.nets import plain
from tests.nets.conftest import MakeMaps


def test_similarity_of_known_channels() -> None:
    maps = torch.tensor([[[[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 3.0]], [[1.0, 1.0]], [[0.0, 0.0]]]])
    half = 0.5**0.5
    wanted = torch.tensor(
        [
            [1.0, 1.0, 0.0, half, 0.0],
            [1.0, 1.0, 0.0, half, 0.0],
            [0.0, 0.0, 1.0, half, 0.0],
            [half, half, half, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    torch.testing.assert_close(channel_similarity(maps)[0], wanted)
    assert channel_similarity(maps, centred=True)[0, 0, 2].item() == pytest.approx(-1.0)
    mean = off_diagonal_mean(channel_similarity(maps)).item()
    assert mean == pytest.approx((1.0 + 3 * half) / 10)


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_equals_the_plain_similarity(make_maps: MakeMaps, form: torch.memory_format) -> None:
    maps = make_maps()["B"].detach().contiguous(memory_format=form)
    mean = off_diagonal_mean(channel_similarity(maps)).item()
    assert mean == pytest.approx(plain.similarity(maps), rel=1e-5)


def test_bounds_scale_and_edge_cases(spec: TapSpec, make_maps: MakeMaps) -> None:
    maps = make_maps({"B": 1})
    terms = decorrelation_terms(maps, spec)
    assert list(terms) == ["decorrelation/E2", "decorrelation/B", "decorrelation/D2"]
    assert terms["decorrelation/B"].item() == 0.0
    assert 0 < terms["decorrelation/E2"].item() < 1
    shrunk = {block: leaf * 1e-3 for block, leaf in maps.items()}
    other = decorrelation_terms(shrunk, spec)
    torch.testing.assert_close(other["decorrelation/E2"], terms["decorrelation/E2"])
    dead = {block: torch.zeros_like(leaf).requires_grad_() for block, leaf in maps.items()}
    torch.stack(list(decorrelation_terms(dead, spec).values())).sum().backward()
    assert all(torch.isfinite(dead[b].grad).all() for b in spec.student_blocks)  # type: ignore[arg-type]


def test_half_precision_is_computed_in_float32_even_under_autocast(
    spec: TapSpec, make_maps: MakeMaps
) -> None:
    maps = make_maps(dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        term = decorrelation_terms(maps, spec)["decorrelation/B"]
    rows = torch.nn.functional.normalize(maps["B"].float().flatten(2), dim=2)
    off = (rows @ rows.mT).square() * (1 - torch.eye(12))
    assert term.dtype == torch.float32
    torch.testing.assert_close(term, off.sum() / (2 * 12 * 11), rtol=1e-5, atol=0)


def optimised(term: str, spec: TapSpec, start: Tensor) -> float:
    """Train one layer on one term alone; return the mean similarity of its channels after it."""
    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    optimiser = torch.optim.Adam(layer.parameters(), 0.02)
    for _ in range(60):
        maps = layer(start)
        taps = {"E2": maps, "B": maps, "D2": maps, "D1": maps}
        terms = ifd_terms(taps, spec) if term == "ifd" else {}
        terms = decorrelation_terms(taps, spec) if term == "decorrelation" else terms
        if terms:
            optimiser.zero_grad()
            terms[f"{term}/B"].backward()
            optimiser.step()
    return plain.similarity(layer(start))


def test_lowers_channel_similarity_where_ifd_raises_it(spec: TapSpec) -> None:
    start = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    untrained = optimised("none", spec, start)
    assert optimised("decorrelation", spec, start) < 0.8 * untrained
    assert optimised("ifd", spec, start) > 1.2 * untrained
