"""Networks made ready for windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_selfreg.core.types import Box
from napari_selfreg.engine.forward import Mode, Outputs, PlainForward, build_forward
from tests.engine.models import picture, small_model, unet_model, whole_forward

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "mode", [Mode(), Mode(channels_last=True), Mode(channels_last=True, fused=True)]
)
def test_every_mode_gives_the_same_probabilities(mode):
    model = unet_model()
    forward = build_forward(model.network, Outputs.of(model.card), mode, CPU)
    windows, crops = [picture(32, 48, 1), picture(32, 48, 2)], [Box(0, 0, 32, 48), Box(3, 5, 30, 9)]
    for window, crop, found in zip(windows, crops, forward(windows, crops), strict=True):
        assert found.dtype == np.float32
        expected = whole_forward(model, window)[:, crop.y0 : crop.y1, crop.x0 : crop.x1]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_half_precision_is_close_and_its_probabilities_are_float32(fused):
    model = unet_model()
    mode = Mode("bf16", channels_last=True, fused=fused)
    forward = build_forward(model.network, Outputs.of(model.card), mode, CPU)
    window = picture(32, 32)
    (found,) = forward([window], [Box(0, 0, 32, 32)])
    assert found.dtype == np.float32
    assert np.abs(found - whole_forward(model, window)).max() < 0.1


def test_resampled_windows_are_floats():
    model = unet_model()
    forward = build_forward(model.network, Outputs.of(model.card), Mode(fused=True), CPU)
    window = picture(32, 32)
    boxes = [Box(0, 0, 32, 32)]
    (whole,), (float_,) = forward([window], boxes), forward([window.astype(np.float32)], boxes)
    np.testing.assert_array_equal(whole, float_)


def test_of_several_outputs_the_first_counts():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small_model().network

        def forward(self, x):
            logits = self.inner(x)
            return [logits, logits[..., ::2, ::2]]

    model = small_model()
    model.network.load_state_dict(Deep().inner.state_dict())
    forward = PlainForward(Deep().eval(), Outputs.of(model.card), Mode(), CPU)
    window = picture(16, 16)
    (found,) = forward([window], [Box(0, 0, 16, 16)])
    np.testing.assert_allclose(found, whole_forward(model, window), atol=1e-5)


def test_outputs_are_read_from_the_card():
    outputs = Outputs.of(unet_model(3).card)
    assert (outputs.n_classes, outputs.separation, outputs.channels) == (3, "contour", 4)
    assert Outputs.of(unet_model(2, contour=False).card).channels == 2
