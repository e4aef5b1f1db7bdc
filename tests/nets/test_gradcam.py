"""Grad-CAM against a network worked out by hand, and against captum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.nets.gradcam import grad_cam, pull
from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests.nets.conftest import FOREIGN_TAPS, Foreign, hook_count

IMAGE = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
MASK = torch.zeros(8, 12, dtype=torch.bool)
MASK[2:5, 3:9] = True


class Linear(nn.Module):
    """Two channels that are mixed place by place: every gradient is a weight of the head."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 2, 1, bias=False)
        self.idle = nn.Conv2d(1, 3, 1)
        self.last = nn.Conv2d(2, 2, 1, bias=False)
        self.head = nn.Conv2d(2, 2, 1, bias=False)
        self.enter.weight.data = torch.tensor([1.0, -2.0]).reshape(2, 1, 1, 1)
        self.last.weight.data = torch.tensor([[1.0, 1.0], [0.0, 3.0]]).reshape(2, 2, 1, 1)
        self.head.weight.data = torch.tensor([[0.0, 0.0], [2.0, 0.5]]).reshape(2, 2, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits; the idle branch leads nowhere."""
        self.idle(x)
        logits: Tensor = self.head(self.last(self.enter(x)))
        return logits


LINEAR_TAPS = TapSpec(
    (Tap("E1", "enter"), Tap("B", "idle"), Tap("D1", "last")), size_multiple=1, min_size=1
)


def test_a_linear_network_by_hand() -> None:
    image = torch.tensor([[1.0, 2.0], [-1.0, 0.5]])[None, None]
    mask = torch.tensor([[True, False], [False, False]])
    found = grad_cam(Linear(), LINEAR_TAPS, image, mask, class_index=1)
    # E1 = (x, -2x); D1 = (-x, -6x); logit = 2 * -x + 0.5 * -6x = -5x. A quarter is masked.
    # at D1: (2 * -x + 0.5 * -6x) / 4; at E1: d logit = (2, 2 + 1.5): (2x - 7x) / 4
    wanted = (-5 * image[0] / 4).relu()
    torch.testing.assert_close(found["D1"], wanted)
    torch.testing.assert_close(found["E1"], wanted)
    assert not found["B"].any()


def test_weights_count_and_sums_of_parts_add_up(foreign: Foreign) -> None:
    parts = torch.zeros(2, 8, 12), torch.rand(8, 12)
    parts[0][:, :4] = 0.5
    pulls = [pull(foreign, FOREIGN_TAPS, IMAGE, lambda _, p=p: p, 1) for p in (*parts, sum(parts))]
    for block in FOREIGN_TAPS.blocks:
        torch.testing.assert_close(
            pulls[0].sums[block] + pulls[1].sums[block], pulls[2].sums[block]
        )
    torch.testing.assert_close(pulls[2].weights, parts[0] + parts[1])


def test_the_place_may_depend_on_the_logits(foreign: Foreign) -> None:
    foreign.eval()
    predicted = foreign(IMAGE).argmax(1) == 1
    found = pull(foreign, FOREIGN_TAPS, IMAGE, lambda logits: logits.argmax(1) == 1, 1)
    assert torch.equal(found.weights.bool(), predicted)


def test_nothing_stays_behind(foreign: Foreign) -> None:
    with torch.no_grad():
        found = grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK, 1, ["B", "E1"])
        assert not torch.is_grad_enabled()
    assert list(found) == ["E1", "B"]
    assert hook_count(foreign) == 0
    assert foreign.training
    assert all(parameter.grad is None for parameter in foreign.parameters())
    assert not any(one.requires_grad for one in found.values())


def test_frozen_parameters_change_nothing(foreign: Foreign) -> None:
    free = grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK, 1)
    frozen = grad_cam(foreign.requires_grad_(False), FOREIGN_TAPS, IMAGE, MASK, 1)
    for block, one in free.items():
        torch.testing.assert_close(frozen[block], one)


def test_faults_are_named(foreign: Foreign) -> None:
    with pytest.raises(BadInputError, match="no output 2"):
        grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK, 2)
    with pytest.raises(BadInputError, match="mask is"):
        grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK[:4], 1)
    with pytest.raises(BadModelError, match="no block"):
        grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK, 1, ["E9"])
    assert hook_count(foreign) == 0


def test_volumes() -> None:
    torch.manual_seed(0)
    options = {"spatial_dims": 3, "features": (2, 2, 2, 2, 4, 2)}
    network = build_network("basic_unet", in_channels=1, out_channels=2, **options)
    spec = tap_spec("basic_unet", spatial_dims=3)
    mask = torch.zeros(32, 32, 32)
    mask[8:20, :16] = 1
    found = grad_cam(network, spec, torch.rand(1, 1, 32, 32, 32), mask, 1)
    assert found["E2"].shape == (1, 16, 16, 16)
    assert any(one.any() for one in found.values())


@pytest.mark.parametrize("class_index", [0, 1])
def test_captum_agrees(foreign: Foreign, class_index: int) -> None:
    captum = pytest.importorskip("captum.attr", exc_type=ImportError)
    foreign.eval()

    def score(images: Tensor) -> Tensor:
        return (foreign(images)[:, class_index] * MASK).sum((1, 2))

    found = grad_cam(foreign, FOREIGN_TAPS, IMAGE, MASK, class_index)
    modules = dict(foreign.named_modules())
    for tap in FOREIGN_TAPS.taps:
        oracle = captum.LayerGradCam(score, modules[tap.module])
        wanted = oracle.attribute(IMAGE, relu_attributions=True)[:, 0]
        torch.testing.assert_close(found[tap.block], wanted.detach())
    assert any(one.any() for one in found.values())
