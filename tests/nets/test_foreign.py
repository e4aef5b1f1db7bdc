"""SCR and IFD on networks of other people: mixed precision, checkpoints, many processes."""

from __future__ import annotations

import socket
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
TARGET = torch.randint(0, 2, (4, 16, 24), generator=torch.Generator().manual_seed(1))


def gradients(network: nn.Module, image: Tensor = IMAGE, **options: Any) -> dict[str, Tensor]:
    """Return the parameters' gradients of one regularized step, strongly weighted."""
    regularize = SelfRegularization(1.0, 1.0)
    network.zero_grad()
    with FOREIGN_TAPS.open(network) as taps:
        with torch.autocast("cpu", **{"enabled": False, **options}):
            logits = network(image)
        loss = functional.cross_entropy(logits.float(), TARGET[: len(image)])
        result = regularize(taps, FOREIGN_TAPS, step=0)
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


class Checkpointed(Foreign):
    """The same network, whose every block is computed again during backward."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("stem", "narrow", "middle", "wide", "last"):
            block = getattr(self, name)
            setattr(self, name, Again(block))


class Again(nn.Module):
    """Run a block under a checkpoint."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, maps: Tensor) -> Tensor:
        """Return what the block returns."""
        again: Tensor = checkpoint(self.block, maps, use_reentrant=False)
        return again


def test_activation_checkpointing_changes_nothing(foreign: Foreign) -> None:
    torch.manual_seed(0)
    checkpointed = Checkpointed()
    wanted = gradients(foreign)
    found = gradients(checkpointed)
    assert len(found) == len(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name.replace(".block", "")])


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_rank(rank: int, port: int, folder: str) -> None:
    """Be one of two processes: half of the batch each, gradients averaged by DDP."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    try:
        torch.manual_seed(0)
        network = DistributedDataParallel(Foreign().eval())
        part = IMAGE[2 * rank : 2 * rank + 2]
        found: dict[str, Tensor] = {}
        for _ in range(2):  # the second pass meets DDP's rebuilt buckets
            found = gradients(network, part)
        torch.save(found, Path(folder) / f"{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


def test_two_processes_agree_on_averaged_gradients(tmp_path: Path) -> None:
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    torch.multiprocessing.spawn(one_rank, (free_port(), str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{r}.pt", weights_only=True) for r in range(2))
    torch.manual_seed(0)
    alone = Foreign().eval()
    halves = [gradients(alone, IMAGE[start : start + 2]) for start in (0, 2)]
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
