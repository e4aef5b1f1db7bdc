from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from napari.layers import Image
from qtpy.QtGui import QTransform

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.core.volume.resample import resample
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import run
from napari_selfreg.engine.inside_types import BlockMaps
from napari_selfreg.io.bundle import read_card
from napari_selfreg.nets.feature_maps import capture
from napari_selfreg.widgets.inside.channel_box import thumbnail
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.opening import look_inside
from napari_selfreg.widgets.inside.panel import InsidePanel
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.volume.inside import (
    NO_FOLLOWING,
    on_layer,
    require_volume,
    run_volume_look,
    scale_words,
    take_look,
    volume_map,
    voxel_at,
)
from napari_selfreg.widgets.volume.layers import volume_of
from tests.engine.volume.models import volume_bundle
from tests.widgets.fakes import write_model
from tests.widgets.inside.networks import Small, taps_of_small
from tests.widgets.volume.conftest import MM
from tests.widgets.waits import LONG

SPEC = taps_of_small(3)


@pytest.fixture
def opened(make_napari_viewer_proxy, scan):
    """A network looks at a volume of 10 x 12 x 14 voxels."""
    viewer = make_napari_viewer_proxy()
    place = {"scale": (2, 1, 0.5), "translate": (3, 4, 5)}
    volume = viewer.add_image(scan, name="scan", **MM, **place)
    return viewer, volume, look_inside(Small(3), volume, SPEC, viewer=viewer)


def look(panel, qtbot) -> None:
    with qtbot.waitSignal(panel.looked, timeout=LONG):
        panel.show_button.click()
    settle(panel, qtbot)


def settle(panel, qtbot) -> None:
    qtbot.waitUntil(lambda: not panel.runner.running and not panel.maps.busy, timeout=LONG)


def edges(layer) -> np.ndarray:
    """Return the outer corners of the first and of the last voxel, in the world."""
    shape = np.array(layer.data.shape[:3])
    return np.array([layer.data_to_world(np.full(3, -0.5)), layer.data_to_world(shape - 0.5)])


def ours(viewer) -> list:
    return [layer for layer in viewer.layers if OWN_KEY in layer.metadata]


