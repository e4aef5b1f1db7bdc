"""The blocks are measured as often as there is time for it, and nothing is changed by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_selfreg.core.channels import channel_similarity
from napari_selfreg.core.redundancy import mean_similarity
from napari_selfreg.engine import block_watch
from napari_selfreg.engine.block_watch import BlockWatch
from napari_selfreg.engine.events import Event, StepDone, run
from napari_selfreg.engine.finetune import finetune
from napari_selfreg.engine.finetune_types import BlocksMeasured
from napari_selfreg.nets.feature_maps import capture
from napari_selfreg.nets.registry import build_network, tap_spec
from tests.engine.corrections import base_model, request

SMALL = {"features": [8, 8, 8, 8, 8, 8]}


@pytest.fixture
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network("basic_unet", in_channels=3, out_channels=2, **SMALL).train()


@pytest.fixture
def watch() -> BlockWatch:
    generator = torch.Generator().manual_seed(1)
    return BlockWatch(
        tap_spec("basic_unet", **SMALL), torch.rand(1, 3, 32, 32, generator=generator)
    )


def test_each_block_gets_its_numbers_and_the_network_stays_as_it_is(network, watch) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    numbers = watch.look(network)
    spec = tap_spec("basic_unet", **SMALL)
    assert tuple(numbers) == spec.blocks
    maps = capture(network, spec, watch._picture)
    expected = mean_similarity(channel_similarity(maps["B"][0].numpy()))
    assert numbers["B"].similarity == pytest.approx(expected)
    assert numbers["D1"].scr_distance == pytest.approx(
        float(maps["D1"].var(dim=1, unbiased=False).mean()), rel=1e-4
    )
    assert network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("price", [0.5, 3.0])
def test_looks_take_no_more_than_their_share_of_the_steps(
    network, watch, price: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def capture_slowly(*args: object) -> dict[str, torch.Tensor]:
        now[0] += price
        return capture(*args)

    monkeypatch.setattr(block_watch, "capture", capture_slowly)
    monkeypatch.setattr(
        block_watch, "time", type("Time", (), {"monotonic": staticmethod(lambda: now[0])})
    )
    watch._share = 0.03
    watch.look(network)
    looks = [bool(watch.after_step(network, 4.0)) for _ in range(100)]
    assert 0 < sum(watch.spent[1:]) <= 0.03 * 400
    assert int(0.03 * 400 / price) - sum(looks) in (0, 1)  # rounding may cost the last one


def test_a_watched_run_gives_the_same_weights_and_tells_what_it_saw(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    events: list[Event] = []
    plain = run(finetune(request(base)))
    watched = run(finetune(request(base, watch_blocks=True)), events.append)
    for name, value in plain.model.network.state_dict().items():
        assert torch.equal(value, watched.model.network.state_dict()[name])
    assert plain.model.card.recipe == watched.model.card.recipe
    seen = [event for event in events if isinstance(event, BlocksMeasured)]
    assert events.index(seen[0]) < next(
        number for number, event in enumerate(events) if isinstance(event, StepDone)
    )
    assert seen[0].step == 0
    assert set(seen[0].numbers) == set(base.tapspec.blocks)
    assert all(np.isfinite(one.effective_rank) for one in seen[0].numbers.values())
