"""Prediction: equal to one forward of the whole image, on the image's own grid."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from napari_selfreg.core.errors import BadInputError, DeviceError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine import predict as module
from napari_selfreg.engine.events import TileDone, run
from napari_selfreg.engine.predict import PredictRequest, predict

UM = PixelSize(1.0, 1.0)


class SmallNet(nn.Module):
    """Two levels, BatchNorm with running statistics that matter, total stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Conv2d(16, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        top = self.down(x)
        low = self.deep(nn.functional.max_pool2d(top, 2))
        return self.head(torch.cat([top, nn.functional.interpolate(low, scale_factor=2)], 1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = SmallNet()
    network.train()
    with torch.no_grad():
        network(torch.rand(2, 3, 32, 32) * 2)
    card = SimpleNamespace(
        classes=("gland",),
        separation="contour",
        um_per_px=(1.0, 1.0),
        normalisation=SimpleNamespace(mean=(0.5, 0.4, 0.6), std=(0.2, 0.3, 0.25)),
    )
    spec = SimpleNamespace(size_multiple=2, min_size=2, fixed_size=None)
    return SimpleNamespace(card=card, network=network.eval(), tapspec=spec)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def whole_forward(model, image):
    mean, std = (np.array(v, np.float32) for v in vars(model.card.normalisation).values())
    pad = ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0))
    values = (np.pad(image, pad, mode="reflect").astype(np.float32) / 255 - mean) / std
    with torch.no_grad():
        logits = model.network(torch.from_numpy(values).permute(2, 0, 1)[None])[0]
    both = torch.cat([logits[:2].softmax(0)[1:], logits[2:].sigmoid()]).numpy()
    return both[:, : image.shape[0], : image.shape[1]]


@pytest.mark.parametrize("shape", [(97, 130), (40, 33), (1, 1), (3, 200)])
def test_tiles_equal_one_forward_of_the_whole_image(model, monkeypatch, shape):
    monkeypatch.setattr(module, "TILE", 48)
    monkeypatch.setattr(module, "HALO", 8)
    image = picture(*shape)
    result = run(predict(PredictRequest(image, UM, model)))
    np.testing.assert_allclose(result.probability, whole_forward(model, image), atol=1e-4)


def test_a_region_equals_the_crop_of_the_whole(model, monkeypatch):
    monkeypatch.setattr(module, "TILE", 48)
    monkeypatch.setattr(module, "HALO", 8)
    image, region = picture(120, 140), Box(31, 40, 110, 101)
    whole = run(predict(PredictRequest(image, UM, model))).probability
    part = run(predict(PredictRequest(image, UM, model, region=region)))
    assert part.region == region
    np.testing.assert_allclose(part.probability, whole[:, 31:110, 40:101], atol=1e-4)


def test_the_result_lies_on_the_images_grid_whatever_its_pixel_size(model, monkeypatch):
    monkeypatch.setattr(module, "TILE", 64)
    image = picture(90, 130)
    for size in (PixelSize(0.5, 0.5), PixelSize(1.7, 0.9), PixelSize(3, 3)):
        monkeypatch.setattr(module, "HALO", 8)
        tiled = run(predict(PredictRequest(image, size, model))).probability
        monkeypatch.setattr(module, "TILE", 1024)
        whole = run(predict(PredictRequest(image, size, model))).probability
        assert tiled.shape == (2, 90, 130)
        np.testing.assert_allclose(tiled, whole, atol=1e-4)
        monkeypatch.setattr(module, "TILE", 64)


def test_previews_cover_the_image_once(model, monkeypatch):
    monkeypatch.setattr(module, "TILE", 48)
    monkeypatch.setattr(module, "HALO", 8)
    events: list[TileDone] = []
    run(predict(PredictRequest(picture(97, 130), UM, model)), events.append)
    seen = np.zeros((97, 130), int)
    for event in events:
        seen[event.box.slices] += 1
        assert event.preview.dtype == np.uint8
    assert (seen == 1).all()
    assert [event.done for event in events] == list(range(1, len(events) + 1))
    assert events[-1].total == len(events)


def test_bad_requests_are_refused_in_one_sentence(model):
    with pytest.raises(BadInputError, match="RGB"):
        run(predict(PredictRequest(np.zeros((4, 4), np.uint8), UM, model)))
    with pytest.raises(BadInputError, match="no pixels"):
        run(predict(PredictRequest(np.zeros((0, 4, 3), np.uint8), UM, model)))
    with pytest.raises(BadInputError, match="outside"):
        run(predict(PredictRequest(picture(8, 8), UM, model, region=Box(20, 20, 30, 30))))
    with pytest.raises(DeviceError, match="Unknown device"):
        run(predict(PredictRequest(picture(8, 8), UM, model, device="abacus")))
