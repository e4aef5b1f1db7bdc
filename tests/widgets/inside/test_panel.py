from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.widgets.inside.map_layers import OWN_NAME
from napari_selfreg.widgets.layers import OWN_KEY
from tests.widgets.inside.fakes import BLOCKS, FakeLook
from tests.widgets.panel_steps import add_field, double_click, names
from tests.widgets.waits import FIRST, LONG


def look(panel: Any, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.maps.painted, timeout=FIRST):
        panel.show_button.click()
    settle(panel, qtbot)


def settle(panel: Any, qtbot: Any) -> None:
    """Wait until nothing runs and nothing is to be painted any more."""
    qtbot.waitUntil(lambda: not panel.runner.running and not panel.maps.busy, timeout=LONG)
    qtbot.wait(10)
    qtbot.waitUntil(lambda: not panel.runner.running and not panel.maps.busy, timeout=LONG)


def ours(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if layer.metadata.get(OWN_KEY) == OWN_NAME]


def test_without_an_image_it_says_what_to_do(make_inside) -> None:
    _, panel, _ = make_inside()
    assert not panel.show_button.isEnabled()
    assert "Open an image first" in panel.status.text()


def test_show_puts_one_map_right_above_the_image(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    image = add_field(viewer, field, scale=(0.5, 0.5), translate=(3, 4))
    viewer.add_labels(np.zeros((60, 80), int), name="objects", scale=(0.5, 0.5))
    look(panel, qtbot)
    assert names(viewer) == ["field", "D1 · energy · spots", "objects"]
    (layer,) = ours(viewer)
    assert job.requests[0].device == "auto"
    np.testing.assert_allclose(layer.extent.world, image.extent.world)
    assert tuple(layer.units) == tuple(image.units)


def test_another_block_and_kind_change_the_layer_in_place(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    add_field(viewer, field)
    look(panel, qtbot)
    (first,) = ours(viewer)
    panel.maps.form.setKind("scr")
    settle(panel, qtbot)
    (second,) = ours(viewer)
    assert first == second
    assert second.name == "D1 · disagreement · spots"
    panel.maps.form.setKind("pca")
    settle(panel, qtbot)
    (third,) = ours(viewer)
    assert third.rgb
    assert names(viewer) == ["field", "D1 · patterns · spots"]
    assert len(job.requests) == 1


@pytest.mark.parametrize("block", list(BLOCKS))
def test_a_block_lies_exactly_on_the_tissue(make_inside, qtbot, field, block: str) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field, scale=(0.5, 0.25), translate=(3, 4))
    look(panel, qtbot)
    panel.maps.form.blocks.setValue((block,))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    # The pixels of the map cover whole blocks of image pixels from the image's own corner on.
    step = BLOCKS[block]
    corner = layer.data_to_world((-0.5, -0.5))
    np.testing.assert_allclose(corner, (3 - 0.25, 4 - 0.125))
    np.testing.assert_allclose(layer.scale, (0.5 * step, 0.25 * step))
    assert layer.name == f"{block} · energy · spots"


def test_clear_removes_only_ours_and_frees_what_was_seen(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    viewer.add_labels(np.zeros((60, 80), int), name="mine")
    look(panel, qtbot)
    panel.maps.form.clear_button.click()
    assert names(viewer) == ["field", "mine"]
    assert panel.maps.looked is None


def test_a_removed_image_takes_its_maps_along(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    image = add_field(viewer, field)
    look(panel, qtbot)
    viewer.layers.remove(image)
    assert not viewer.layers
    assert panel.maps.looked is None


def test_a_failed_look_is_told(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside(FakeLook(error=BadInputError("Too large: take less.")))
    add_field(viewer, field)
    with qtbot.waitSignal(panel.runner.failed, timeout=LONG):
        panel.show_button.click()
    assert panel.status.text() == "Too large: take less."
    assert panel.show_button.text() == "Show"
    assert not ours(viewer)


def test_a_look_can_be_cancelled(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    job.gate.clear()
    add_field(viewer, field)
    panel.show_button.click()
    assert panel.show_button.text() == "Cancel"
    with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
        panel.show_button.click()
    assert panel.status.text() == "Cancelled."
    assert not ours(viewer)


def test_a_double_click_on_show_does_not_cancel(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    with qtbot.waitSignal(panel.maps.painted, timeout=FIRST):
        double_click(panel.show_button)
    settle(panel, qtbot)
    assert len(ours(viewer)) == 1


def test_attention_asks_again_and_follows_its_target(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    add_field(viewer, field)
    labels = np.zeros((60, 80), int)
    labels[5:15, 10:30] = 1
    labels[30:40, 50:60] = 2
    objects = viewer.add_labels(labels, name="glands")
    look(panel, qtbot)
    panel.maps.form.setKind("attention")
    settle(panel, qtbot)
    assert names(viewer)[1] == "D1 · attention · spots"
    assert job.requests[-1].target.mask is None
    target = panel.maps.form.target
    target.setCurrentIndex(target.findText("All of “glands”"))
    settle(panel, qtbot)
    np.testing.assert_array_equal(job.requests[-1].target.mask, labels > 0)
    target.setCurrentIndex(target.count() - 1)
    assert panel.status.text() == "Click an object on the tissue."
    panel.maps.objectPointed.emit(objects.data_to_world((35, 55)))
    settle(panel, qtbot)
    np.testing.assert_array_equal(job.requests[-1].target.mask, labels == 2)
    panel.maps.objectPointed.emit(objects.data_to_world((0, 0)))
    assert "no object here" in panel.status.text()


def test_two_models_stand_side_by_side(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    mine = viewer.add_labels(np.zeros((60, 80), int), name="mine")
    panel.form.versus.setValue("other")
    look(panel, qtbot)
    assert viewer.canvas.grid.enabled
    assert not mine.visible
    assert "D1 · other · energy" in names(viewer)
    assert len(ours(viewer)) == 2 * len(BLOCKS)
    assert "first spots and then other" in panel.status.text()
    panel.maps.form.side_by_side.setChecked(False)
    settle(panel, qtbot)
    assert not viewer.canvas.grid.enabled
    assert mine.visible
    assert len(ours(viewer)) == 2


def test_following_looks_again_when_the_view_rests(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside(show=True)
    add_field(viewer, field)
    look(panel, qtbot)
    panel.maps.form.follow.setChecked(True)
    settle(panel, qtbot)
    assert panel.form.scope() == "view"
    viewer.scene.camera.zoom *= 4
    qtbot.waitUntil(
        lambda: job.requests[-1].box.shape[0] < 60 and not panel.runner.running, timeout=LONG
    )
    settle(panel, qtbot)
    assert ours(viewer)[0].data.shape[0] < 60


def test_likeness_answers_a_click_and_drops_late_answers(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    image = add_field(viewer, field)
    look(panel, qtbot)
    panel.maps.form.setKind("similarity")
    settle(panel, qtbot)
    assert not ours(viewer)
    for place in ((20, 40), (10, 20)):
        panel.maps.pointing.pointed.emit(image.data_to_world(place))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.name == "D1 · likeness · spots"
    assert float(layer.data[10, 20]) == pytest.approx(1, abs=1e-2)
    assert float(layer.data[20, 40]) < 0.9
    assert len(job.requests) == 1


def test_closing_the_dock_frees_the_maps(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside(window=True)
    add_field(viewer, field)
    look(panel, qtbot)
    viewer.window.remove_dock_widget(panel)
    assert names(viewer) == ["field"]
    assert panel.maps.looked is None


def test_clear_ends_a_look_that_is_under_way(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    job.gate.clear()
    add_field(viewer, field)
    panel.show_button.click()
    with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
        panel.maps.form.clear_button.click()
    job.gate.set()
    settle(panel, qtbot)
    assert names(viewer) == ["field"]
    assert panel.maps.looked is None


def test_an_image_removed_during_its_first_look_ends_the_look(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    job.gate.clear()
    image = add_field(viewer, field)
    panel.show_button.click()
    with qtbot.waitSignal(panel.runner.cancelled, timeout=LONG):
        viewer.layers.remove(image)
    assert panel.maps.looked is None
    assert not viewer.layers


def test_a_closed_panel_does_not_look_again(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside(show=True)
    add_field(viewer, field)
    look(panel, qtbot)
    job.gate.clear()
    panel.show_button.click()
    panel.maps.attentionWanted.emit()  # once more, as soon as this look has ended
    viewer.window.remove_dock_widget(panel)
    job.gate.set()
    settle(panel, qtbot)
    assert len(job.requests) <= 2
    assert names(viewer) == ["field"]


def test_a_clicked_object_is_found_again_where_the_view_has_moved(
    make_inside, qtbot, field
) -> None:
    viewer, panel, job = make_inside()
    add_field(viewer, field)
    labels = np.zeros((60, 80), int)
    labels[5:15, 10:30] = 1
    labels[20:30, 40:50] = 2
    objects = viewer.add_labels(labels, name="glands")
    shapes = viewer.add_shapes([[[0, 0], [0, 60], [40, 60], [40, 0]]], shape_type="rectangle")
    shapes.selected_data = {0}
    panel.form.setScope("shapes")
    panel.maps.form.setKind("attention")
    target = panel.maps.form.target
    target.setCurrentIndex(target.count() - 1)
    look(panel, qtbot)
    panel.maps.objectPointed.emit(objects.data_to_world((25, 45)))
    settle(panel, qtbot)
    shapes.data = [np.array([[10, 10], [10, 70], [50, 70], [50, 10]])]
    shapes.selected_data = {0}
    look(panel, qtbot)
    first, second = job.requests[-2:]
    assert first.box.shape == second.box.shape
    assert first.box != second.box
    np.testing.assert_array_equal(second.target.mask, (labels == 2)[second.box.slices])


def test_an_object_is_clicked_on_the_image_that_was_seen(make_inside, qtbot, field) -> None:
    viewer, panel, job = make_inside()
    add_field(viewer, field)
    labels = np.zeros((60, 80), int)
    labels[20:30, 40:50] = 2
    objects = viewer.add_labels(labels, name="glands")
    panel.maps.form.setKind("attention")
    target = panel.maps.form.target
    target.setCurrentIndex(target.count() - 1)
    look(panel, qtbot)
    other = add_field(viewer, field[:30, :40], name="other", scale=(2, 2))
    panel.form.layer_picker.setValue(other)
    panel.maps.objectPointed.emit(objects.data_to_world((25, 45)))
    settle(panel, qtbot)
    mask = job.requests[-1].target.mask
    assert mask.shape == (30, 40)
    np.testing.assert_array_equal(np.argwhere(mask).min(axis=0), (10, 20))


def test_the_clicked_place_of_another_image_is_forgotten(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    image = add_field(viewer, field)
    look(panel, qtbot)
    panel.maps.form.setKind("similarity")
    settle(panel, qtbot)
    panel.maps.pointing.pointed.emit(image.data_to_world((20, 40)))
    settle(panel, qtbot)
    assert len(ours(viewer)) == 1
    other = add_field(viewer, field)
    panel.form.layer_picker.setValue(other)
    look(panel, qtbot)
    assert not ours(viewer)


def test_two_channels_go_when_a_kind_is_chosen_once_more(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    look(panel, qtbot)
    panel.maps.show_pair("D1", 0, 2)
    settle(panel, qtbot)
    assert ours(viewer)[0].name == "D1 · channels 0 + 2 · spots"
    kinds = panel.maps.form.kinds
    kinds.activated.emit(kinds.currentIndex())  # the list, the same entry
    settle(panel, qtbot)
    assert ours(viewer)[0].name == "D1 · energy · spots"


def test_another_look_keeps_the_channel(make_inside, qtbot, field) -> None:
    viewer, panel, _ = make_inside()
    add_field(viewer, field)
    panel.maps.form.setKind("channel")
    look(panel, qtbot)
    panel.maps.form.channels.setChannel(3)
    settle(panel, qtbot)
    look(panel, qtbot)
    assert ours(viewer)[0].name == "D1 · channel 3 · spots"
    panel.maps.form.blocks.setValue(("E1",))
    settle(panel, qtbot)
    assert panel.maps.form.channels.slider.value() == 0
