"""Networks made ready for volumes: precision, layout, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.engine import precision
from napari_selfreg.engine.forward import Mode, Outputs
from napari_selfreg.engine.volume import forward as module
from napari_selfreg.engine.volume.forward import (
    VolumeForward,
    choose_volume_mode,
    layout_of,
    record_volume,
)
from napari_selfreg.engine.volume.graph import NotLocalError
from tests.engine.volume.models import (
    SmallNet3D,
    one_forward,
    scan,
    small_volume_model,
    volume_model,
)

CPU = torch.device("cpu")
MODEL = small_volume_model()
OUTPUTS = Outputs.of(MODEL.card)
SIZE = (8, 8, 8)


@pytest.fixture
def stopwatch(monkeypatch):
    """Let every mode take as long as the test says."""
    speed, now = {}, [0.0]

    class Timed:
        def __init__(self, network, outputs, mode, device):
            self.mode = mode

        def __call__(self, window):
            now[0] += speed[self.mode]

    monkeypatch.setattr(module, "VolumeForward", Timed)
    monkeypatch.setattr(module, "_CHOSEN", {})
    monkeypatch.setattr(precision, "_clock", lambda device: lambda: now[0])
    return speed


@pytest.mark.parametrize("mode", [Mode(), Mode(channels_last=True), Mode("bf16", True)])
def test_every_mode_gives_the_probabilities_of_the_network(mode):
    voxels = normalise(scan(*SIZE))
    found = VolumeForward(MODEL.network, OUTPUTS, mode, CPU)(voxels)
    assert found.dtype == np.float32
    near = 1e-5 if mode.precision == "fp32" else 0.05
    np.testing.assert_allclose(found, one_forward(MODEL, voxels), atol=near)


def test_of_several_outputs_the_first_counts():
    class Deep(SmallNet3D):
        def forward(self, x):
            full = super().forward(x)
            return [full, 2 * full]

    torch.manual_seed(0)
    network = Deep().eval()
    plain = SmallNet3D().eval()
    plain.load_state_dict(network.state_dict())
    voxels = normalise(scan(*SIZE))
    found = VolumeForward(network, OUTPUTS, Mode(), CPU)(voxels)
    np.testing.assert_allclose(found, one_forward(volume_model(plain, 2), voxels), atol=1e-5)
    graph = record_volume(network, Mode(), CPU, SIZE)
    assert len(graph.nodes) == len(record_volume(plain, Mode(), CPU, SIZE).nodes)


def test_the_fastest_is_taken_and_half_precision_must_be_worth_it(stopwatch):
    last, plain, half = module._candidates(CPU)
    stopwatch.update({last: 0.2, plain: 0.1, half: 0.09})
    assert choose_volume_mode(MODEL.network, OUTPUTS, CPU) == plain
    module._CHOSEN.clear()
    stopwatch[half] = 0.05
    assert choose_volume_mode(MODEL.network, OUTPUTS, CPU) == half
    assert choose_volume_mode(MODEL.network, OUTPUTS, CPU, "fp32") == plain


def test_the_choice_is_made_once(stopwatch):
    modes = module._candidates(CPU)
    stopwatch.update(dict.fromkeys(modes, 0.1))
    first = choose_volume_mode(MODEL.network, OUTPUTS, CPU)
    stopwatch.update({modes[1]: 0.001})
    assert choose_volume_mode(MODEL.network, OUTPUTS, CPU) == first


def test_an_unknown_precision_is_refused():
    with pytest.raises(BadInputError, match="Unknown precision"):
        choose_volume_mode(MODEL.network, OUTPUTS, CPU, "int3")


def test_a_record_has_the_precision_and_layout_of_its_mode():
    graph = record_volume(MODEL.network, Mode("bf16", True), CPU, SIZE)
    assert graph.dtype is torch.bfloat16
    assert layout_of(Mode("bf16", True)) is torch.channels_last_3d
    assert layout_of(Mode()) is torch.contiguous_format
    with pytest.raises(NotLocalError):
        record_volume(SmallNet3D(nn.InstanceNorm3d).eval(), Mode(), CPU, SIZE)
