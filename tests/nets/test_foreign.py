"""SCR and IFD on networks of other people: mixed precision, checkpoints, many processes."""

from __future__ import annotations

import copy
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from napari_selfreg.nets.selfreg import SelfRegularization
from napari_selfreg.nets.tapspec import TapSpec
from tests.foreign import import_smp
from tests.nets.conftest import FOREIGN_TAPS, Foreign, hook_count

IMAGE = torch.rand(4, 3, 16, 24, generator=torch.Generator().manual_seed(0))
KINDS = ("own", "smp")
TARGET = torch.randint(0, 2, (4, 16, 24), generator=torch.Generator().manual_seed(1))


def gradients(
    network: nn.Module, image: Tensor = IMAGE, spec: TapSpec = FOREIGN_TAPS, **options: Any
) -> dict[str, Tensor]:
    """Return the parameters' gradients of one regularized step, strongly weighted."""
    regularize = SelfRegularization(1.0, 1.0)
    network.zero_grad()
    with spec.open(network) as taps:
        with torch.autocast("cpu", **{"enabled": False, **options}):
            logits = network(image)
        loss = functional.cross_entropy(logits.float(), (image[:, 0] > 0.5).long())
        result = regularize(taps, spec, step=0)
        (loss + result.total).backward()
    assert result.total.dtype == torch.float32
    assert torch.isfinite(result.total)
    assert hook_count(network) == 0
    return {
        name: parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def test_the_five_lines_of_the_documentation(foreign: Foreign) -> None:
    network, image, target = foreign, IMAGE, TARGET
    spec = TapSpec.propose(network, (1, 3, 256, 256)).tapspec
    assert spec is not None
    regularize = SelfRegularization(lambda_scr=0.015, lambda_ifd=0.015)
    with spec.open(network) as taps:
        loss = functional.cross_entropy(network(image), target) + regularize(taps, spec).total
    loss.backward()
    plain = functional.cross_entropy(network(image), target)
    assert loss.item() > plain.item()
    assert foreign.stem[0].weight.grad is not None  # type: ignore[index, union-attr]


def test_a_few_steps_lower_loss_and_terms(foreign: Foreign) -> None:
    regularize = SelfRegularization(0.1, 0.1)
    optimiser = torch.optim.Adam(foreign.parameters(), 0.01)
    losses, terms = [], []
    for step in range(25):
        with FOREIGN_TAPS.open(foreign) as taps:
            loss = functional.cross_entropy(foreign(IMAGE), TARGET)
            result = regularize(taps, FOREIGN_TAPS, step=step)
        optimiser.zero_grad()
        (loss + result.total).backward()
        optimiser.step()
        losses.append(loss.item())
        terms.append(result.total.item())
    assert losses[-1] < losses[0]
    assert terms[-1] < 0.8 * terms[0]


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_mixed_precision(foreign: Foreign, form: torch.memory_format) -> None:
    network = foreign.to(memory_format=form)
    image = IMAGE.contiguous(memory_format=form)
    with FOREIGN_TAPS.open(network) as taps, torch.autocast("cpu", torch.bfloat16):
        network(image)
        assert taps["B"].dtype == torch.bfloat16
    exact = gradients(network, image)
    mixed = gradients(network, image, enabled=True, dtype=torch.bfloat16)
    one, other = (torch.cat([g.flatten() for g in found.values()]) for found in (exact, mixed))
    # Rounding moves the network's own gradients by as much; direction and size are the same.
    assert functional.cosine_similarity(one, other, dim=0) > 0.97
    assert other.norm().item() == pytest.approx(one.norm().item(), rel=0.1)


class Again(nn.Module):
    """Run a block under a checkpoint: it is computed once more during backward."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, *args: Any, **options: Any) -> Any:
        """Return what the block returns."""
        return checkpoint(self.block, *args, use_reentrant=False, **options)


def checkpointed(network: nn.Module, blocks: Iterable[str]) -> nn.Module:
    """Return a copy in which some blocks are computed again."""
    network = copy.deepcopy(network)
    for name in blocks:
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, Again(network.get_submodule(name)))
    return network


@dataclass
class Case:
    """A network of other people, with its taps, a picture, and blocks for checkpoints."""

    network: nn.Module
    spec: TapSpec
    image: Tensor
    blocks: tuple[str, ...]


def case_of(kind: str) -> Case:
    """Return the network that this test package holds, or one that people use."""
    torch.manual_seed(0)
    if kind == "own":
        blocks = ("stem", "narrow", "middle", "wide", "last")
        return Case(Foreign().eval(), FOREIGN_TAPS, IMAGE, blocks)
    network = import_smp().Unet("efficientnet-b0", encoder_weights=None, classes=2).eval()
    spec = TapSpec.propose(network, (1, 3, 64, 96)).tapspec
    assert spec is not None
    image = torch.rand(4, 3, 64, 96)
    blocks = tuple(f"decoder.blocks.{i}" for i in range(5))
    return Case(network, spec, image, ("encoder._blocks.3", "encoder._blocks.10", *blocks))


@pytest.mark.parametrize("kind", KINDS)
def test_activation_checkpointing_changes_nothing(kind: str) -> None:
    case = case_of(kind)
    wanted = gradients(case.network, case.image, case.spec)
    found = gradients(checkpointed(case.network, case.blocks), case.image, case.spec)
    assert len(found) == len(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name.replace(".block.", ".")])


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_rank(rank: int, kind: str, port: int, folder: str) -> None:
    """Be one of two processes: half of the batch each, gradients averaged by DDP."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    try:
        case = case_of(kind)
        # An efficientnet as an encoder keeps a last convolution that nothing is computed with.
        network = DistributedDataParallel(case.network, find_unused_parameters=kind == "smp")
        part = case.image[2 * rank : 2 * rank + 2]
        found: dict[str, Tensor] = {}
        for _ in range(2):  # the second pass meets DDP's rebuilt buckets
            found = gradients(network, part, case.spec)
        torch.save(found, Path(folder) / f"{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_agree_on_averaged_gradients(tmp_path: Path, kind: str) -> None:
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    torch.multiprocessing.spawn(one_rank, (kind, free_port(), str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{r}.pt", weights_only=True) for r in range(2))
    case = case_of(kind)
    halves = [gradients(case.network, case.image[start : start + 2], case.spec) for start in (0, 2)]
    assert len(first) == len(halves[0])
    for name, gradient in first.items():
        assert torch.equal(gradient, second[name])
        plain = name.removeprefix("module.")
        torch.testing.assert_close(gradient, (halves[0][plain] + halves[1][plain]) / 2)


def test_unet_of_segmentation_models_pytorch() -> None:
    smp = import_smp()
    torch.manual_seed(0)
    network = smp.Unet("efficientnet-b0", encoder_weights=None, classes=2)
    spec = TapSpec.propose(network, (1, 3, 64, 96)).tapspec
    assert spec is not None
    assert spec.blocks == ("E2", "E3", "E4", "E5", "B", "D5", "D4", "D3", "D2", "D1")
    assert spec.size_multiple == 32
    regularize = SelfRegularization()
    image = torch.rand(2, 3, 64, 96)
    with spec.open(network) as taps:
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(image)
        shapes = {block: tuple(tap.shape[1:]) for block, tap in taps.items()}
        result = regularize(taps, spec)
        (logits.float().square().mean() + result.total).backward()
    strides = [2, 4, 8, 16, 32, 16, 8, 4, 2, 1]
    for block, stride in zip(spec.blocks, strides, strict=True):
        assert shapes[block][1:] == (64 // stride, 96 // stride)
    assert shapes["D1"][0] == network.segmentation_head[0].in_channels
    assert torch.isfinite(result.total)
    assert len(result.terms) == 2 + 2 * 9
    assert hook_count(network) == 0
