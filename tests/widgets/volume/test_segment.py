from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.layers import Labels

from napari_selfreg.core.volume.measurements import measure_classes
from napari_selfreg.engine.events import Progress
from napari_selfreg.engine.volume.events import VolumeTileDone
from napari_selfreg.widgets.card_view import summary
from napari_selfreg.widgets.layer_run import CANCELLED, REMOVED
from napari_selfreg.widgets.layers import OWN_KEY
from napari_selfreg.widgets.volume.form import (
    NO_SLIDERS,
    ONLY_PICTURES,
    WHOLE_ONLY,
    describe,
    mismatch,
    obstacle,
)
from napari_selfreg.widgets.volume.result_info import volume_result_info
from napari_selfreg.widgets.volume.run import describe_classes
from napari_selfreg.widgets.volume.segment_job import VolumeFound
from napari_selfreg.widgets.volume.voxel_size import change_spacing
from tests.widgets.fakes import make_card
from tests.widgets.panel_steps import run_to_the_end
from tests.widgets.volume.conftest import MM, volume_card
from tests.widgets.waits import LONG

PLACE = {"scale": (2, 1, 0.5), "translate": (3, 4, 5), "rotate": (0, 0, 90)}


class BrightJob:
    """Voxels above 100 are class 1, above 120 class 2; waits where a test wants it to."""

    def __init__(self, gate: bool = True) -> None:
        self.gate = threading.Event()
        if gate:
            self.gate.set()

    def __call__(self, request):
        return (yield from self._run(request))

    def _run(self, request):
        voxels = request.view.read()
        for step in range(200 if not self.gate.is_set() else 1):
            yield Progress(step, 200, "Segmenting the volume")
            self.gate.wait(0.05)
        labels = (voxels > 100).astype(np.int32) + (voxels > 120)
        table = measure_classes(labels, voxels, request.view.spacing, ("front", "back"))
        return VolumeFound(request.view.as_layer(labels), table, request.view.notes, "0123")


@pytest.fixture
def bright(make_volume_panel):
    def make(gate: bool = True):
        viewer, panel = make_volume_panel()
        job = BrightJob(gate)

        def run(request):
            return (yield from job(request))

        panel.volumes._job = run
        return viewer, panel, job

    return make


def shown_models(panel) -> list[str]:
    names = panel.model_picker._list
    return [
        names.itemText(row).split(" ·")[0]
        for row in range(names.count())
        if not names.view().isRowHidden(row)
    ]


def test_each_kind_of_layer_has_its_own_models(make_volume_panel, scan, field) -> None:
    viewer, panel = make_volume_panel()
    assert shown_models(panel) == ["Dark spots", "Tiny volumes"]
    viewer.add_image(field, name="picture", rgb=True, units=["um", "um"])
    assert shown_models(panel) == ["Dark spots"]
    volume = viewer.add_image(scan, name="scan", **MM)
    assert shown_models(panel) == ["Tiny volumes"]
    assert panel.model_picker.card().name == "tiny"
    assert panel.run_button.isEnabled()
    viewer.layers.remove(volume)
    assert panel.model_picker.card().name == "spots"


def test_a_mismatch_is_one_sentence(make_volume_panel, scan) -> None:
    viewer, panel = make_volume_panel()
    layer = viewer.add_image(scan, name="scan", **MM)
    panel.model_picker.setValue("spots")
    assert panel.status.text() == mismatch(layer, make_card())
    assert panel.status.text().count(".") == 1
    assert not panel.run_button.isEnabled()
    flat = viewer.add_image(scan[0], name="flat")
    assert "is for volumes" in mismatch(flat, volume_card())
    assert mismatch(flat, make_card()) == mismatch(layer, volume_card()) == ""


