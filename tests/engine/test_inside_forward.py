"""A network made ready to show its blocks."""

from __future__ import annotations

import numpy as np
import torch

from napari_selfreg.core.types import Box
from napari_selfreg.engine.inside_forward import LAST, WEIGHTS, BlockForward
from napari_selfreg.engine.inside_types import Attention
from tests.engine.looks import ladder, ramps, unet
from tests.engine.models import picture
from tests.nets.conftest import hook_count

CPU = torch.device("cpu")


def test_a_crop_is_cut_out_of_every_block() -> None:
    forward = BlockForward.of(ladder(), ("E1", "B"), CPU, None)
    window = ramps(32, 48)
    (seen,) = forward([window], [Box(8, 16, 24, 40)])
    assert list(seen.parts) == ["E1", "B", LAST]
    np.testing.assert_allclose(seen.parts["E1"], np.moveaxis(window[8:24, 16:40], -1, 0), atol=0.01)
    assert seen.parts["B"].shape == (3, 2, 3)
    assert seen.steps["B"] == (8, 8)
    np.testing.assert_allclose(seen.parts[LAST][0], window[8:24, 16:40].mean(2), atol=1e-3)
    assert seen.sums == {}


def test_weights_travel_as_one_more_channel() -> None:
    forward = BlockForward.of(ladder(), ("D1",), CPU, Attention(1, np.ones((16, 16), bool)))
    weights = np.zeros((16, 16, 1), np.float32)
    weights[4:6, 4:8] = 0.5
    (seen,) = forward([np.dstack([ramps(16, 16), weights])], [Box(0, 0, 16, 16)])
    np.testing.assert_array_equal(seen.parts[WEIGHTS][0], weights[..., 0])
    # the logits of the ladder are D1 itself: only the class's own channel has a gradient
    np.testing.assert_allclose(seen.sums["D1"], [0, 4, 0])


def test_values_too_large_for_half_precision_stay_finite() -> None:
    window = np.full((8, 8, 3), 1e6, np.float32)
    (seen,) = BlockForward.of(ladder(), ("E1",), CPU, None)([window], [Box(0, 0, 8, 8)])
    assert seen.parts["E1"].max() == np.finfo(np.float16).max


def test_the_network_given_is_left_alone() -> None:
    model = unet()
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    forward = BlockForward.of(model, ("B",), CPU, Attention(1))
    forward([np.dstack([picture(32, 32), np.ones((32, 32))])], [Box(0, 0, 32, 32)])
    assert forward.network is not model.network
    assert all(parameter.requires_grad for parameter in model.network.parameters())
    assert hook_count(model.network) == hook_count(forward.network) == 0
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, before[key])
