"""DSD and the others on the networks themselves: their taps, heads, sizes, and what is left."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.skeleton import meta_build
from napari_selfreg.nets.dsd import DualSelfDistillation
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.regularization import Regularization
from napari_selfreg.nets.tap_shapes import tap_shapes
from tests.nets import volumes
from tests.nets.conftest import FOREIGN_TAPS, Foreign

# Section 3.4 of the method's description, for patches of 96³: channels and scale of the paper's
# E1…E4, of its D1…D4 (the finest decoder tap first), and how many heads sharing leaves.
PAPER: dict[str, tuple[dict[str, Any], list[int], list[int], int]] = {
    "unetr": (
        {"feature_size": 32, "img_size": 96},
        [32, 64, 128, 256],
        [64, 128, 256, 768],
        5,
    ),
    "dynunet": (
        {"filters": [32, 64, 128, 256, 320], "res_block": True},
        [32, 64, 128, 256],
        [64, 128, 256, 320],
        5,
    ),
    "swin_unetr": ({"feature_size": 36}, [36, 36, 72, 144], [36, 72, 144, 288], 5),
    "vnet": ({}, [16, 32, 64, 128], [64, 128, 256, 256], 8),
}
ENCODER, SCALES = ("E1", "E2", "E3", "E4"), (1, 2, 4, 8)
DECODER = {"swin_unetr": ("D2", "D3", "D4", "D5")}


@pytest.mark.parametrize("name", PAPER)
def test_taps_are_the_papers(name: str) -> None:
    arguments, encoder, decoder, heads = PAPER[name]
    with meta_build():
        network = build_network(name, in_channels=1, out_channels=8, spatial_dims=3, **arguments)
    spec = tap_spec(name, spatial_dims=3, **arguments)
    found = tap_shapes(network, spec, (1, 1, 96, 96, 96))
    with torch.device("meta"):
        module = DualSelfDistillation(found, 7)
    assert module.encoder == ENCODER
    assert [found[block].channels for block in ENCODER] == encoder
    assert tuple(found[block].scale for block in ENCODER) == SCALES
    assert module.decoder == DECODER.get(name, ("D2", "D3", "D4", "B"))
    assert [found[block].channels for block in module.decoder] == decoder
    assert tuple(found[block].scale for block in module.decoder) == (2, 4, 8, 16)
    assert len(module.heads) == heads


def step(
    name: str, terms: dict[str, dict[str, Any]], dims: int = 3
) -> tuple[nn.Module, Regularization, dict[str, torch.Tensor]]:
    """Do one backward pass; return the network, the regularizers and their terms."""
    network, spec, side = volumes.small(name, dims)
    sample = (1 if side > 16 else 2, 1, *[side] * dims)
    found = Regularization.build(terms, network, spec, sample=sample, n_classes=2, seed=0)
    target = volumes.labels(sample[2:], batch=sample[0])
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(sample))
        result = found(taps, logits=logits, target=target, step=0)
        main = SegmentationLoss(2, contour=False)(logits, target)
        (torch.stack(list(main.values())).sum() + result.total).backward()
    return network, found, result.terms


ALL: dict[str, dict[str, Any]] = {"scr": {}, "ifd": {}, "dsd": {"kl_resolution": 2}, "missu": {}}


@pytest.mark.parametrize("name", [*volumes.SMALL])
def test_every_regularizer_on_every_network_in_three_dimensions(name: str) -> None:
    chosen = {key: ALL[key] for key in ALL if (key, name) != ("missu", "swin_unetr")}  # 64³: slow
    network, found, terms = step(name, chosen)
    assert all(torch.isfinite(term) for term in terms.values())
    assert {"scr", "ifd", "dsd/decoder", "dsd/encoder", "dsd/teacher"} <= set(terms)
    assert ("missu/kl" in terms) == ("missu" in chosen)
    assert terms["dsd/decoder"] > 0
    assert terms["dsd/encoder"] > 0
    heads = dict(found.named_parameters())
    without = [key for key, p in heads.items() if p.grad is None or not p.grad.abs().sum() > 0]
    # The pooled channels of the fusion enter with weights of 0 at the first step.
    assert all(".squeeze." in key for key in without), without
    fresh, _, _ = volumes.small(name)
    assert network.state_dict().keys() == fresh.state_dict().keys()
    assert all(parameter.grad is not None for parameter in network.parameters()) or name in (
        "swin_unetr",  # its last attention norm is not used
        "unetr",
    )


def test_every_regularizer_on_vnet() -> None:
    # 45 million weights: without content, on the device whose tensors have shapes alone.
    with meta_build():
        network = build_network("vnet", in_channels=1, out_channels=3, spatial_dims=3)
    spec, sample = tap_spec("vnet", spatial_dims=3), (2, 1, 32, 48, 32)
    found = Regularization.build(ALL, network, spec, sample=sample, n_classes=2, seed=0)
    assert all(parameter.is_meta for parameter in found.parameters())
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(sample, device="meta"))
        target = volumes.labels(sample[2:]).to("meta")
        found(taps, logits=logits, target=target, step=0).total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in found.parameters())
    of_head = [p for name, p in network.named_parameters() if name.startswith("out_tr")]
    assert of_head
    assert all(parameter.grad is None for parameter in of_head)


def test_a_network_of_somebody_elses(foreign: Foreign) -> None:
    sample = (2, 3, 8, 12)
    found = Regularization.build(
        {"dsd": {}, "missu": {}}, foreign, FOREIGN_TAPS, sample=sample, n_classes=1, seed=0
    )
    target = volumes.labels(sample[2:], classes=1)
    optimiser = torch.optim.AdamW([*foreign.parameters(), *found.parameters()], 1e-2)
    image, totals = torch.rand(sample), []
    for number in range(15):
        with FOREIGN_TAPS.open(foreign, found.blocks) as taps:
            logits = foreign(image)
            result = found(taps, logits=logits, target=target, step=number)
            loss = torch.nn.functional.cross_entropy(logits, target) + result.total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(result.total.item())
    assert totals[-1] < totals[0]


@pytest.mark.parametrize("name", ["basic_unet", "dynunet", "trans_unet"])
def test_every_regularizer_in_two_dimensions(name: str) -> None:
    _, found, terms = step(name, ALL, dims=2)
    assert all(torch.isfinite(term) for term in terms.values())
    assert found.active


@pytest.mark.parametrize("size", [(20, 17, 19), (24, 40, 18)])
@pytest.mark.parametrize("name", ["basic_unet", "trans_unet"])
def test_sizes_that_are_no_multiples_of_sixteen(name: str, size: tuple[int, ...]) -> None:
    network, spec, _ = volumes.small(name)
    found = Regularization.build(
        {"dsd": {}, "missu": {}}, network, spec, sample=(2, 1, *size), n_classes=2, seed=0
    )
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(2, 1, *size))
        result = found(taps, logits=logits, target=volumes.labels(size), step=0)
    assert torch.isfinite(result.total)
    result.total.backward()  # type: ignore[no-untyped-call]


def test_heads_take_other_sizes_than_the_sample_they_were_built_from() -> None:
    network, spec, _ = volumes.small("dynunet")
    found = Regularization.build(
        {"dsd": {}}, network, spec, sample=(2, 1, 16, 16, 16), n_classes=2, seed=0
    )
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(1, 1, 24, 16, 32))
        target = volumes.labels((24, 16, 32), batch=1)
        assert torch.isfinite(found(taps, logits=logits, target=target, step=0).total)


def test_thick_slices() -> None:
    arguments: dict[str, Any] = {
        "filters": [4, 6, 8, 10],
        "strides": [1, [1, 2, 2], [2, 2, 2], [2, 2, 2]],
    }
    network = build_network("dynunet", in_channels=1, out_channels=3, spatial_dims=3, **arguments)
    spec = tap_spec("dynunet", spatial_dims=3, **arguments)
    sample = (2, 1, 8, 32, 32)
    with pytest.raises(BadInputError, match="16 voxels or more along every axis"):
        Regularization.build({"dsd": {}}, network, spec, sample=sample, n_classes=2, seed=0)
    sample = (2, 1, 16, 32, 32)
    found = Regularization.build({"dsd": {}}, network, spec, sample=sample, n_classes=2, seed=0)
    dsd = found.members["dsd"]
    assert isinstance(dsd, DualSelfDistillation)
    assert dsd.head("B").halvings == (2, 3, 3)
    assert [*dsd.head("B").growths] == ["2x2x2", "1x2x2"]
    with spec.open(network, found.blocks) as taps:
        logits = network(torch.rand(sample))
        result = found(taps, logits=logits, target=volumes.labels(sample[2:]), step=0)
    assert torch.isfinite(result.total)


def test_swin_unetr_does_not_take_patches_of_the_hippocampus() -> None:
    network, spec, _ = volumes.small("swin_unetr")
    with pytest.raises(BadInputError, match="64 voxels or more along every axis; 32×32×32 is too"):
        Regularization.build(
            {"dsd": {}}, network, spec, sample=(1, 1, 32, 32, 32), n_classes=2, seed=0
        )
    # At 32³ its bottleneck is a single voxel, which instance normalisation cannot normalise.
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        network(torch.rand(1, 1, 32, 32, 32))
