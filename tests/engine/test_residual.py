from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine import planning
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.engine.predict import PredictRequest, predict
from napari_selfreg.engine.residual import predict_residuals
from napari_selfreg.nets.residual import residual_maps
from tests.bundles import tiny_bundle
from tests.engine.models import picture

ONE = PixelSize(1.0, 1.0)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return load_model(tiny_bundle(tmp_path / "tiny.safetensors", separation="contour"))


def test_it_equals_one_forward_of_the_whole_picture(model: Model) -> None:
    image = picture(64, 96)
    found = run(predict_residuals(image, ONE, model, "cpu"))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad(), model.tapspec.open(model.network) as taps:
        model.network((pixels - 0.5) / 0.25)
        maps = residual_maps(taps, model.tapspec)
    assert found.shape == (len(model.tapspec.student_blocks) + 1, 64, 96)
    for channel, wanted in zip(found, maps.values(), strict=False):
        np.testing.assert_allclose(channel, wanted[0].numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [PixelSize(1.0, 1.0), PixelSize(0.6, 0.8)])
def test_its_last_channel_is_the_probability_on_the_grid_of_the_picture(
    model: Model, size: PixelSize
) -> None:
    image = picture(50, 71)
    events: list[Event] = []
    found = run(predict_residuals(image, size, model, "cpu"), events.append)
    known = run(predict(PredictRequest(image, size, model, device="cpu", precision="fp32")))
    np.testing.assert_allclose(found[-1], known.probability[0], atol=1e-3)
    assert np.isfinite(found).all()
    assert any(isinstance(event, Progress) for event in events)


def test_networks_that_see_their_whole_tile_are_blended(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "sees_whole_tile", lambda *_: True)
    image, size = picture(40, 48), PixelSize(0.7, 0.7)
    found = run(predict_residuals(image, size, model, "cpu"))
    known = run(predict(PredictRequest(image, size, model, device="cpu", precision="fp32")))
    np.testing.assert_allclose(found[-1], known.probability[0], atol=1e-3)


def test_the_network_is_left_as_it_was(model: Model) -> None:
    model.network.train()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    run(predict_residuals(picture(32, 32), ONE, model, "cpu"))
    assert model.network.training
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(value, before[name])
