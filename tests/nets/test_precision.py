"""Regularizers compute in a type that is wide enough."""

from __future__ import annotations

import pytest
import torch

from napari_selfreg.nets.precision import wide_type, without_autocast


@pytest.mark.parametrize(
    ("given", "wide"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_nothing_is_computed_in_half_precision(given: torch.dtype, wide: torch.dtype) -> None:
    assert wide_type(given) is wide


def test_autocast_is_switched_off_inside_and_on_again_behind() -> None:
    left = torch.ones(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with without_autocast(torch.device("cpu")):
            assert (left @ left).dtype is torch.float32
        assert (left @ left).dtype is torch.bfloat16


def test_devices_without_autocast_are_no_fault() -> None:
    with without_autocast(torch.device("meta")):
        assert wide_type(torch.float16) is torch.float32
