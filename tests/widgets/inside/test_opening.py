from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from napari.layers import Image

import napari_selfreg
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.nets.tapspec import TapSpec
from napari_selfreg.widgets.inside.opening import TITLE, _source, look_inside
from napari_selfreg.widgets.layers import OWN_KEY
from tests.foreign import import_smp
from tests.widgets.inside.networks import Small, taps_of_small
from tests.widgets.inside.test_panel import look, ours, settle

SPEC = taps_of_small()


def test_any_network_opens_with_its_picture(make_napari_viewer_proxy, qtbot, field) -> None:
    viewer = make_napari_viewer_proxy()
    network = Small().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    panel = look_inside(network, field, SPEC, viewer=viewer)
    assert TITLE in viewer.window.dock_widgets
    assert panel.maps.form.blocks.blocks() == ("B", "D1")
    look(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.name == "D1 · energy · small"
    np.testing.assert_allclose(layer.extent.world, viewer.layers[0].extent.world)
    panel.maps.form.blocks.setValue(("B",))
    settle(panel, qtbot)
    assert ours(viewer)[0].data.shape == (30, 40)
    assert not any(module._forward_hooks for module in network.modules())
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name])


def test_a_layer_of_the_viewer_is_looked_at_where_it_lies(make_napari_viewer_proxy, field) -> None:
    viewer = make_napari_viewer_proxy()
    layer = viewer.add_image(field, rgb=True, units=["um", "um"])
    panel = look_inside(Small(), layer, SPEC, name="My net", viewer=viewer)
    assert panel.form.layer_picker.value() == layer
    assert panel.form.sources()[0].name == "my-net"
    assert len(viewer.layers) == 1


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 3)), [[1, 2]]])
def test_other_pictures_are_refused(image: Any) -> None:
    with pytest.raises(BadInputError, match="8-bit colours"):
        look_inside(Small(), image, SPEC)


def test_it_is_part_of_the_package() -> None:
    assert napari_selfreg.look_inside is look_inside


def test_the_unet_of_the_readme(make_napari_viewer_proxy, qtbot, field) -> None:
    smp = import_smp()
    torch.manual_seed(0)
    network = smp.Unet("efficientnet-b0", encoder_weights=None, classes=2).eval()
    spec = TapSpec.propose(network, (1, 3, 64, 96)).tapspec
    viewer = make_napari_viewer_proxy()
    panel = look_inside(network, np.tile(field, (2, 2, 1)), spec, viewer=viewer)
    look(panel, qtbot)
    assert ours(viewer)[0].name == "D1 · energy · unet"


@pytest.mark.parametrize(
    ("title", "expected"),
    [("My Net (v2)", "my-net-v2"), ("…", "network"), ("a" * 90, "a" * 64), ("Ünet", "net")],
)
def test_any_title_makes_a_name_for_layers(
    make_napari_viewer_proxy, field, title: str, expected: str
) -> None:
    source = _source(Small(), SPEC, title, ("object",), (1.0, 1.0), (0.5,) * 3, (0.5,) * 3)
    assert (source.label, source.name) == (title, expected)
    assert source.blocks == ("B", "D1")


def test_what_is_said_of_the_network_is_on_its_card(make_napari_viewer_proxy, field) -> None:
    viewer = make_napari_viewer_proxy()
    network = Small().train()
    panel = look_inside(
        network,
        field,
        SPEC,
        classes=("gland", "nucleus"),
        um_per_px=0.5,
        mean=(0.1, 0.2, 0.3),
        std=(1, 2, 4),
        viewer=viewer,
    )
    (source,) = panel.form.sources()
    card = source.card
    assert card.classes == ("gland", "nucleus")
    assert tuple(card.um_per_px) == (0.5, 0.5)
    assert tuple(card.normalisation.mean) == (0.1, 0.2, 0.3)
    assert tuple(card.normalisation.std) == (1, 2, 4)
    assert source.model.network is network
    assert not network.training
    (layer,) = viewer.layers
    assert layer.rgb
    np.testing.assert_allclose(layer.scale, (0.5, 0.5))  # so it sees pixel by pixel
    assert panel.form.value().pixel_size == PixelSize(0.5, 0.5)
    assert panel.form.missing() == ""


def test_a_layer_needs_its_viewer_and_must_not_be_ours(field) -> None:
    layer = Image(field, rgb=True)
    with pytest.raises(BadInputError, match="viewer="):
        look_inside(Small(), layer, SPEC)
    ours_now = Image(field, rgb=True, metadata={OWN_KEY: "inside"})
    with pytest.raises(BadInputError, match="viewer="):
        look_inside(Small(), ours_now, SPEC, viewer=ViewerModel())


def test_a_refused_picture_opens_no_window(monkeypatch) -> None:
    import napari

    monkeypatch.setattr(napari, "Viewer", lambda: pytest.fail("a window has opened"))
    with pytest.raises(BadInputError):
        look_inside(Small(), np.zeros((4, 4), np.uint8), SPEC)
