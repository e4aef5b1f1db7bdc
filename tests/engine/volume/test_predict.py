"""Prediction of volumes: equal to one forward of the whole, on the volume's own grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_selfreg.core.blocks import slices
from napari_selfreg.core.errors import BadInputError, BadModelError, DeviceError
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.core.volume.resample import resample, to_shape
from napari_selfreg.engine.events import Notice, Progress, run
from napari_selfreg.engine.volume import forward as forward_module
from napari_selfreg.engine.volume import predict as module
from napari_selfreg.engine.volume.events import VolumeTileDone
from napari_selfreg.engine.volume.predict import VolumePredictRequest, predict_volume
from napari_selfreg.engine.volume.stages import Room
from tests.engine.models import shake
from tests.engine.volume.models import (
    SmallNet3D,
    WideView,
    one_forward,
    registered,
    scan,
    small_volume_model,
    volume_bundle,
    volume_model,
)

MM = (1.0, 1.0, 1.0)
SMALL, BLENDED = small_volume_model(), small_volume_model(nn.InstanceNorm3d)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Cut even small volumes into several parts."""
    monkeypatch.setattr(module, "room_on", lambda _: Room(120_000, 0))


def predicted(volume, model=SMALL, spacing=MM, **options):
    options = {"precision": "fp32", "device": "cpu", **options}
    return run(predict_volume(VolumePredictRequest(volume, spacing, model, **options)))


@given(st.integers(1, 21), st.integers(1, 21), st.integers(1, 21))
@settings(max_examples=12)
def test_parts_equal_one_forward_whatever_the_size(depth, height, width):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "room_on", lambda _: Room(120_000, 0))
        volume = scan(depth, height, width)
        found = predicted(volume).probability
    assert found.shape == (2, depth, height, width)
    np.testing.assert_allclose(found, one_forward(SMALL, normalise(volume)), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("basic_unet", {"features": (2, 2, 2, 2, 2, 2)}),
        ("dynunet", {"filters": [4, 4, 4], "norm": "BATCH"}),
    ],
)
@pytest.mark.parametrize("shape", [(33, 20, 17), (5, 3, 40), (1, 31, 30)])
def test_networks_of_batch_normalisation_equal_one_forward(name, arguments, shape):
    model, volume = registered(name, **arguments), scan(*shape)
    found = predicted(volume, model).probability
    assert found.shape == (2, *shape)
    assert np.abs(found - one_forward(model, normalise(volume))).max() < 1e-3


@pytest.mark.parametrize("norm", [nn.BatchNorm3d, nn.InstanceNorm3d], ids=["parts", "blended"])
def test_an_answer_that_is_no_number_is_told(norm):
    model = small_volume_model(norm)
    model.network.head.bias.data[1] = torch.nan
    with pytest.raises(BadModelError, match="not a number"):
        predicted(scan(20, 20, 20), model)


@pytest.mark.parametrize("norm", [nn.BatchNorm3d, nn.InstanceNorm3d], ids=["parts", "blended"])
def test_a_network_in_training_stays_so(norm):
    model, volume = small_volume_model(norm), scan(20, 20, 20)
    wanted = predicted(volume, model).probability
    model.network.train()
    np.testing.assert_array_equal(predicted(volume, model).probability, wanted)
    assert model.network.training


def test_unknown_local_networks_are_tiled_with_a_halo():
    model = volume_model(shake(WideView()), 2)
    volume = scan(80, 6, 7)
    found = predicted(volume, model, roi=(70, 8, 8)).probability
    np.testing.assert_allclose(found, one_forward(model, normalise(volume)), atol=1e-4)


def test_blended_windows_come_near_one_forward():
    smooth = np.linspace(0, 4, 40)[:, None, None] + scan(40, 24, 24) / 100
    found = predicted(smooth, BLENDED, roi=(24, 24, 24)).probability
    whole = one_forward(BLENDED, normalise(smooth))
    # statistics of a window are those of a part: measured 0.028 on average here
    assert np.abs(found - whole).mean() < 0.05
    same = predicted(smooth, BLENDED, roi=(40, 24, 24)).probability
    np.testing.assert_allclose(same, whole, atol=1e-4)


