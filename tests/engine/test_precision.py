"""Half precision and layouts: used where they pay."""

from __future__ import annotations

import time
from functools import partial

import pytest
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.engine import precision as module
from napari_selfreg.engine.forward import Mode, Outputs
from napari_selfreg.engine.openmp import can_compute_alone
from napari_selfreg.engine.precision import candidates, choose_mode
from tests.engine.models import picture, small_model, unet_model

CPU = torch.device("cpu")
MODEL = small_model()
OUTPUTS = Outputs.of(MODEL.card)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(module, "_CHOSEN", {})


@pytest.fixture
def stopwatch(monkeypatch):
    """Let forwards take as long as the test says: seconds by mode, None = refused."""
    speed, calls = {}, []

    def build(network, outputs, mode, device):
        def forward(windows, crops):
            calls.append(mode)
            if speed[mode] is None:
                raise RuntimeError("not supported")
            clock[0] += speed[mode]
            return []

        return forward

    clock = [0.0]
    monkeypatch.setattr(module, "build_forward", build)
    monkeypatch.setattr(module, "_clock", lambda device: lambda: clock[0])
    return speed, calls


PLAIN, LAST, HALF = candidates(MODEL.network, CPU)


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ((0.1, 0.2, 0.3), PLAIN),
        ((0.1, 0.05, 0.3), LAST),
        ((0.1, 0.05, 0.02), HALF),
        ((0.1, 0.05, 0.045), LAST),  # not worth the rounding
        ((0.1, 0.05, None), LAST),
        ((0.1, None, None), PLAIN),
    ],
)
def test_the_fastest_permitted_way_is_taken(stopwatch, seconds, best):
    stopwatch[0].update(zip((PLAIN, LAST, HALF), seconds, strict=True))
    assert choose_mode(MODEL.network, OUTPUTS, CPU) == best


def test_fp32_forbids_half_precision(stopwatch):
    stopwatch[0].update({PLAIN: 0.1, LAST: 0.05, HALF: 0.001})
    assert choose_mode(MODEL.network, OUTPUTS, CPU, "fp32") == LAST
    assert HALF not in stopwatch[1]


def test_it_is_measured_once_per_network_and_device(stopwatch):
    stopwatch[0].update({PLAIN: 0.1, LAST: 0.05, HALF: 0.02})
    choose_mode(MODEL.network, OUTPUTS, CPU)
    calls = len(stopwatch[1])
    choose_mode(small_model().network, OUTPUTS, CPU)
    assert len(stopwatch[1]) == calls


def test_a_slow_machine_is_not_probed_for_long(stopwatch):
    stopwatch[0].update({PLAIN: 1.0, LAST: 1.0, HALF: 0.02})
    assert choose_mode(MODEL.network, OUTPUTS, CPU) == PLAIN
    assert set(stopwatch[1]) == {PLAIN}


def test_what_is_hopeless_is_tried_once(stopwatch):
    stopwatch[0].update({PLAIN: 0.01, LAST: 0.2, HALF: 0.3})
    choose_mode(MODEL.network, OUTPUTS, CPU)
    assert stopwatch[1].count(LAST) == stopwatch[1].count(HALF) == 1


def test_an_unknown_precision_is_refused():
    with pytest.raises(BadInputError, match="choose one of auto, fp32, bf16, fp16"):
        choose_mode(MODEL.network, OUTPUTS, CPU, "fp8")


def test_the_default_network_is_fused_on_a_cpu_only():
    network = unet_model().network
    assert all(mode.fused for mode in candidates(network, CPU))
    assert not any(mode.fused for mode in candidates(network, torch.device("mps")))
    assert not any(mode.fused for mode in candidates(MODEL.network, CPU))


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_without_bfloat16_gets_float16(monkeypatch, supported):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    half = candidates(MODEL.network, torch.device("cuda"))[-1]
    assert half == Mode("bf16" if supported else "fp16", channels_last=True)


def test_what_is_computed_side_by_side_is_measured_on_one_thread(monkeypatch):
    """The thread that waits for the others uses no time of its own."""
    before, numbers = torch.get_num_threads(), []

    def build(network, outputs, mode, device):
        return lambda windows, crops: numbers.append(torch.get_num_threads())

    monkeypatch.setattr(module, "build_forward", build)
    try:
        torch.set_num_threads(2)
        choose_mode(MODEL.network, OUTPUTS, CPU)
        assert set(numbers) == {2}
        numbers.clear()
        choose_mode(unet_model().network, OUTPUTS, CPU)
        assert set(numbers) == ({1} if can_compute_alone() else {2})
    finally:
        torch.set_num_threads(before)


def test_a_real_probe_is_quick_and_gives_a_mode_that_runs():
    model = unet_model()
    start = time.thread_time()
    mode = choose_mode(model.network, OUTPUTS, CPU, "auto", (32, 32))
    assert time.thread_time() - start < 10
    assert mode in candidates(model.network, CPU)
    forward = module.build_forward(model.network, OUTPUTS, mode, CPU)
    task = partial(forward, [picture(32, 32)], [Box(0, 0, 32, 32)])
    assert 0 < module._seconds(task, module._clock(CPU), 1.0) < 10
