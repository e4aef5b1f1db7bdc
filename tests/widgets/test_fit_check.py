from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.card import Card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.widgets import sample_data
from napari_selfreg.widgets.fit_check import FitCheck, check_fit
from tests.widgets.fakes import make_card
from tests.widgets.waits import LONG

GLANDS = read_card(bundled_models()["glands"])
GREY = "has no colours"


@pytest.fixture
def check(qtbot) -> Any:
    viewer = ViewerModel()
    owner = QWidget()
    qtbot.addWidget(owner)
    made = FitCheck(viewer, owner)
    made.owner, made.viewer = owner, viewer
    return made


def add_sample(viewer: ViewerModel, name: str) -> Any:
    data, arguments, _ = getattr(sample_data, name)()[0]
    return viewer.add_image(data, **arguments)


@pytest.mark.parametrize("name", ["ebhi_normal", "ebhi_low_grade"])
def test_the_samples_fit(check: FitCheck, qtbot, name: str) -> None:
    layer = add_sample(check.viewer, name)
    with qtbot.waitSignal(check.warned, timeout=LONG) as signal:
        check.look(layer, PixelSize.isotropic(1.1), GLANDS)
    assert signal.args == [""]


def dark_dye(tissue: np.ndarray) -> np.ndarray:
    """Nuclei of blue fluorescence on a black ground."""
    nuclei = tissue.mean(axis=2) < 150
    return np.stack([nuclei * 5, nuclei * 20, 8 + nuclei * 190], axis=-1).astype(np.uint8)


FAR = {
    "inverted": (lambda rgb: 255 - rgb, "far from"),
    "fluorescence": (dark_dye, "what the model has learned from"),
    "grey colours": (lambda rgb: np.repeat(rgb.mean(2, keepdims=True), 3, 2).astype("u1"), GREY),
    "one channel": (lambda rgb: rgb.mean(axis=2).astype(np.uint8), GREY),
    "one dark channel": (lambda rgb: (255 - rgb.mean(axis=2)).astype(np.uint8), GREY),
}
CARDS = [card for card in map(read_card, bundled_models().values()) if card.spatial_dims == 2]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
@pytest.mark.parametrize("kind", FAR)
def test_every_bundled_model_warns_of_what_is_no_such_stain(
    check: FitCheck, card: Card, kind: str
) -> None:
    change, word = FAR[kind]
    pixels = change(sample_data.ebhi_normal()[0][0])
    layer = check.viewer.add_image(pixels, rgb=pixels.ndim == 3, units=["um"] * 2)
    request = check._request(layer, card.pixel_size, card)
    assert request is not None
    assert word in run(check_fit(request))


def test_a_model_of_greys_knows_no_stain(check: FitCheck) -> None:
    layer = add_sample(check.viewer, "ebhi_normal")
    card = make_card(normalisation={"mean": (0.5,), "std": (0.2,)}, in_channels=1)
    request = check._request(layer, card.pixel_size, card)
    assert request is not None
    assert run(check_fit(request)) == ""


def test_a_brown_view_is_warned_about_and_a_new_look_takes_it_back(check: FitCheck, qtbot) -> None:
    layer = add_sample(check.viewer, "ebhi_normal")
    good = layer.data
    grey = good.mean(axis=2, keepdims=True)
    layer.data = (grey * (1, 0.75, 0.5)).astype(np.uint8)
    size = PixelSize.isotropic(1.1)
    with qtbot.waitSignal(check.warned, timeout=LONG) as signal:
        check.look(layer, size, GLANDS)
    assert "colours" in signal.args[0]
    with qtbot.assertNotEmitted(check.warned, wait=600):
        check.look(layer, size, GLANDS)
    layer.data = good
    with qtbot.waitSignal(check.warned, timeout=LONG) as signal:
        check.look(layer, size, GLANDS)
    assert signal.args == [""]


def test_of_a_pyramid_a_coarse_level_is_read(check: FitCheck, qtbot) -> None:
    data = sample_data.ebhi_normal()[0][0]
    fine = np.kron(data, np.ones((8, 8, 1), np.uint8))
    layer = check.viewer.add_image(
        [fine, fine[::4, ::4]], multiscale=True, rgb=True, scale=(0.1375,) * 2, units=["um"] * 2
    )
    request = check._request(layer, PixelSize.isotropic(0.1375), GLANDS)
    assert request is not None
    assert request.picture.shape == fine[::4, ::4].shape[:2]


def test_without_image_or_pixel_size_nothing_is_said(check: FitCheck, qtbot) -> None:
    with qtbot.assertNotEmitted(check.warned, wait=400):
        check.look(None, PixelSize.isotropic(1), GLANDS)
    layer = add_sample(check.viewer, "ebhi_normal")
    check.look(layer, PixelSize.isotropic(1.1), GLANDS)
    with qtbot.waitSignal(check.warned, timeout=LONG) as signal:
        check.look(layer, None, GLANDS)
    assert signal.args == [""]