def test_windows_have_the_size_a_model_was_trained_on():
    model = small_volume_model(nn.InstanceNorm3d)
    model.card.training = {"patch": [8, 12, 16]}
    assert module.trained_on(model) == (8, 12, 16)
    volume = scan(16, 16, 24)
    own, asked = predicted(volume, model), predicted(volume, model, roi=(8, 12, 16))
    np.testing.assert_array_equal(own.probability, asked.probability)


@pytest.mark.parametrize("model", [SMALL, BLENDED])
def test_a_region_equals_the_crop_of_the_whole(model):
    volume, region = scan(24, 20, 22), ((3, 20), (5, 6), (0, 22))
    options = {"roi": (24, 20, 22)}
    part = predicted(volume, model, region=region, **options)
    assert part.region == region
    whole = predicted(volume, model, **options).probability[(slice(None), *slices(region))]
    np.testing.assert_allclose(part.probability, whole, atol=1e-4)


@pytest.mark.parametrize("spacing", [(3.0, 1.0, 0.5), (0.5, 0.7, 2.0), (1.01, 1.0, 1.0)])
def test_volumes_are_resampled_and_probabilities_resampled_back(spacing):
    volume = scan(9, 14, 17)
    found = predicted(volume, spacing=spacing).probability
    assert found.shape == (2, 9, 14, 17)
    inner = one_forward(SMALL, resample(normalise(volume), spacing, MM, 1))
    np.testing.assert_allclose(found, to_shape(inner, volume.shape), atol=1e-4)
    region = ((2, 7), (0, 5), (9, 17))
    part = predicted(volume, spacing=spacing, region=region).probability
    np.testing.assert_allclose(part, found[(slice(None), *slices(region))], atol=1e-4)


def test_a_part_of_thick_slices_equals_that_of_the_whole():
    volume = scan(5, 9, 8)
    spacing, region = (12.0, 1.0, 0.4), ((2, 3), (4, 9), (1, 5))
    whole = predicted(volume, spacing=spacing).probability
    part = predicted(volume, spacing=spacing, region=region).probability
    np.testing.assert_allclose(part, whole[(slice(None), *slices(region))], atol=1e-4)


def test_progress_runs_to_its_end_and_tiles_cover_the_volume_once():
    volume, events = scan(20, 18, 16), []
    run(predict_volume(VolumePredictRequest(volume, MM, SMALL, precision="fp32")), events.append)
    shares = [event.done for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    seen = np.zeros(volume.shape, int)
    for event in events:
        if isinstance(event, VolumeTileDone):
            seen[slices(event.place)] += 1
            assert event.preview.shape == seen[slices(event.place)].shape
            assert event.preview.dtype == np.uint8
    assert (seen == 1).all()


@pytest.mark.parametrize("model", [SMALL, BLENDED])
def test_closing_cancels_within_a_tile_and_leaks_no_mode(model):
    calls = []
    network = model.network
    handle = network.register_forward_hook(lambda *_: calls.append(1))
    request = VolumePredictRequest(scan(30, 30, 30), MM, model, precision="fp32", roi=(8, 8, 8))
    job = predict_volume(request)
    while not isinstance(next(job), VolumeTileDone):
        assert not torch.is_inference_mode_enabled()
    before = len(calls)
    job.close()
    handle.remove()
    assert len(calls) == before
    assert torch.is_grad_enabled()


def test_where_memory_runs_out_windows_are_halved_and_it_is_said(monkeypatch):
    volume = scan(32, 16, 16)
    smaller = predicted(volume, BLENDED, roi=(16, 16, 16))
    whole_forward = forward_module.VolumeForward.__call__

    def forward(self, window):
        if window.shape[0] > 16:
            raise RuntimeError("CUDA out of memory")
        return whole_forward(self, window)

    monkeypatch.setattr(forward_module.VolumeForward, "__call__", forward)
    events = []
    request = VolumePredictRequest(volume, MM, BLENDED, precision="fp32", roi=(32, 16, 16))
    result = run(predict_volume(request), events.append)
    assert Notice("Memory ran out: tiles are now 16 x 16 x 16 voxels.") in events
    assert "16 x 16 x 16" in result.notes[0]
    np.testing.assert_array_equal(result.probability, smaller.probability)


def test_without_any_memory_the_job_says_so(monkeypatch):
    def forward(self, window):
        raise MemoryError

    monkeypatch.setattr(forward_module.VolumeForward, "__call__", forward)
    monkeypatch.setattr(module, "choose_volume_mode", lambda *_: module.Mode())
    with pytest.raises(DeviceError, match="smallest tile"):
        predicted(scan(8, 8, 8), BLENDED)


def test_a_volume_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 10_000)
    with pytest.raises(BadInputError, match="choose a part of the volume"):
        predicted(scan(20, 20, 20))


