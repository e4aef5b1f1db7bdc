"""Residuals per pixel against the terms of SCR."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.nets.residual import residual_maps
from napari_selfreg.nets.scr import scr_terms
from napari_selfreg.nets.tapspec import TapSpec
from tests.nets.conftest import MakeMaps


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_mean_of_each_map_is_the_term_of_its_block(
    spec: TapSpec, make_maps: MakeMaps, dtype: torch.dtype
) -> None:
    taps = make_maps(dtype=dtype)
    maps = residual_maps(taps, spec)
    terms = scr_terms(taps, spec, generator=torch.Generator(), pairing="mean")
    assert list(maps) == list(spec.student_blocks)
    for block, found in maps.items():
        assert found.shape == (2, 16, 24)
        assert found.dtype == torch.float32
        wanted = terms[f"scr/{block}"].detach()
        torch.testing.assert_close(found.detach().mean(), wanted, rtol=1e-4, atol=0)


def test_a_place_that_differs_is_where_the_map_is_high(spec: TapSpec, make_maps: MakeMaps) -> None:
    taps = {block: torch.ones_like(one) for block, one in make_maps().items()}
    taps["B"][1, :, 2, 3] = 5
    maps = residual_maps(taps, spec)
    assert maps["E2"].count_nonzero() == maps["D2"].count_nonzero() == 0
    wanted = torch.zeros(2, 16, 24)
    wanted[1, 8:12, 12:16] = 16
    torch.testing.assert_close(maps["B"], wanted)


def test_a_student_larger_than_the_teacher_is_pooled(spec: TapSpec, make_maps: MakeMaps) -> None:
    taps = make_maps()
    taps["E2"] = torch.rand(2, 8, 32, 48)
    assert residual_maps(taps, spec)["E2"].shape == (2, 16, 24)
