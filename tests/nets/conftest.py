"""Small maps and networks for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
from torch import Tensor

from napari_selfreg.nets.tapspec import Tap, TapSpec

MakeMaps = Callable[..., dict[str, Tensor]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads and wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def spec() -> TapSpec:
    """Taps E1, E2, B, D2, D1 of a network of three levels."""
    return TapSpec(tuple(Tap(b, b.lower()) for b in ("E1", "E2", "B", "D2", "D1")), size_multiple=4)


@pytest.fixture
def make_maps() -> MakeMaps:
    """Return a maker of non-negative maps for ``spec``: channels by block, size of D1, batch."""

    def make(
        channels: Mapping[str, int] | None = None,
        size: tuple[int, ...] = (16, 24),
        batch: int = 2,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> dict[str, Tensor]:
        widths = {"E1": 4, "E2": 8, "B": 12, "D2": 8, "D1": 6, **(channels or {})}
        generator = torch.Generator().manual_seed(seed)
        strides = {"E1": 1, "E2": 2, "B": 4, "D2": 2, "D1": 1}
        maps = {}
        for block, width in widths.items():
            sides = [side // strides[block] for side in size]
            values = torch.randn((batch, width, *sides), generator=generator).relu()
            maps[block] = values.to(dtype).requires_grad_()
        return maps

    return make