def test_half_precision_comes_near(monkeypatch):
    mode = module.Mode("bf16", channels_last=True)
    monkeypatch.setattr(module, "choose_volume_mode", lambda *_: mode)
    for model in (SMALL, BLENDED):
        volume = scan(16, 16, 16)
        result = predicted(volume, model, precision="bf16")
        assert result.precision == "bf16"
        assert np.abs(result.probability - one_forward(model, normalise(volume))).max() < 0.05


def test_outliers_and_what_is_no_number_do_not_spread():
    volume = scan(16, 16, 16)
    expected = predicted(volume).probability
    spoilt = volume.copy()
    spoilt[0, 0, 0], spoilt[15, 15, 15] = 1e30, np.nan
    found = predicted(spoilt).probability
    assert np.isfinite(found).all()
    assert np.abs(found - expected)[:, 4:-4, 4:-4, 4:-4].max() < 0.02


def test_the_same_request_gives_the_same_bits_and_leaves_the_network_as_it_was():
    model, volume = small_volume_model(), scan(14, 15, 16)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    first, second = predicted(volume, model), predicted(volume, model)
    np.testing.assert_array_equal(first.probability, second.probability)
    after = model.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_bundle_is_loaded_by_its_path(tmp_path):
    bundle = volume_bundle(tmp_path / "tiny.safetensors")
    found = predicted(scan(9, 10, 11), bundle).probability
    assert found.shape == (2, 9, 10, 11)
    assert found.min() >= 0
    assert found.sum(axis=0).max() <= 1 + 1e-5


def test_bad_requests_are_told_in_one_sentence():
    volume = scan(8, 8, 8)
    with pytest.raises(BadInputError, match="4 x 4"):
        predicted(np.zeros((4, 4)))
    with pytest.raises(BadInputError, match="no voxels"):
        predicted(np.zeros((4, 0, 4)))
    with pytest.raises(BadInputError, match="outside the volume"):
        predicted(volume, region=((0, 4), (9, 12), (0, 4)))
    with pytest.raises(BadInputError, match="each of z, y and x"):
        predicted(volume, region=((0, 4), (0, 4)))
    for spacing in ((1.0, 0.0, 1.0), (1.0, 1e6, 1.0), (1e-6, 1.0, 1.0)):
        with pytest.raises(BadInputError, match=r"is outside 0\.00001 to 50 mm"):
            predicted(volume, spacing=spacing)
    with pytest.raises(BadInputError, match="Unknown precision"):
        predicted(volume, precision="int3")
    with pytest.raises(DeviceError, match="Unknown device"):
        predicted(volume, device="abacus")
    model = volume_model(SmallNet3D(), 2)
    model.card.spatial_dims = 2
    with pytest.raises(BadModelError, match="not for volumes"):
        predicted(volume, model)
