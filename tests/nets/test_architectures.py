"""Every registered architecture: it builds, its taps exist, its sizes are as stated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.skeleton import meta_build
from napari_selfreg.nets.registry import architectures, build_network, tap_spec
from napari_selfreg.nets.selfreg import SelfRegularization
from napari_selfreg.nets.tapspec import TapSpec


@dataclass(frozen=True)
class Case:
    """A small variant of one architecture, and ``(channels, stride)`` of each tap."""

    name: str
    dims: int
    args: dict[str, Any]
    size: int
    maps: dict[str, tuple[int, int]]
    channels: int = 3

    def __str__(self) -> str:
        return f"{self.name}-{self.dims}d"


def levels(down: list[int], up: list[int]) -> dict[str, tuple[int, int]]:
    """Return ``(channels, stride)`` by block for strides of 1, 2, 4…"""
    names = [f"E{i + 1}" for i in range(len(down) - 1)] + ["B"]
    maps = {name: (width, 2**i) for i, (name, width) in enumerate(zip(names, down, strict=True))}
    for index, width in enumerate(up):
        level = len(up) - index
        maps[f"D{level}"] = (width, 2 ** (level - 1))
    return maps


BASIC = levels([4, 6, 8, 10, 12], [10, 8, 6, 4])
GATED = levels([4, 6, 8, 10], [8, 6, 4])
SWIN = levels([12, 12, 24, 48, 96, 192], [96, 48, 24, 12, 12])
VIT = levels([4, 8, 16, 32, 24], [32, 16, 8, 4])
# The transformer works at the size of the level before it.
TRANS = levels([4, 8, 16, 32, 32], [16, 8, 4]) | {"B": (32, 8)}
SMALL_TRANS = {"base": 4, "blocks": [1] * 4, "hidden": 16, "layers": 1, "heads": 2, "mlp": 16}
SMALL_VIT = {"feature_size": 4, "hidden_size": 24, "mlp_dim": 32, "num_heads": 2}
CASES = [
    Case("basic_unet", 2, {"features": [4, 6, 8, 10, 12, 4]}, 32, BASIC),
    Case("basic_unet", 3, {"features": [4, 6, 8, 10, 12, 4]}, 16, BASIC),
    Case("attention_unet", 2, {"channels": [4, 6, 8, 10]}, 32, GATED),
    Case("attention_unet", 3, {"channels": [4, 6, 8, 10]}, 16, GATED),
    Case("dynunet", 2, {"filters": [4, 6, 8, 10]}, 32, GATED),
    Case("dynunet", 3, {"filters": [4, 6, 8, 10], "norm": "batch", "res_block": True}, 16, GATED),
    Case("swin_unetr", 2, {"feature_size": 12, "depths": [1, 1, 1, 1]}, 64, SWIN),
    Case("swin_unetr", 3, {"feature_size": 12, "depths": [1] * 4, "window_size": 2}, 64, SWIN),
    Case("unetr", 2, {"img_size": [32, 48], **SMALL_VIT}, 32, VIT),
    Case("unetr", 3, {"img_size": 32, **SMALL_VIT}, 32, VIT),
    Case("selfreg_unet_paper", 2, {"base": 4}, 32, levels([4, 8, 16, 32, 32], [16, 8, 4, 4])),
    Case(
        "selfreg_unet_paper",
        2,
        {"base": 4, "bilinear": False},
        32,
        levels([4, 8, 16, 32, 64], [32, 16, 8, 4]),
    ),
    Case("trans_unet", 2, {**SMALL_TRANS, "grid": 3}, 16, TRANS),
    Case("trans_unet", 3, {**SMALL_TRANS, "grid": [1, 2, 2]}, 16, TRANS),
    Case("vnet", 3, {}, 32, levels([16, 32, 64, 128, 256], [256, 128, 64, 32]), channels=1),
]


def network_and_taps(case: Case) -> tuple[nn.Module, TapSpec]:
    """Build a case."""
    torch.manual_seed(0)
    network = build_network(
        case.name,
        in_channels=case.channels,
        out_channels=2,
        spatial_dims=case.dims,
        **case.args,
    )
    return network, tap_spec(case.name, spatial_dims=case.dims, **case.args)


def image_for(case: Case, spec: TapSpec, batch: int = 2) -> torch.Tensor:
    """Return a picture of a size the case accepts, not square where possible."""
    if spec.fixed_size is not None:
        return torch.rand(batch, case.channels, *spec.fixed_size)
    longer = case.size + (spec.size_multiple if case.dims == 2 else 0)
    return torch.rand(batch, case.channels, *[case.size] * (case.dims - 1), longer)


def test_all_registered_architectures_have_a_case() -> None:
    wanted = {(name, d) for name, entry in architectures().items() for d in entry.spatial_dims}
    assert {(case.name, case.dims) for case in CASES} == wanted


@pytest.mark.parametrize("case", CASES, ids=str)
def test_taps_have_the_stated_channels_and_strides(case: Case) -> None:
    network, spec = network_and_taps(case)
    image = image_for(case, spec)
    with torch.no_grad(), spec.open(network) as taps:
        logits = network(image)
        shapes = {block: tuple(tap.shape[1:]) for block, tap in taps.items()}
    assert logits.shape == (2, 2, *image.shape[2:])
    assert spec.blocks == tuple(case.maps)
    for block, (channels, stride) in case.maps.items():
        assert shapes[block] == (channels, *(side // stride for side in image.shape[2:])), block


@pytest.mark.parametrize("case", CASES, ids=str)
def test_regularizes_in_training(case: Case) -> None:
    network, spec = network_and_taps(case)
    with spec.open(network) as taps:
        network(image_for(case, spec))
        result = SelfRegularization()(taps, spec)
    result.total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(result.total)
    assert len(result.terms) == 2 + 2 * len(spec.student_blocks)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    heads = [
        p for n, p in network.named_parameters() if n.startswith(("final_conv", "head", "out_tr"))
    ]
    assert all(parameter.grad is None for parameter in heads)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_smallest_size_works_and_taps_survive_json(case: Case) -> None:
    network, spec = network_and_taps(case)
    smallest = spec.fixed_size or (max(spec.min_size, spec.size_multiple),) * case.dims
    assert all(side % spec.size_multiple == 0 for side in smallest)
    assert network(torch.rand(2, case.channels, *smallest)).shape[2:] == smallest
    assert TapSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize("case", CASES, ids=str)
def test_builds_on_the_meta_device_with_each_tensor_named_once(case: Case) -> None:
    network, _ = network_and_taps(case)
    with meta_build():
        ghost, _ = network_and_taps(case)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    assert {name: tensor.shape for name, tensor in ghost.state_dict().items()} == shapes
    pointers = [t.data_ptr() for t in network.state_dict().values() if t.numel()]
    assert len(set(pointers)) == len(pointers)


def test_default_network_is_the_stated_one() -> None:
    network = build_network("basic_unet", in_channels=3, out_channels=3)
    kinds = {type(module) for module in network.modules()}
    assert {nn.ReLU, nn.BatchNorm2d} <= kinds
    assert nn.LeakyReLU not in kinds
    assert network.down_4.convs.conv_1.conv.out_channels == 256  # type: ignore[union-attr]


@pytest.mark.parametrize(("bilinear", "bottleneck"), [(True, 512), (False, 1024)])
def test_paper_network_has_the_papers_widths(bilinear: bool, bottleneck: int) -> None:
    args = {"bilinear": bilinear}
    with torch.device("meta"):
        network = build_network("selfreg_unet_paper", in_channels=1, out_channels=9, **args)
        spec = tap_spec("selfreg_unet_paper", **args)
        with spec.open(network) as taps:
            network(torch.zeros(1, 1, 224, 224))
            shapes = {block: tuple(tap.shape[1:3]) for block, tap in taps.items()}
    half = 2 if bilinear else 1
    assert shapes == {
        "E1": (64, 224),
        "E2": (128, 112),
        "E3": (256, 56),
        "E4": (512, 28),
        "B": (bottleneck, 14),
        "D4": (512 // half, 28),
        "D3": (256 // half, 56),
        "D2": (128 // half, 112),
        "D1": (64, 224),
    }


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("basic_unet", {"features": [4, 4]}),
        ("basic_unet", {"no_such_option": 1}),
        ("attention_unet", {"channels": [4, 8]}),
        ("attention_unet", {"channels": [4, 8, 8], "strides": [2]}),
        ("dynunet", {"filters": [4, 8, 8], "strides": [2, 2, 2]}),
        ("dynunet", {"norm": "layer"}),
        ("swin_unetr", {"feature_size": 10}),
        ("unetr", {"img_size": 40}),
        ("selfreg_unet_paper", {"spatial_dims": 3}),
        ("trans_unet", {"blocks": [1, 2]}),
        ("trans_unet", {"grid": [2, 2, 2]}),
        ("trans_unet", {"hidden": 10, "heads": 4}),
        ("vnet", {"spatial_dims": 2}),
        ("vnet", {"spatial_dims": 3}),  # three channels: it repeats them to 16
        ("no_such_network", {}),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(BadModelError, match=name):
        build_network(name, in_channels=3, out_channels=2, **args)