def test_nothing_runs_on_voxels_of_unknown_size(bright, scan, qtbot) -> None:
    viewer, panel, _ = bright()
    layer = viewer.add_image(scan, name="scan")
    assert not panel.run_button.isEnabled()
    assert panel.status.text() == obstacle(layer, volume_card())
    assert "type it in Open" in panel.status.text()
    assert describe(layer) == "10 × 12 × 14 of unknown size (z, y, x)."
    assert obstacle(layer, make_card()) == mismatch(layer, make_card())
    change_spacing(viewer, layer, (2.0, 1.0, 1.0))
    panel.shared.pixelSizeChanged.emit(layer)
    assert panel.run_button.isEnabled()
    added = run_to_the_end(panel, qtbot)
    np.testing.assert_allclose(added.scale, (2, 1, 1))


def test_what_is_for_pictures_says_so(make_volume_panel, scan, field) -> None:
    viewer, panel = make_volume_panel()
    viewer.add_image(field, rgb=True, units=["um", "um"])
    panel.area_picker.setValue("view")
    volume = viewer.add_image(scan, name="scan", scale=(2, 1, 0.5), **MM)
    button = panel.area_picker.button("view")
    assert panel.area_picker.value() == "whole"
    assert (button.isEnabled(), button.toolTip()) == (False, WHOLE_ONLY)
    assert (panel.objects.isEnabled(), panel.objects.toolTip()) == (False, NO_SLIDERS)
    assert not panel.form.advanced.tta.isEnabled()
    assert panel.pixel_size_edit.isHidden()
    assert panel.form.volume_rows.label.text() == describe(volume)
    assert describe(volume) == "10 × 12 × 14 of 2 × 1 × 0.5 mm (z, y, x)."
    panel.try_all()
    assert panel.status.text() == ONLY_PICTURES
    viewer.layers.remove(volume)
    assert panel.area_picker.value() == "view"
    assert panel.area_picker.button("view").isEnabled()
    assert panel.objects.isEnabled()
    assert not panel.pixel_size_edit.isHidden()


@pytest.mark.parametrize("labels", [("z", "y", "x"), ("x", "z", "y")])
def test_the_classes_lie_voxel_on_voxel(bright, qtbot, scan, labels) -> None:
    viewer, panel, _ = bright()
    data = scan.transpose(["zyx".index(axis) for axis in labels])
    volume = viewer.add_image(data, name="scan", axis_labels=labels, **MM, **PLACE)
    added = run_to_the_end(panel, qtbot)
    expected = (data > 100).astype(int) + (data > 120)
    np.testing.assert_array_equal(added.data, expected)
    for point in ((0, 0, 0), (3, 5, 7)):
        np.testing.assert_allclose(added.data_to_world(point), volume.data_to_world(point))
    assert added.units == volume.units
    assert added.axis_labels == volume.axis_labels


def test_the_measurements_are_its_features(bright, qtbot, scan) -> None:
    viewer, panel, _ = bright()
    volume = viewer.add_image(scan, name="scan", scale=(2, 1, 0.5), **MM)
    added = run_to_the_end(panel, qtbot)
    row = added.features.iloc[1]
    count = int((added.data == 1).sum())
    assert (row["class"], row["voxels"]) == ("front", count)
    assert row["volume_mm3"] == pytest.approx(count * 1.0)
    assert row["volume_ml"] == pytest.approx(count / 1000)
    info = volume_result_info(added)
    assert (info.model_name, info.classes) == ("tiny", ("front", "back"))
    assert info.image_layer_id == volume.unique_id
    assert "front" in panel.status.text()
    assert "ml" in panel.status.text()


def test_a_second_run_adds_a_second_layer(bright, qtbot, scan) -> None:
    viewer, panel, _ = bright()
    viewer.add_image(scan, name="scan", **MM)
    first = run_to_the_end(panel, qtbot)
    first.data[0, 0, 0] = 2
    kept = first.data.copy()
    run_to_the_end(panel, qtbot)
    results = [each for each in viewer.layers if isinstance(each, Labels)]
    assert len({each.name for each in results}) == 2
    np.testing.assert_array_equal(results[0].data, kept)


