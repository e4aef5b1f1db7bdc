"""One step, of pictures and of volumes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.step import Addition, step_losses
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.selfreg import RegularizerTerms
from napari_selfreg.nets.taps import Taps

LOSS = SegmentationLoss(1, contour=False)


class _Network(nn.Module):
    """One convolution that remembers what it was given."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = (nn.Conv2d, nn.Conv3d)[dims - 2](1, 2, 1)
        self.seen: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen = inputs
        return self.convolution(inputs)


def _step(dims: int, **changes: Any) -> tuple[_Network, Tensor, dict[str, Tensor]]:
    network, shape = _Network(dims), (4,) * dims
    layout = (torch.channels_last, torch.channels_last_3d)[dims - 2]
    inputs, classes = torch.rand(2, 1, *shape), torch.randint(0, 2, (2, *shape))
    options = {"loss": LOSS, "layout": layout, "dtype": torch.float32, "addition": None}
    total, terms = step_losses(network, inputs, [classes], **{**options, **changes})
    return network, total, terms


@pytest.mark.parametrize("dims", [2, 3])
def test_a_plain_step_descends_the_losses_alone(dims: int) -> None:
    network, total, terms = _step(dims)
    assert terms.keys() == {"ce", "dice"}
    assert total.item() == pytest.approx(sum(term.item() for term in terms.values()))
    total.backward()
    assert network.convolution.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("dims", [2, 3])
def test_inputs_lie_in_memory_as_the_weights_do(dims: int) -> None:
    network, _, _ = _step(dims)
    layout = (torch.channels_last, torch.channels_last_3d)[dims - 2]
    assert network.seen.is_contiguous(memory_format=layout)


def test_a_network_that_returns_several_maps_in_training_is_refused() -> None:
    network = nn.Sequential(_Network(2), nn.Unflatten(0, (2, 1)))
    with pytest.raises(BadModelError, match="where one tensor of logits"):
        step_losses(
            network,
            torch.rand(2, 1, 4, 4),
            [torch.randint(0, 2, (2, 4, 4))],
            loss=LOSS,
            layout=torch.channels_last,
            dtype=torch.float32,
            addition=None,
        )


def test_an_addition_sees_its_taps_while_they_are_open() -> None:
    opened: list[bool] = []
    taps = Taps()

    @contextmanager
    def opening() -> Any:
        opened.append(True)
        yield taps
        opened.append(False)

    def terms(seen: Taps, logits: Tensor) -> RegularizerTerms:
        assert seen is taps
        assert opened == [True]
        return RegularizerTerms(2 * logits.mean(), {"mine": logits.mean().detach()})

    _, total, named = _step(3, addition=Addition(opening(), terms))
    assert opened == [True, False]
    losses = named["ce"].item() + named["dice"].item()
    assert total.item() == pytest.approx(losses + 2 * named["mine"].item(), abs=1e-6)


def test_half_precision_is_asked_for_by_its_type() -> None:
    seen: list[torch.dtype] = []

    class _Loss:
        def __call__(self, logits: Tensor, classes: Tensor) -> dict[str, Tensor]:
            seen.append(logits.dtype)
            return {"ce": logits.float().mean()}

    for dtype in (torch.float32, torch.bfloat16):
        _step(2, dtype=dtype, loss=_Loss())
    assert seen == [torch.float32, torch.bfloat16]
