"""Training state: exact round trips, refusals, nothing pickled."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.checkpoint import (
    TrainingProgress,
    load_state,
    read_progress,
    read_tensors,
    save_state,
    write_tensors,
)


def _parts(seed: int) -> tuple[nn.Module, AveragedModel, torch.optim.Optimizer]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    return network, AveragedModel(network), torch.optim.AdamW(network.parameters(), lr=0.1)


def _step(network: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> None:
    picture = torch.ones(2, 3, 5, 5) * torch.arange(5.0)
    loss = network(picture).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    average.update_parameters(network)


def test_a_restored_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    first, second = _parts(0), _parts(1)
    _step(*first)
    save_state(tmp_path / "s.safetensors", *first, TrainingProgress(step=1, best_dice=0.5))
    progress = load_state(tmp_path / "s.safetensors", *second)
    assert (progress.step, progress.best_dice) == (1, 0.5)
    _step(*first)
    _step(*second)
    for mine, theirs in ((first[0], second[0]), (first[1], second[1])):
        for name, tensor in mine.state_dict().items():
            assert torch.equal(tensor, theirs.state_dict()[name]), name


def test_progress_can_be_read_alone(tmp_path: Path) -> None:
    save_state(tmp_path / "s.safetensors", *_parts(0), TrainingProgress(step=7, finished=True))
    assert read_progress(tmp_path / "s.safetensors") == TrainingProgress(step=7, finished=True)


def test_another_network_s_state_is_refused(tmp_path: Path) -> None:
    parts = _parts(0)
    _step(*parts)
    save_state(tmp_path / "s.safetensors", *parts, TrainingProgress())
    wide = nn.Conv2d(3, 9, 3)
    with pytest.raises(BadInputError, match="--resume"):
        load_state(
            tmp_path / "s.safetensors",
            wide,
            AveragedModel(wide),
            torch.optim.AdamW(wide.parameters()),
        )


@pytest.mark.parametrize("content", [b"", b"\x00" * 20, pickle.dumps({"step": 1})])
def test_damaged_and_pickled_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.safetensors").write_bytes(content)
    with pytest.raises(BadInputError, match=r"s\.safetensors"):
        read_tensors(tmp_path / "s.safetensors")


def test_a_file_without_progress_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "s.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(BadInputError, match="damaged"):
        read_progress(tmp_path / "s.safetensors")
