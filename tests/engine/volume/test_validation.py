from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.volume import validation
from napari_selfreg.engine.volume.sampling import Case
from napari_selfreg.engine.volume.validation import class_dice, volume_logits
from napari_selfreg.nets.tapspec import Tap, TapSpec

CPU: dict[str, Any] = {"dtype": torch.float32, "device": torch.device("cpu")}


class Threshold(nn.Module):
    """Class 1 above 0, and a note of the sizes it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, volumes: Tensor) -> Tensor:
        self.seen.append(tuple(volumes.shape[2:]))
        return torch.cat([torch.zeros_like(volumes), volumes], dim=1)


def _spec(multiple: int = 8, fixed: tuple[int, ...] | None = None) -> TapSpec:
    return TapSpec((Tap("D1", ""),), 3, size_multiple=multiple, min_size=8, fixed_size=fixed)


def _case(labels: np.ndarray) -> Case:
    voxels = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    return Case("a", voxels, labels.astype(np.uint8))


@pytest.mark.parametrize(("shape", "seen"), [((9, 16, 5), (16, 16, 8)), ((8, 8, 8), (8, 8, 8))])
def test_volumes_are_continued_to_a_size_the_network_takes(
    shape: tuple[int, int, int], seen: tuple[int, int, int]
) -> None:
    network = Threshold()
    voxels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    logits = volume_logits(network, voxels, _spec(), **CPU)
    assert network.seen == [seen]
    assert logits.shape == (2, *shape)
    assert np.array_equal(logits[1].numpy(), voxels)


def test_a_network_of_one_size_sees_overlapping_windows() -> None:
    network = Threshold()
    voxels = np.random.default_rng(0).normal(size=(20, 10, 16)).astype(np.float32)
    logits = volume_logits(network, voxels, _spec(fixed=(16, 16, 16)), **CPU)
    assert set(network.seen) == {(16, 16, 16)}
    assert np.allclose(logits[1].numpy(), voxels, atol=1e-5)


def test_large_volumes_go_through_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "_WHOLE", 1000)
    monkeypatch.setattr(validation, "_SMALLEST_WINDOW", 12)
    network = Threshold()
    voxels = np.random.default_rng(0).normal(size=(24, 20, 40)).astype(np.float32)
    logits = volume_logits(network, voxels, _spec(), **CPU)
    assert set(network.seen) == {(16, 16, 16)}
    assert np.allclose(logits[1].numpy(), voxels, atol=1e-5)


def test_dice_by_hand() -> None:
    case = _case(np.zeros((8, 8, 8)))
    case.voxels[...] = -1.0
    case.voxels[:4] = 1.0  # found: 256 voxels
    case.labels[2:6] = 1  # truth: 256, of which 128 are found
    assert class_dice(Threshold(), [case], _spec(), 1, **CPU).tolist() == [[0.5]]


def test_ignored_voxels_do_not_count() -> None:
    case = _case(np.zeros((8, 8, 8)))
    case.voxels[...] = 1.0
    case.labels[...] = IGNORE
    case.labels[:2] = 1
    assert class_dice(Threshold(), [case], _spec(), 1, **CPU).tolist() == [[1.0]]
    case.labels[2:4] = 0
    assert class_dice(Threshold(), [case], _spec(), 1, **CPU)[0, 0] == pytest.approx(2 / 3)


def test_a_class_neither_there_nor_found_is_right() -> None:
    case = _case(np.zeros((8, 8, 8)))
    case.voxels[...] = -1.0
    assert class_dice(Threshold(), [case, case], _spec(), 2, **CPU).tolist() == [[1.0, 1.0]] * 2
