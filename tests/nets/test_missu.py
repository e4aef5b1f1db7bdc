"""The MISSU-style branch: what teaches whom, and that nothing of it is left at inference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.nets.divergence import voxel_kl
from napari_selfreg.nets.missu import LocalMultiScaleFusion, MissuBranch
from napari_selfreg.nets.regularization import Regularization
from napari_selfreg.nets.tap_shapes import TapShape
from tests.nets import plain_dsd, volumes

SIZE = (8, 16, 8)
SKIPS = ("E1", "E2", "E3")


def branch(dims: int = 3, **options: Any) -> MissuBranch:
    torch.manual_seed(3)
    return MissuBranch(volumes.shapes(dims), 2, **options)


def inputs(size: tuple[int, ...] = SIZE) -> tuple[dict[str, Tensor], Tensor]:
    return volumes.maps(volumes.shapes(len(size)), size), volumes.labels(size)


@pytest.mark.parametrize("size", [SIZE, (9, 11, 10), (16, 24), (13, 15)])
def test_total_is_what_the_description_says(size: tuple[int, ...]) -> None:
    module = branch(len(size), weight=0.5, supervision=2.0)
    maps, target = inputs(size)
    target[0, :2] = 255
    wanted = torch.zeros(())
    linear = "trilinear" if len(size) == 3 else "bilinear"
    for block in SKIPS:
        refined = module.fusions[block](maps[block])
        p, q = refined.softmax(1), maps[block].softmax(1)
        logits = functional.interpolate(module.heads[block](refined), size, mode=linear)
        wanted = wanted + 0.5 * (p * (p / q).log()).sum(1).mean()
        wanted = wanted + 2 * plain_dsd.supervision(logits, target)
    result = module(maps, target)
    torch.testing.assert_close(result.total, wanted)
    torch.testing.assert_close(
        result.total.detach(), 0.5 * result.terms["missu/kl"] + 2 * result.terms["missu/branch"]
    )
    each = {f"missu/{kind}/{block}" for kind in ("kl", "branch") for block in SKIPS}
    assert set(result.terms) == {"missu/kl", "missu/branch", *each}


def test_distillation_teaches_the_plain_skip_and_never_the_branch() -> None:
    module = branch(supervision=0.0)
    maps, target = inputs()
    module(maps, target).total.backward()  # type: ignore[no-untyped-call]
    for block in SKIPS:
        refined = module.fusions[block](maps[block]).detach()
        voxels = maps[block][:, 0].numel()
        # The gradient of a forward KL to its student: difference of the two softmaxes.
        wanted = (maps[block].softmax(1) - refined.softmax(1)) / voxels
        torch.testing.assert_close(maps[block].grad, wanted.detach())
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in module.parameters())


def test_the_teacher_is_trained_by_its_own_head() -> None:
    target = volumes.labels(SIZE)
    truth = functional.one_hot(target, 3).movedim(-1, 1).float()
    maps = {k: v.detach() for k, v in volumes.maps(volumes.shapes(), SIZE).items()}
    maps["E1"] = torch.cat([truth, maps["E1"][:, 3:]], 1)
    module = branch()
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        result = module(maps, target)
        optimiser.zero_grad()
        result.total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(result.terms["missu/branch/E1"].item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize("size", [(16, 12, 8), (5, 2, 1), (7, 9)])
def test_fusion_keeps_the_shape_of_any_map(size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    skip = torch.randn(2, 4, *size)
    fusion = LocalMultiScaleFusion(4, len(size))
    assert fusion(skip).shape == skip.shape
    assert all(p.ndim in (1, len(size) + 2) for p in fusion.parameters())  # 3-D where maps are


def test_fusion_sees_as_far_as_its_dilations_in_every_axis() -> None:
    torch.manual_seed(0)
    fusion = LocalMultiScaleFusion(2, 3)
    skip = torch.zeros(1, 2, 25, 25, 25)
    skip[..., 12, 12, 12] = 1.0
    moved = (fusion._dilated(skip) - fusion._dilated(torch.zeros_like(skip))).abs().sum((0, 1))
    for axis in range(3):
        others = [a for a in range(3) if a != axis]
        reach = moved.sum(others).nonzero().flatten()
        assert (reach.min().item(), reach.max().item()) == (12 - 9, 12 + 9)  # 1 + 3 + 5


def test_the_teacher_starts_from_the_skip_itself() -> None:
    torch.manual_seed(0)
    fusion, skip = LocalMultiScaleFusion(4, 3), torch.randn(1, 4, 6, 6, 6)
    torch.testing.assert_close(fusion(skip), fusion._dilated(skip))
    with torch.no_grad():
        for layer in (fusion.near, fusion.middle, fusion.far, fusion.mix):
            for parameter in layer.parameters():
                parameter.zero_()
    torch.testing.assert_close(fusion(skip), skip)
    assert voxel_kl(fusion(skip), skip) < 1e-7


def test_skips_are_the_encoder_blocks_that_the_decoder_takes_up() -> None:
    assert branch().blocks == SKIPS
    deeper = volumes.shapes() | {"E4": TapShape(10, (3, 3, 3))}
    assert MissuBranch(deeper, 2).blocks == SKIPS
    assert branch(skips=["E3", "E1"]).blocks == ("E1", "E3")
    for wanted, message in ((["B"], "not 'B'; they are E1, E2, E3"), ([], "not none")):
        with pytest.raises(BadInputError, match=message):
            branch(skips=wanted)
    with pytest.raises(BadInputError, match="0 or more, not -1"):
        branch(weight=-1)


def test_logits_are_the_same_with_the_branch_stripped() -> None:
    sample = (1, 1, 16, 16, 16)
    network, spec, _ = volumes.small("trans_unet")
    regularization = Regularization.build(
        {"missu": {}}, network, spec, sample=sample, n_classes=2, seed=0
    )
    assert regularization.blocks == SKIPS
    optimiser = torch.optim.AdamW([*network.parameters(), *regularization.parameters()], 1e-2)
    image, target = torch.rand(sample), volumes.labels(sample[2:], batch=1)
    with spec.open(network, regularization.blocks) as taps:
        logits = network(image)
        extra = regularization(taps, logits=logits, target=target, step=0)
        (functional.cross_entropy(logits, target) + extra.total).backward()
        optimiser.step()
        network.eval()
        with torch.no_grad():
            beside = network(image)
    stripped, _, _ = volumes.small("trans_unet")
    stripped.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(stripped.eval()(image), beside)
    assert not {id(p) for p in network.parameters()} & {id(p) for p in regularization.parameters()}


def test_no_branch_without_an_option_of_that_name() -> None:
    network, spec, _ = volumes.small("trans_unet")
    with pytest.raises(
        BadInputError, match="no option 'alpha'; it takes weight, supervision, skips"
    ):
        Regularization.build(
            {"missu": {"alpha": 1}}, network, spec, sample=(1, 1, 16, 16, 16), n_classes=2, seed=0
        )
