from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine import skeleton
from napari_selfreg.engine.skeleton import (
    CardFault,
    build_from_card,
    meta_build,
    meta_network,
    unstored,
)
from napari_selfreg.io.bundle import open_header
from tests.bundles import example_card, tiny_bundle


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "tiny.safetensors")


def reason(path: Path) -> str:
    with pytest.raises(BadModelError) as caught:
        meta_network(open_header(path))
    return str(caught.value)


def test_a_network_is_built_without_memory(good: Path) -> None:
    network = meta_network(open_header(good))
    assert all(parameter.is_meta for parameter in network.parameters())


def test_a_card_builds_the_channels_it_names() -> None:
    card = example_card(classes=["a", "b"], separation="contour")
    with torch.inference_mode():
        logits = build_from_card(card).eval()(torch.zeros(1, 3, 16, 32))
    assert logits.shape == (1, 4, 16, 32)


def test_sizes_out_of_proportion_are_refused_before_building() -> None:
    with pytest.raises(CardFault, match="above 4096"):
        build_from_card(example_card(architecture_args={"features": [2, [3, {"x": -5000}]]}))


def test_only_tensors_outside_the_state_count_as_unstored() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3))
    network.register_buffer("ramp", torch.zeros(5), persistent=False)
    network.grid = torch.zeros(7)
    assert sorted(tensor.numel() for tensor in unstored(network)) == [5, 7]


def test_an_endless_network_is_stopped_while_it_is_built(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def endless(*args: Any, **kwargs: Any) -> nn.Module:
        while True:
            built.append(nn.Linear(1, 1))

    monkeypatch.setattr(skeleton, "build_network", endless)
    assert "more layers than the file holds" in reason(good)
    assert len(built) < 1000
    nn.Linear(1, 1)  # nothing is left behind


def test_a_network_that_hides_much_memory_is_refused(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hiding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = torch.zeros(2**20, 2**10)

    monkeypatch.setattr(skeleton, "build_network", lambda *args, **kwargs: Hiding())
    assert "far too much memory" in reason(good)


def test_building_on_meta_keeps_linspace_real() -> None:
    with meta_build():
        assert nn.Linear(2, 2).weight.is_meta
        rates = [rate.item() for rate in torch.linspace(0, 1, 3)]
    assert rates == [0.0, 0.5, 1.0]