def test_it_works_while_three_dimensions_are_shown(bright, qtbot, scan) -> None:
    viewer, panel, _ = bright()
    viewer.add_image(scan, name="scan", **MM)
    viewer.dims.ndisplay = 3
    added = run_to_the_end(panel, qtbot)
    assert added.data.shape == scan.shape
    assert added.blending == "translucent_no_depth"  # the rendered volume does not hide it


def test_cancel_adds_nothing(bright, qtbot, scan) -> None:
    viewer, panel, _ = bright(gate=False)
    viewer.add_image(scan, name="scan", **MM)
    panel.run_button.click()
    qtbot.waitUntil(lambda: panel.status.text() == "Segmenting the volume…", timeout=LONG)
    assert panel.run_button.text() == "Cancel"
    panel.run_button.click()
    qtbot.waitUntil(lambda: not panel.volumes.runner.running, timeout=LONG)
    assert panel.status.text() == CANCELLED
    assert len(viewer.layers) == 1
    assert panel.run_button.text() == "Run"


def test_what_is_found_is_shown_while_it_is_found(make_volume_panel, qtbot, scan) -> None:
    viewer, panel = make_volume_panel()
    gate = threading.Event()
    lower = VolumeTileDone(((0, 5), (0, 12), (0, 14)), np.full((5, 12, 14), 200, np.uint8), 0.5)

    def job(request):
        yield lower
        yield Progress(50, 100, "Segmenting the volume")
        while not gate.wait(0.05):
            yield Progress(50, 100, "Segmenting the volume")
        return (yield from BrightJob()(request))

    panel.volumes._job = job
    volume = viewer.add_image(scan, name="scan", **MM, **PLACE)
    panel.run_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LONG)
    shown = viewer.layers[1]
    assert shown.metadata[OWN_KEY] == "preview"
    assert (shown.data[:5] == 200).all()
    assert not shown.data[5:].any()
    np.testing.assert_allclose(shown.data_to_world((3, 5, 7)), volume.data_to_world((3, 5, 7)))
    assert viewer.layers.selection.active == volume
    gate.set()
    qtbot.waitUntil(lambda: not panel.volumes.runner.running, timeout=LONG)
    assert shown not in viewer.layers
    assert [type(each) for each in viewer.layers][1:] == [Labels]


def test_a_volume_that_is_removed_ends_its_run(bright, qtbot, scan) -> None:
    viewer, panel, _ = bright(gate=False)
    volume = viewer.add_image(scan, name="scan", **MM)
    panel.run_button.click()
    qtbot.waitUntil(lambda: panel.status.text() == "Segmenting the volume…", timeout=LONG)
    with qtbot.waitSignal(panel.volumes.concluded, timeout=LONG) as signal:
        viewer.layers.remove(volume)
    assert signal.args == [REMOVED]
    assert len(viewer.layers) == 0


def test_the_size_of_voxels_is_told_in_millimetres() -> None:
    card = volume_card(um_per_px=(2000.0, 1000.0, 500.0))
    assert "voxels of 2 × 1 × 0.5 mm" in summary(card)
    assert "µm/px" in summary(make_card())


def test_nothing_found_is_told_with_what_to_do() -> None:
    empty = measure_classes(np.zeros((2, 2, 2), int), None, (1, 1, 1), ("front",))
    assert describe_classes(empty, 1).startswith("Nothing was found")


def test_a_real_network_segments_a_volume(make_volume_panel, qtbot, scan, tmp_path) -> None:
    from tests.engine.volume.models import volume_bundle

    model = volume_bundle(tmp_path / "real.safetensors", intensity="volume")
    viewer, panel = make_volume_panel(model)
    viewer.add_image(scan, name="scan", **MM)
    added = run_to_the_end(panel, qtbot)
    assert added.data.shape == scan.shape
    assert set(np.unique(added.data)) <= {0, 1, 2}
    assert added.features["voxels"].sum() == np.count_nonzero(added.data)
