"""Losses: values by hand, ignored pixels, float32 under autocast."""

from __future__ import annotations

import math

import pytest
import torch

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.nets.losses import SegmentationLoss


def _logits(channels: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, 6, 5, generator=generator, requires_grad=True)


def _classes(high: int = 2) -> torch.Tensor:
    return torch.randint(0, high, (2, 6, 5), generator=torch.Generator().manual_seed(1)).byte()


def test_even_logits_cost_log_two_and_half_a_dice() -> None:
    classes = torch.zeros(1, 2, 2, dtype=torch.uint8)
    classes[0, 0] = 1
    terms = SegmentationLoss(1, contour=False)(torch.zeros(1, 2, 2, 2), classes)
    assert terms["ce"].item() == pytest.approx(math.log(2))
    # 2 * sum(p * g) / (sum(p) + sum(g)) = 2 * 1 / (2 + 2)
    assert terms["dice"].item() == pytest.approx(0.5, abs=1e-4)


def test_certain_and_right_costs_nothing() -> None:
    classes = _classes()
    right = torch.nn.functional.one_hot(classes.long(), 2).movedim(-1, 1) * 40.0
    terms = SegmentationLoss(1, contour=False)(right, classes)
    assert sum(terms.values()).item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("pixels", [4, 40, 800])
def test_missing_all_objects_costs_as_much_where_they_are_few(pixels: int) -> None:
    classes = torch.zeros(1, 40, 40, dtype=torch.uint8)
    classes.view(-1)[:pixels] = 1
    background = torch.tensor([20.0, -20.0])[None, :, None, None].expand(1, 2, 40, 40)
    terms = SegmentationLoss(1, contour=False)(background, classes)
    assert terms["dice"].item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("n_classes", [1, 3])
def test_ignored_pixels_have_no_gradient_and_no_say(n_classes: int) -> None:
    logits, classes = _logits(n_classes + 2), _classes(n_classes + 1)
    contour = _classes()
    classes[:, :2], contour[:, :2] = IGNORE, IGNORE
    loss = SegmentationLoss(n_classes, contour=True)
    total = sum(loss(logits, classes, contour).values())
    total.backward()
    assert logits.grad is not None
    assert logits.grad[:, :, :2].abs().max() == 0.0
    assert logits.grad[:, :, 2:].abs().min() > 0.0
    cut = loss(logits[:, :, 2:], classes[:, 2:], contour[:, 2:])
    assert sum(cut.values()).item() == pytest.approx(total.item(), rel=1e-5)


def test_all_pixels_ignored_costs_nothing_and_is_finite() -> None:
    logits = _logits(3)
    nothing = torch.full((2, 6, 5), IGNORE, dtype=torch.uint8)
    total = sum(SegmentationLoss(1, contour=True)(logits, nothing, nothing).values())
    total.backward()
    assert total.item() == 0.0
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0.0


def test_contour_equals_binary_cross_entropy_with_logits() -> None:
    logits, contour = _logits(3), _classes()
    zero_dice = SegmentationLoss(1, contour=True)(logits, _classes(), contour)["contour"]
    edge = logits[:, 2]
    bce = torch.nn.functional.binary_cross_entropy_with_logits(edge, contour.float())
    p = edge.sigmoid()
    dice = 1 - (2 * (p * contour).sum() + 1e-5) / (p.sum() + contour.sum() + 1e-5)
    assert zero_dice.item() == pytest.approx((bce + dice).item(), rel=1e-5)


def test_weights_scale_their_terms() -> None:
    logits, classes = _logits(3), _classes()
    plain = SegmentationLoss(1, contour=True)(logits, classes, classes)
    weighted = SegmentationLoss(1, True, 2.0, 3.0, 0.5)(logits, classes, classes)
    for name, factor in (("ce", 2.0), ("dice", 3.0), ("contour", 0.5)):
        assert weighted[name].item() == pytest.approx(factor * plain[name].item())


def test_losses_stay_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        terms = SegmentationLoss(1, contour=True)(_logits(3).bfloat16(), _classes(), _classes())
    assert {term.dtype for term in terms.values()} == {torch.float32}
