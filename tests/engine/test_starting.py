"""Networks that trainings begin with: crops that fit, seeds, weights of other models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import Event, run
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.starting import check_crop, new_network
from napari_selfreg.engine.train import TrainRequest, train
from tests.engine.recipes import squares, tiny_recipe


def _request(tmp_path: Path, recipe: Recipe) -> TrainRequest:
    return TrainRequest(recipe, squares(tmp_path / "data"), tmp_path / "tiny.safetensors")


@pytest.mark.parametrize(
    ("network", "crop", "reason"),
    [
        ({}, 40, "multiples of 16 from 16 on"),
        ({"architecture": "swin_unetr", "arguments": {}}, 32, "multiples of 32 from 64 on"),
        ({"architecture": "unetr", "arguments": {"img_size": 64}}, 32, "64 x 64 pixels only"),
    ],
)
def test_crops_the_network_cannot_take_are_refused(
    network: dict[str, Any], crop: int, reason: str
) -> None:
    recipe = tiny_recipe(network=network, train={"crop": crop})
    with pytest.raises(BadInputError, match=reason):
        check_crop(recipe)
    fitting = {"unetr": 64, "swin_unetr": 64}.get(recipe.network.architecture, 48)
    check_crop(tiny_recipe(network=network, train={"crop": fitting}))


@pytest.mark.parametrize("section", [{"batch": 10**10}, {"crop": 3_200_000}])
def test_steps_that_no_memory_holds_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"free: lower train\.batch or train\.crop"):
        check_crop(tiny_recipe(train=section))


def test_a_network_that_cannot_be_built_is_refused_before_an_old_state_is_moved(
    tmp_path: Path,
) -> None:
    state = tmp_path / "tiny.training" / "main"
    state.mkdir(parents=True)
    recipe = tiny_recipe(network={"arguments": {"features": [8, 8]}})
    with pytest.raises(BadModelError, match="cannot be built"):
        run(train(_request(tmp_path, recipe)))
    assert state.is_dir()


def test_networks_depend_on_the_seed_alone() -> None:
    state = torch.random.get_rng_state()
    first, again = (new_network(tiny_recipe())[0].state_dict() for _ in range(2))
    other = new_network(tiny_recipe(train={"seed": 5}))[0].state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_model_to_start_from_may_lie_beside_the_output(tmp_path: Path) -> None:
    first = run(train(_request(tmp_path, tiny_recipe(name="first", train={"seed": 3}))))
    first.output.rename(tmp_path / "first.safetensors")
    recipe = tiny_recipe(network={"start_from": "first"}, train={"learning_rate": 1e-9})
    second = run(train(_request(tmp_path, recipe)))
    states = [
        load_model(path).network.state_dict()
        for path in (tmp_path / "first.safetensors", second.output)
    ]
    head = "final_conv.weight"
    torch.testing.assert_close(states[0][head], states[1][head], atol=1e-4, rtol=0)
    (tmp_path / "first.safetensors").unlink()
    events: list[Event] = []
    with pytest.raises(BadInputError, match=r"'first'.*same folder"):
        run(train(_request(tmp_path, recipe)), events.append)
    assert not events, "told before any picture is read"


def test_a_run_can_start_from_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run(train(_request(tmp_path, tiny_recipe()))).output
    monkeypatch.setattr("napari_selfreg.engine.starting.bundled_models", lambda: {"tiny": path})
    start = load_model(path)
    monkeypatch.setattr("napari_selfreg.engine.starting.load_model", {"tiny": start}.__getitem__)
    network, _ = new_network(tiny_recipe(network={"start_from": "tiny"}))
    for name, tensor in start.network.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    # A head of other classes stays fresh, a different network is refused.
    several = tiny_recipe(network={"start_from": "tiny"}, data={"classes": ["a", "b"]})
    assert new_network(several)[0].state_dict()["final_conv.weight"].shape[0] == 4
    wide = {"start_from": "tiny", "arguments": {"features": [16, 8, 8, 8, 8, 16]}}
    with pytest.raises(BadInputError, match="start"):
        new_network(tiny_recipe(network=wide))