def test_maps_are_volumes_exactly_on_the_volume(opened, qtbot) -> None:
    viewer, volume, panel = opened
    look(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.data.shape == volume.data.shape
    np.testing.assert_allclose(edges(layer), edges(volume))
    panel.maps.form.blocks.setValue(("B",))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.data.shape == (5, 6, 7)
    assert layer.units == volume.units
    np.testing.assert_allclose(edges(layer), edges(volume))
    assert "Seen at 2 × 1 × 0.5 mm per voxel" in panel.status.text()
    viewer.dims.ndisplay = 3  # and they are rendered
    assert layer.visible


@pytest.mark.parametrize("kind", ["channel", "pca", "scr", "attention"])
def test_every_kind_is_a_volume(opened, qtbot, kind: str) -> None:
    viewer, _, panel = opened
    panel.maps.form.setKind(kind)
    look(panel, qtbot)
    panel.maps.form.blocks.setValue(("B",))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    assert tuple(layer.data.shape[:3]) == (5, 6, 7)
    assert layer.rgb is (kind == "pca")


def test_a_click_shows_what_is_alike(opened, qtbot) -> None:
    viewer, volume, panel = opened
    look(panel, qtbot)
    panel.maps.form.setKind("similarity")
    settle(panel, qtbot)
    panel.maps.pointing.pointed.emit(tuple(volume.data_to_world((3, 5, 7))))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.data[3, 5, 7] == pytest.approx(1, abs=1e-2)
    assert layer.data.shape == volume.data.shape


def test_the_numbers_of_redundancy_are_there(opened, qtbot) -> None:
    _, _, panel = opened
    panel.tabs.setCurrentWidget(panel.redundancy)
    look(panel, qtbot)
    numbers = panel.maps.looked.insides[0].numbers
    assert list(numbers) == ["B", "D1"]
    assert all(np.isfinite(each.similarity) for each in numbers.values())
    assert not panel.redundancy.table.isHidden()


def test_pictures_and_volumes_choose_their_models(
    make_napari_viewer_proxy, scan, field, tmp_path
) -> None:
    viewer = make_napari_viewer_proxy()
    models = {"spots": write_model(tmp_path), "tiny": volume_bundle(tmp_path / "v.safetensors")}
    panel = InsidePanel(viewer, models=models)
    viewer.window.add_dock_widget(panel, name="Look inside")
    viewer.add_image(field, name="picture", rgb=True, units=["um", "um"])
    assert panel.form.model.value().name == "spots"
    viewer.add_image(scan, name="scan", **MM)
    assert panel.form.model.value().name == "tiny-volume"
    assert panel.form.missing() == ""
    assert not panel.form.area.isEnabled()
    follow = panel.maps.form.follow
    assert (follow.isEnabled(), follow.toolTip()) == (False, NO_FOLLOWING)
    panel.form.model.setValue("spots")
    assert "is a volume and" in panel.form.missing()


def test_maps_of_another_voxel_size_are_placed_on_the_layer(scan, tmp_path) -> None:
    path = volume_bundle(tmp_path / "v.safetensors", intensity="volume")
    layer = Image(scan, scale=(2, 1, 0.5), **MM)
    source = Source("v", read_card(path), path)
    request = take_look(layer, (source,), "cpu", numbers=False, attention=False)
    looked = run(run_volume_look(request))
    for maps in looked.insides[0].blocks.values():
        made = Image(**volume_map(layer, request.picture, maps.maps[0].astype(np.float32), maps))
        # The network sees 20 x 12 x 7 voxels, padded behind: maps may stand over, never short.
        np.testing.assert_allclose(edges(made)[0], edges(layer)[0], atol=1e-9)
        assert (edges(made)[1] > edges(layer)[1] - 1e-6).all()
    assert scale_words(looked).startswith("Seen at 1 × 1 × 1 mm")


def test_the_network_sees_what_it_segments(scan, tmp_path) -> None:
    path = volume_bundle(tmp_path / "v.safetensors", intensity="volume")
    layer = Image(scan, scale=(2, 1, 0.5), **MM)
    request = take_look(
        layer, (Source("v", read_card(path), path),), "cpu", numbers=False, attention=False
    )
    (found,) = run(run_volume_look(request)).insides
    voxels = resample(normalise(scan), (2.0, 1.0, 0.5), (1.0, 1.0, 1.0), 1)
    behind = [(0, -side % 4) for side in voxels.shape]
    image = torch.from_numpy(np.pad(voxels, behind, mode="reflect"))[None, None]
    model = load_model(path)
    wanted = capture(model.network.eval(), model.tapspec, image, ("E1",))["E1"][0].numpy()
    size = tuple(slice(side) for side in found.blocks["E1"].maps.shape)
    np.testing.assert_allclose(found.blocks["E1"].maps, wanted[size], atol=5e-3)


def test_placing_keeps_edges() -> None:
    maps = BlockMaps("B", np.zeros((1, 2, 2, 2), np.float16), (5.0,) * 3, (2.0,) * 3)
    placed = on_layer(maps, (10, 10, 10), (20, 10, 5))
    assert placed.scale == (10, 5, 2.5)
    assert placed.translate == (4.5, 2, 0.75)


def test_axes_of_another_order(scan) -> None:
    data = scan.transpose(2, 0, 1)
    layer = Image(data, axis_labels=["x", "z", "y"], scale=(0.5, 2, 1), translate=(1, 2, 3))
    view = volume_of(layer)
    maps = SimpleNamespace(scale=(2.0, 2.0, 2.0), translate=(0.5, 0.5, 0.5))
    values = np.zeros((5, 6, 7), np.float32)
    placed = volume_map(layer, view, values, maps)
    made = Image(**placed)
    assert made.data.shape == (7, 5, 6)
    np.testing.assert_allclose(edges(made), edges(layer))
    assert voxel_at(layer, view, layer.data_to_world((7, 3, 5))) == pytest.approx((3, 5, 7))
    assert voxel_at(layer, view, layer.data_to_world((99, 3, 5))) is None


def test_a_gallery_shows_the_middle_slice() -> None:
    values = np.zeros((5, 8, 8), np.float32)
    values[2, :4] = 1
    small = thumbnail(values)
    assert small.shape == (8, 8, 3)
    assert small[0].mean() != small[-1].mean()
    np.testing.assert_array_equal(thumbnail(values, upwards=True), small[::-1])


def test_a_gallery_is_turned_over_with_the_slice_on_screen(opened, qtbot) -> None:
    viewer, _, panel = opened
    panel.maps.form.setKind("channel")
    taken = {}
    for up in ("down", "up"):
        viewer.scene.camera.orientation2d = (up, "right")
        look(panel, qtbot)
        gallery = panel.maps.form.channels.gallery
        taken[up] = gallery.item(0).icon().pixmap(54, 54).toImage()
    assert taken["up"] != taken["down"]
    turned = taken["down"].transformed(QTransform().scale(1, -1))
    colours = [image.pixelColor(20, 5).getRgb()[:3] for image in (taken["up"], turned)]
    assert colours[0] == pytest.approx(colours[1], abs=12)


def test_what_is_no_volume_is_refused(field) -> None:
    for wrong in (field[..., 0], np.zeros((1, 4, 4)), np.zeros((4, 4, 4), complex)):
        with pytest.raises(BadInputError, match=r"slices, rows, columns"):
            require_volume(wrong)
    with pytest.raises(BadInputError, match="no volume"):
        require_volume(Image(field[..., 0]))


def test_an_array_gets_a_layer_of_its_own(make_napari_viewer_proxy, scan) -> None:
    viewer = make_napari_viewer_proxy()
    panel = look_inside(Small(3), scan, SPEC, viewer=viewer)
    (layer,) = viewer.layers
    assert (layer.ndim, layer.rgb) == (3, False)
    assert panel.form.missing() == ""
    assert panel.form.sources()[0].card.intensity == "volume"
