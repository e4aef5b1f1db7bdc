"""Maps of the blocks: what is captured, and its pictures against arrays and the regularizers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_selfreg.core import maps as of_arrays
from napari_selfreg.core.channels import ifd_order, spread_keys
from napari_selfreg.core.errors import BadInputError, BadModelError
from napari_selfreg.core.moments import moments
from napari_selfreg.core.redundancy import ifd_value
from napari_selfreg.nets.feature_maps import capture, cosine_to, energy, scr_residual
from napari_selfreg.nets.ifd import ifd_terms
from napari_selfreg.nets.ifd import spread_keys as published_keys
from napari_selfreg.nets.registry import architectures, build_network, tap_spec
from napari_selfreg.nets.scr import scr_terms
from napari_selfreg.nets.tapspec import TapSpec
from tests.nets.conftest import FOREIGN_TAPS, Foreign, MakeMaps, hook_count

IMAGE = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
SMALL = {
    "basic_unet": {"features": (4, 4, 8, 8, 16, 4)},
    "attention_unet": {"channels": (4, 8, 16)},
    "dynunet": {"filters": (4, 8, 16)},
    "swin_unetr": {"feature_size": 12},
    "unetr": {"img_size": 32, "feature_size": 4, "hidden_size": 24, "num_heads": 2, "mlp_dim": 32},
    "selfreg_unet_paper": {"base": 4},
}


def every_architecture() -> Iterator[tuple[str, int]]:
    for name, entry in architectures().items():
        for dims in entry.spatial_dims:
            yield name, dims


def test_captured_are_the_outputs_in_order_without_gradient(foreign: Foreign) -> None:
    found = capture(foreign, FOREIGN_TAPS, IMAGE)
    assert list(found) == ["E1", "E2", "B", "D2", "D1"]
    foreign.eval()
    assert torch.equal(found["E1"], foreign.stem(IMAGE))
    assert not any(maps.requires_grad for maps in found.values())


def test_the_network_stays_as_it_was(foreign: Foreign) -> None:
    foreign.narrow.eval()
    before = {name: value.clone() for name, value in foreign.state_dict().items()}
    capture(foreign, FOREIGN_TAPS, IMAGE, ["B"])
    assert foreign.training
    assert not foreign.narrow.training
    assert hook_count(foreign) == 0
    for name, value in foreign.state_dict().items():
        assert torch.equal(value, before[name])


def test_only_blocks_that_exist(foreign: Foreign) -> None:
    assert list(capture(foreign, FOREIGN_TAPS, IMAGE, ["D1", "B"])) == ["B", "D1"]
    with pytest.raises(BadModelError, match="no block 'E7'"):
        capture(foreign, FOREIGN_TAPS, IMAGE, ["E7"])


@pytest.mark.parametrize(("name", "dims"), list(every_architecture()))
def test_every_architecture_shows_all_its_blocks(name: str, dims: int) -> None:
    torch.manual_seed(0)
    network = build_network(
        name, in_channels=1, out_channels=2, spatial_dims=dims, **SMALL.get(name, {})
    )
    spec = tap_spec(name, spatial_dims=dims, **SMALL.get(name, {}))
    side = (spec.fixed_size or (max(spec.min_size, spec.size_multiple),))[0]
    maps = capture(network, spec, torch.rand(1, 1, *[side] * dims))
    assert tuple(maps) == spec.blocks
    assert all(one.ndim == dims + 2 for one in maps.values())
    for one in maps.values():
        assert energy(one).shape == (1, *one.shape[2:])
        assert scr_residual(one, maps["D1"]).shape[0] == 1


@pytest.mark.parametrize("size", [(6, 8), (4, 4, 6)])
def test_pictures_are_those_of_arrays(make_maps: MakeMaps, size: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn((2, 5, *size), generator=generator)
    place = tuple(side // 2 for side in size)
    for sample, array in zip(maps, maps.numpy(), strict=True):
        one = sample[None]
        np.testing.assert_allclose(energy(one)[0], of_arrays.energy(array), rtol=1e-5)
        wanted = of_arrays.cosine_to(array, array[(slice(None), *place)])
        np.testing.assert_allclose(cosine_to(one, place)[0], wanted, atol=1e-5)
        last = of_arrays.scr_residual(array, array.mean(0))
        np.testing.assert_allclose(scr_residual(one, one)[0], last, atol=1e-5)


def test_the_residuals_mean_is_the_term_of_scr(make_maps: MakeMaps, spec: TapSpec) -> None:
    maps = make_maps()
    terms = scr_terms(maps, spec, generator=torch.Generator(), pairing="mean")
    for block in spec.student_blocks:
        residual = scr_residual(maps[block], maps["D1"])
        torch.testing.assert_close(residual.mean(), terms[f"scr/{block}"])


def test_a_larger_student_is_pooled() -> None:
    student, last = torch.rand(1, 3, 8, 4), torch.rand(1, 2, 4, 8)
    found = scr_residual(student, last)
    pooled = student.reshape(1, 3, 4, 2, 4).mean(3)
    target = last.reshape(1, 2, 4, 4, 2).mean(4).mean(1)
    torch.testing.assert_close(found, (pooled - target[:, None]).square().mean(1))


def test_numbers_of_arrays_are_those_of_the_regularizers(
    make_maps: MakeMaps, spec: TapSpec
) -> None:
    maps = make_maps(batch=1)
    terms = ifd_terms(maps, spec)
    for block in spec.student_blocks:
        tensor: Tensor = maps[block].detach()
        array = tensor[0].numpy()
        assert ifd_value(array) == pytest.approx(terms[f"ifd/{block}"].item(), rel=1e-5)
        keys = published_keys(tensor)
        np.testing.assert_allclose(spread_keys(moments(array)), keys.numpy(), rtol=1e-5)
        order = torch.argsort(keys, descending=True, stable=True)
        assert ifd_order(array).tolist() == order.tolist()


@pytest.mark.parametrize("place", [(0,), (8, 0), (0, -1)])
def test_a_place_off_the_maps_is_refused(place: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match="place"):
        cosine_to(torch.rand(1, 2, 8, 8), place)
