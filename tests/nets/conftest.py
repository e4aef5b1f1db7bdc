"""Small maps and networks for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.threads import threads

MakeMaps = Callable[..., dict[str, Tensor]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads and wait for each other on a busy machine."""
    with threads(1):
        yield


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


class Foreign(nn.Module):
    """A network as somebody else would write it: no blocks named after ours, sizes not checked."""

    def __init__(self, width: int = 4, classes: int = 2) -> None:
        super().__init__()
        self.stem = self._convolve(3, width)
        self.narrow = self._convolve(width, 2 * width)
        self.middle = self._convolve(2 * width, 3 * width)
        self.wide = self._convolve(5 * width, 2 * width)
        self.last = self._convolve(3 * width, width)
        self.classify = nn.Conv2d(width, classes, 1)
        self.shrink = nn.MaxPool2d(2)
        self.grow = nn.Upsample(scale_factor=2)

    @staticmethod
    def _convolve(entering: int, leaving: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(entering, leaving, 3, padding=1), nn.BatchNorm2d(leaving), nn.ReLU()
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        first = self.stem(image)
        second = self.narrow(self.shrink(first))
        third = self.middle(self.shrink(second))
        fourth = self.wide(torch.cat([second, self.grow(third)], 1))
        fifth = self.last(torch.cat([first, self.grow(fourth)], 1))
        logits: Tensor = self.classify(fifth)
        return logits


FOREIGN_TAPS = TapSpec(
    (
        Tap("E1", "stem"),
        Tap("E2", "narrow"),
        Tap("B", "middle"),
        Tap("D2", "wide"),
        Tap("D1", "last"),
    ),
    size_multiple=4,
    min_size=4,
)


@pytest.fixture
def foreign() -> Foreign:
    """Return a small network of somebody else's."""
    torch.manual_seed(0)
    return Foreign()


def hook_count(network: nn.Module) -> int:
    """Return how many hooks hang on any module of a network."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)
