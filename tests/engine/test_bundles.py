from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.bundles import load_model, save_bundle
from napari_selfreg.engine.skeleton import build_from_card
from napari_selfreg.io.bundle import CARD_KEY, read_card, read_header, read_tensors, write_bundle
from napari_selfreg.nets.registry import tap_spec
from napari_selfreg.nets.tapspec import Tap, TapSpec
from tests import bundles
from tests.bundles import FEATURES, example_card, join_file, split_file, tiny_bundle, with_card


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "tiny.safetensors")


class Foreign(nn.Module):
    """A network this package knows nothing of."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Conv2d(width, 2, 1)
        self.register_buffer("ramp", torch.linspace(0, 1, width), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.down(x)) * self.ramp[:, None, None])


FOREIGN_TAPS = TapSpec((Tap("D1", "norm"),), size_multiple=1, min_size=1)


def test_a_loaded_model_gives_the_very_logits_of_the_saved_network(tmp_path: Path) -> None:
    card = example_card(separation="contour")
    network = build_from_card(card)
    network(torch.rand(2, 3, 32, 32))  # running statistics and num_batches_tracked move
    path = tmp_path / "m.safetensors"
    spec = tap_spec("basic_unet")
    stored = save_bundle(network, spec, card, path)
    model = load_model(path)
    picture = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        assert torch.equal(model.network(picture), network.eval()(picture))
    assert model.network.training is False
    assert model.card == stored
    assert model.tapspec == spec
    assert model.path == path
    counter = "conv_0.conv_0.adn.N.num_batches_tracked"
    assert model.network.state_dict()[counter] == 1


def test_a_loaded_model_can_be_trained_on(good: Path) -> None:
    network = load_model(good).network.train()
    network(torch.rand(1, 3, 32, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_half_precision_storage_halves_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    card = example_card()
    network = build_from_card(card).eval()
    for storage in ("float32", "float16"):
        save_bundle(
            network,
            tap_spec("basic_unet"),
            card,
            tmp_path / f"{storage}.safetensors",
            storage=storage,  # type: ignore[arg-type]
        )
    half = load_model(tmp_path / "float16.safetensors")
    assert {parameter.dtype for parameter in half.network.parameters()} == {torch.float32}
    picture = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(half.network(picture), network(picture), atol=5e-3, rtol=0)
    header = read_header(tmp_path / "float16.safetensors")
    assert header["conv_0.conv_0.conv.weight"].dtype == "F16"
    assert header["conv_0.conv_0.adn.N.running_var"].dtype == "F32"


def test_weights_too_large_for_half_precision_stay_as_they_are(tmp_path: Path) -> None:
    network = Foreign()
    with torch.no_grad():
        network.head.weight.fill_(1e6)
    path = tmp_path / "m.safetensors"
    save_bundle(
        network, FOREIGN_TAPS, example_card(architecture="external"), path, storage="float16"
    )
    assert read_header(path)["head.weight"].dtype == "F32"


def test_a_foreign_network_is_saved_and_loaded_into_a_given_one(tmp_path: Path) -> None:
    network = Foreign().eval()
    path = tmp_path / "foreign.safetensors"
    save_bundle(network, FOREIGN_TAPS, example_card(architecture="external"), path)
    assert "ramp" not in read_tensors(path)
    given = Foreign()
    model = load_model(path, network=given)
    assert model.network is given
    picture = torch.rand(1, 3, 8, 8)
    assert torch.equal(model.network(picture), network(picture))
    with pytest.raises(BadModelError, match="network="):
        load_model(path)
    with pytest.raises(BadModelError, match="shape"):
        load_model(path, network=Foreign(width=5))


def test_an_architecture_registered_by_another_package_loads_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.nets import registry
    from napari_selfreg.nets.architecture import ArchitectureEntry

    entry = ArchitectureEntry(
        name="their_net",
        build=lambda *, in_channels, out_channels, spatial_dims, width=4: Foreign(width),
        tap_spec=lambda *, spatial_dims, **_: FOREIGN_TAPS,
    )

    class Point:
        name = "their_net"

        def load(self) -> ArchitectureEntry:
            return entry

    monkeypatch.setattr(registry, "entry_points", lambda **_: [Point()])
    path = tmp_path / "theirs.safetensors"
    network = Foreign(6).eval()
    card = example_card(architecture="their_net", architecture_args={"width": 6})
    save_bundle(network, FOREIGN_TAPS, card, path)
    model = load_model(path)
    picture = torch.rand(1, 3, 8, 8)
    # The ramp is not stored: it must be real after loading, not left on the meta device.
    assert torch.equal(model.network(picture), network(picture))
    monkeypatch.setattr(registry, "entry_points", lambda **_: [])
    assert "their_net" in refused(path)


def test_saving_weights_under_the_wrong_architecture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    card = example_card(architecture_args={"features": [8, *FEATURES[1:]]})
    with pytest.raises(BadModelError, match="do not belong to the architecture 'basic_unet'"):
        save_bundle(build_from_card(example_card()), tap_spec("basic_unet"), card, path)
    assert not path.exists()


def test_diverged_weights_are_not_saved(tmp_path: Path) -> None:
    network = Foreign()
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    path = tmp_path / "m.safetensors"
    with pytest.raises(BadModelError, match="not finite"):
        save_bundle(network, FOREIGN_TAPS, example_card(architecture="external"), path)
    assert not path.exists()


def saved(tmp_path: Path, network: nn.Module) -> Path:
    path = tmp_path / "any.safetensors"
    save_bundle(network, ONE_TAP, example_card(architecture="external"), path)
    return path


class One(nn.Module):
    """One layer and whatever a test adds to it."""

    def __init__(self, **tensors: torch.Tensor) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


ONE_TAP = TapSpec((Tap("D1", "layer"),))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_networks_of_other_precisions_are_saved_and_loaded_in_float32(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    network = One().to(dtype)
    path = saved(tmp_path, network)
    for given in (One(), One().to(dtype)):
        loaded = load_model(path, network=given).network.layer.weight
        assert loaded.dtype == torch.float32
        assert torch.equal(loaded, network.layer.weight.to(torch.float32))


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, AveragedModel, partial(torch.compile, backend="eager")]
)
def test_wrappers_are_taken_off(tmp_path: Path, wrap: Callable[[nn.Module], nn.Module]) -> None:
    network = One()
    loaded = load_model(saved(tmp_path, wrap(network)), network=One()).network
    assert torch.equal(loaded.layer.weight, network.layer.weight)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (One(odd=torch.zeros(2, dtype=torch.complex64)), "odd holds 1-D complex64"),
        (One(odd=torch.zeros(2, dtype=torch.int16)), "odd holds 1-D int16"),
        (One(odd=torch.zeros([1] * 9)), "odd holds 9-D float32"),
        (One(odd=torch.eye(3).to_sparse()), "odd is no plain tensor"),
        (One(odd=torch.zeros(2, device="meta")), "odd is no plain tensor"),
        (nn.Sequential(nn.Conv2d(3, 2, 1)), "no module 'layer'"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(
    tmp_path: Path, network: nn.Module, reason: str
) -> None:
    with pytest.raises(BadModelError, match=reason):
        saved(tmp_path, network)
    assert not list(tmp_path.iterdir())


def test_a_state_that_is_no_tensor_is_not_saved(tmp_path: Path) -> None:
    class Remembering(One):
        def get_extra_state(self) -> dict[str, int]:
            return {"seen": 1}

        def set_extra_state(self, state: object) -> None: ...

    with pytest.raises(BadModelError, match="_extra_state is no plain tensor"):
        saved(tmp_path, Remembering())


def test_odd_tensor_names_and_empty_networks_are_not_saved(tmp_path: Path) -> None:
    odd = nn.ModuleDict({"layer": nn.Conv2d(1, 1, 1), "two words": nn.Conv2d(1, 1, 1)})
    with pytest.raises(BadModelError, match=r"tensor name 'two words\.weight'"):
        saved(tmp_path, odd)
    with pytest.raises(BadModelError, match="has 0 tensors"):
        saved(tmp_path, nn.ModuleDict({"layer": nn.ReLU()}))


def refused(path: Path) -> str:
    return bundles.refused(load_model, path)


def rewrite(path: Path, change: Any) -> Path:
    arrays = read_tensors(path)
    change(arrays)
    write_bundle(path, read_card(path), arrays)
    return path


KERNEL = "conv_0.conv_0.conv.weight"


def test_missing_extra_and_wrong_tensors_are_named(tmp_path: Path) -> None:
    missing = rewrite(tiny_bundle(tmp_path / "a.safetensors"), lambda arrays: arrays.pop(KERNEL))
    assert f"{KERNEL} is missing" in refused(missing)
    extra = rewrite(
        tiny_bundle(tmp_path / "b.safetensors"),
        lambda arrays: arrays.update(backdoor=np.zeros(3, np.float32)),
    )
    assert "backdoor" in refused(extra)
    shape = rewrite(
        tiny_bundle(tmp_path / "c.safetensors"),
        lambda arrays: arrays.update({KERNEL: arrays[KERNEL][:2]}),
    )
    assert "shape (2, 3, 3, 3)" in refused(shape)
    dtype = rewrite(
        tiny_bundle(tmp_path / "d.safetensors"),
        lambda arrays: arrays.update({KERNEL: arrays[KERNEL].astype(np.int32)}),
    )
    assert "I32" in refused(dtype)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"features": [10**9] * 6}, "above 4096"),
        ({"features": [4096] * 6}, "shape"),
        ({"features": [4] * 5}, "do not make a network"),
        ({"features": [-4] * 6}, "do not make a network"),
        ({"features": [0] * 6}, "shape|do not make"),
        ({"features": "wide"}, "do not make a network"),
        ({"features": [4] * 400}, "too many"),
        ({"unknown": 1}, "do not make a network"),
        ({"in_channels": 3}, "twice"),
        ({"spatial_dims": 2}, "twice"),
        ({"name": "basic_unet"}, "twice"),
        ({"act": "__import__('os').system"}, "do not make a network"),
        ({"norm": ["batch", {"num_features": 9}]}, "do not make a network"),
    ],
)
def test_hostile_architecture_arguments_are_refused(
    good: Path, arguments: dict[str, Any], fault: str
) -> None:
    import re

    message = refused(with_card(good, architecture_args=arguments))
    assert re.search(fault, message), message


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_huge_widths_take_no_memory(good: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(with_card(good, architecture_args={"features": [4096] * 6}))  # 5 GB if it were real
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 300 * 1024


@pytest.mark.parametrize(
    "taps",
    [
        {},
        {"taps": 3},
        {"taps": [{"block": "D1", "module": "no.such.module"}]},
        {"taps": [{"block": "X9", "module": "upcat_1"}]},
        {"taps": [{"block": "D1", "module": "upcat_1", "adapter": "eval"}]},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "size_multiple": 10**9},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "size_multiple": 1.5},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "min_size": 10**9},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "fixed_size": [10**9, 10**9]},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "spatial_dims": 3},
        {"taps": [{"block": "D1", "module": "upcat_1"}], "fixed_size": [100, 100]},
    ],
)
def test_hostile_taps_are_refused(good: Path, taps: dict[str, Any]) -> None:
    assert "tap" in refused(with_card(good, taps=taps))


@pytest.mark.parametrize("multiple", [1, 8, 24])
def test_taps_that_allow_too_much_are_made_to_fit(good: Path, multiple: int) -> None:
    taps = {"taps": [{"block": "D1", "module": "upcat_1"}], "size_multiple": multiple}
    spec = load_model(with_card(good, taps={**taps, "min_size": 1})).tapspec
    assert (spec.size_multiple, spec.min_size) == (16, 16)


def test_taps_may_allow_less_than_the_network_takes(good: Path) -> None:
    taps = {"taps": [{"block": "D1", "module": "upcat_1"}], "size_multiple": 32, "min_size": 64}
    spec = load_model(with_card(good, taps=taps)).tapspec
    assert (spec.size_multiple, spec.min_size) == (32, 64)


def test_unknown_architectures_and_channel_counts_that_do_not_fit_are_refused(good: Path) -> None:
    assert "'resnet9000'" in refused(with_card(good, architecture="resnet9000"))
    assert "shape" in refused(with_card(good, architecture="basic_unet", classes=["a", "b", "c"]))


def test_a_hostile_card_inside_sound_tensors_is_refused(good: Path) -> None:
    header, data = split_file(good)
    card = json.loads(header["__metadata__"][CARD_KEY])
    card["um_per_px"] = [float("nan"), 1.0]
    header["__metadata__"][CARD_KEY] = json.dumps(card)
    assert "not finite" in refused(join_file(good, header, data))


def test_a_torch_file_renamed_is_refused_without_running_it(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    torch.save(Foreign().state_dict(), path)
    assert "may run code" in refused(path)


@pytest.mark.slow
def test_every_registered_architecture_survives_a_bundle(tmp_path: Path) -> None:
    from napari_selfreg.nets.registry import architectures

    small: dict[str, dict[str, Any]] = {
        "attention_unet": {"channels": [4, 8, 16]},
        "basic_unet": {"features": FEATURES},
        "dynunet": {"filters": [4, 8, 8, 16]},
        "selfreg_unet_paper": {"base": 4},
        "swin_unetr": {"feature_size": 12},
        "trans_unet": {"base": 4, "hidden": 16, "layers": 1, "heads": 2, "mlp": 16, "grid": 2},
        "unetr": {"feature_size": 4, "hidden_size": 48, "mlp_dim": 96, "num_heads": 4},
    }
    for name, entry in architectures().items():
        if 2 not in entry.spatial_dims:
            continue
        arguments = small.get(name, {})
        card = example_card(architecture=name, architecture_args=arguments)
        network = build_from_card(card).eval()
        path = tmp_path / f"{name}.safetensors"
        spec = tap_spec(name, **arguments)
        save_bundle(network, spec, card, path)
        loaded = load_model(path).network
        side = spec.fixed_size[0] if spec.fixed_size else max(64, spec.min_size)
        picture = torch.rand(1, 3, side, side)
        with torch.inference_mode():
            assert torch.equal(loaded(picture), network(picture)), name
