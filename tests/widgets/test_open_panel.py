"""The Open panel in a real viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_selfreg.core.measurements import measure_objects
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.io.outputs import Origin, write_results
from napari_selfreg.widgets.image_layers import REMEMBERED, source_info, um_source
from napari_selfreg.widgets.layers import ORIGIN_KEY, pixel_size_of
from napari_selfreg.widgets.open_form import LOOKING, SAMPLES
from napari_selfreg.widgets.open_panel import OpenPanel
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE
from napari_selfreg.widgets.result_info import RESULT_KEY, is_touched, result_info
from napari_selfreg.widgets.sample_data import ebhi_normal
from napari_selfreg.widgets.scale_guide import NAME
from napari_selfreg.widgets.shared import shared_for
from napari_selfreg.widgets.workbench import add_workbench
from tests.io.image_files import smooth, tissue, write_svs
from tests.widgets.fakes import make_card
from tests.widgets.open_steps import docked, drop, open_and_wait, wait_shown, write_fields
from tests.widgets.panel_steps import names
from tests.widgets.results_steps import info_for
from tests.widgets.waits import LONG

TWENTY = PixelSize.isotropic(0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fields(tmp_path / "case")


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    write_svs(tmp_path / "slide.svs", smooth(64, 96))
    return tmp_path / "slide.svs"


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def panel(viewer) -> OpenPanel:
    return docked(viewer)


def states(panel: OpenPanel) -> list[str]:
    return [each.state for each in panel.fields]


def test_a_picture_is_one_field_and_one_layer(panel, viewer, folder: Path, qtbot) -> None:
    seen: list[object] = []
    panel.shared.fieldChanged.connect(seen.append)
    image = open_and_wait(panel, qtbot, folder / "b.png", "b")
    assert np.array_equal(image.data, tissue(40, 61))
    assert source_info(image).path == folder / "b.png"
    assert [each.stem for each in panel.fields] == ["b"]
    assert seen == [panel.fields[0]]
    assert panel.fields[0].facts.shape == (40, 61)
    assert viewer.layers.selection.active == image
    assert shared_for(viewer).fields is panel.fields


def test_a_folder_is_a_list_of_which_one_is_shown(panel, viewer, folder: Path, qtbot) -> None:
    open_and_wait(panel, qtbot, folder, "a")
    assert panel.form.view.count() == 3
    assert "a" in names(viewer)
    panel.form.next_button.click()
    image = wait_shown(panel, qtbot, "b")
    assert [name for name in names(viewer) if name != NAME] == ["b"]
    mark = viewer.add_points([[3, 4]], name="mine")
    panel.form.next_button.click()
    wait_shown(panel, qtbot, "c")
    assert "mine" not in names(viewer)
    assert not panel.form.next_button.isEnabled()
    panel.form.previous_button.click()
    assert wait_shown(panel, qtbot, "b") == image
    assert mark in viewer.layers
    assert viewer.layers.selection.active == mark


def test_a_slide_is_a_lazy_pyramid_that_states_its_size(panel, viewer, slide: Path, qtbot) -> None:
    image = open_and_wait(panel, qtbot, slide, "slide")
    assert image.multiscale
    assert pixel_size_of(image) == PixelSize(0.499, 0.499)
    assert panel.form.chooser.value() == PixelSize(0.499, 0.499)
    assert not panel.form.chooser.hint.isVisibleTo(panel)
    assert names(viewer) == ["slide"]  # nothing is drawn where nothing is asked


def test_an_unknown_size_is_chosen_by_eye_and_counts_for_the_folder(
    panel, viewer, folder: Path, qtbot
) -> None:
    panel.shared.set_card(make_card(typical_area_um2=300.0))
    first = open_and_wait(panel, qtbot, folder, "a")
    chooser = panel.form.chooser
    assert pixel_size_of(first) is None
    assert chooser.hint.isVisibleTo(panel)
    assert not panel.form.run_all_button.isEnabled()
    assert "a.png does not state its pixel size" in panel.form.run_all_button.toolTip()
    drawn = viewer.layers[NAME]
    assert len(drawn.data) == 6  # bar and object, each with a bright rim and a plate for its words
    assert np.ptp(drawn.data[0], axis=0)[1] == pytest.approx(200)  # 100 µm, if 20×
    chooser.buttons["10×"].click()
    assert pixel_size_of(first) == PixelSize(1, 1)
    assert um_source(first) == "option"
    assert np.ptp(viewer.layers[NAME].data[0], axis=0)[1] == pytest.approx(100)
    assert viewer.layers.selection.active == first
    assert panel.form.run_all_button.isEnabled()
    panel.form.next_button.click()
    second = wait_shown(panel, qtbot, "b")
    assert pixel_size_of(second) == PixelSize(1, 1)
    assert second.metadata[ORIGIN_KEY] == REMEMBERED
    assert um_source(second) == "option"
    assert NAME not in names(viewer)
    assert [each.pixel_size for each in panel.fields.to_run()] == [PixelSize(1, 1)] * 3


def test_who_changes_a_size_later_is_told_that_the_model_saw_another(
    panel, viewer, folder: Path, qtbot
) -> None:
    image = open_and_wait(panel, qtbot, folder, "a")
    panel.form.chooser.buttons["10×"].click()
    labels = np.eye(16, dtype=np.int32)
    info = info_for(labels, image_layer_id=image.unique_id)
    layer = viewer.add_labels(labels, metadata={RESULT_KEY: info}, units=("um", "um"))
    panel.form.chooser.buttons["20×"].click()
    assert panel.form.status.text() == FOUND_BEFORE
    assert result_info(layer).pixel_size == TWENTY
    panel.shared.resultChanged.emit(viewer.add_labels(labels, name="of another image"))
    assert panel.form.status.text() == FOUND_BEFORE
    panel.shared.resultChanged.emit(layer)
    assert panel.form.status.text() == ""


@pytest.mark.filterwarnings("ignore:.*setActiveWindow:DeprecationWarning")
def test_pages_turn_wherever_the_focus_is(make_napari_viewer, folder: Path, qtbot) -> None:
    viewer = make_napari_viewer(show=True)
    bench = add_workbench(viewer)
    panel = bench.open_panel
    open_and_wait(panel, qtbot, folder, "a")
    bench.tabs.setCurrentIndex(1)  # another panel is in front
    window = panel.window()
    QApplication.setActiveWindow(window)  # no window manager does it in tests
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    wait_shown(panel, qtbot, "b")
    qtbot.keyClick(window, Qt.Key.Key_PageUp)
    wait_shown(panel, qtbot, "a")


def test_drops_on_window_and_workbench_do_the_same(
    viewer, folder: Path, slide: Path, qtbot
) -> None:
    bench = add_workbench(viewer)
    panel = bench.open_panel
    models: list[Path] = []
    panel.shared.modelDropped.connect(models.append)
    assert drop(bench, folder, folder / "glands.safetensors") == (True, True)
    wait_shown(panel, qtbot, "a")
    assert models == [folder / "glands.safetensors"]
    children = bench.window().findChildren(QWidget)
    (canvas,) = [each for each in children if type(each).__name__ == "QtViewer"]
    assert drop(canvas, slide) == (True, True)
    wait_shown(panel, qtbot, "slide")
    assert [each.stem for each in panel.fields] == ["a", "b", "c", "slide"]
    assert sum(name != NAME for name in names(viewer)) == 1


def test_a_bad_file_is_told_and_shows_nothing_else(panel, viewer, folder: Path, qtbot) -> None:
    (folder / "b.png").write_bytes(b"IJrEr1v")
    open_and_wait(panel, qtbot, folder, "a")
    panel.form.next_button.click()
    qtbot.waitUntil(lambda: "b.png is damaged" in panel.form.status.text(), timeout=LONG)
    assert names(viewer) == []
    assert "damaged" in panel.form.view.item(1).text()
    panel.form.next_button.click()
    wait_shown(panel, qtbot, "c")
    assert panel.form.status.text() == ""


def test_nothing_runs_on_files_that_were_not_looked_at_yet(panel, folder: Path) -> None:
    panel.form.set_runnable(True)
    panel.fields.add(sorted(folder.iterdir()), folder)
    assert panel.form.missing() == LOOKING
    assert not panel.form.run_all_button.isEnabled()
    panel.fields.update(panel.fields[0], problem="a.png is damaged.")
    for field in panel.fields:
        panel.fields.update(field, facts=FieldFacts((40, 60), None, np.zeros((4, 4, 3), np.uint8)))
    panel.form.refresh()
    assert "does not state its pixel size" in panel.form.missing()
    assert panel.form.output_words.text() == panel.form.missing()


def test_run_on_all_is_followed_where_it_was_asked_for(panel, folder: Path, qtbot) -> None:
    open_and_wait(panel, qtbot, folder, "a")
    panel.form.set_runnable(True)
    panel.form.chooser.buttons["20×"].click()
    assert panel.form.run_all_button.isEnabled()
    panel.fields.batch_running = True
    panel.fields.batchTold.emit("a: field 1 of 3…")
    assert panel.form.status.text() == "a: field 1 of 3…"
    with qtbot.waitSignal(panel.shared.cancelAllRequested):
        panel.form.run_all_button.click()
    panel.fields.end_batch()
    panel.fields.batchTold.emit("Done.")
    assert panel.form.run_all_button.isEnabled()


def test_an_empty_panel_shows_only_what_can_be_done(panel, viewer, folder: Path, qtbot) -> None:
    form = panel.form
    of_one = (form.done_button, form.remove_button, form.run_all_button, form.output_words)
    of_many = (form.previous_button, form.next_button)
    assert not any(part.isVisibleTo(panel) for part in (*of_one, *of_many, form.size_group))
    narrow = form.minimumSizeHint().width()
    open_and_wait(panel, qtbot, folder / "a.png", "a")
    assert all(part.isVisibleTo(panel) for part in (*of_one, form.size_group))
    assert form.minimumSizeHint().width() <= narrow + 40  # the dock keeps about its width
    assert not any(part.isVisibleTo(panel) for part in of_many)
    open_and_wait(panel, qtbot, folder / "b.png", "b")
    assert all(part.isVisibleTo(panel) for part in of_many)
    viewer.layers.clear()
    assert not form.size_group.isVisibleTo(panel)


def test_a_field_of_a_known_size_is_shown_whole(panel, viewer, folder: Path, qtbot) -> None:
    panel.shared.remember_pixel_size(folder / "a.png", PixelSize.isotropic(4))
    image = open_and_wait(panel, qtbot, folder, "a")
    assert pixel_size_of(image) == PixelSize.isotropic(4)
    middle = np.mean(image.extent.world, axis=0)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], middle, atol=4)


def test_a_folder_without_images_is_told(panel, tmp_path: Path, qtbot) -> None:
    panel.open_paths([tmp_path])
    qtbot.waitUntil(lambda: "holds no image" in panel.form.status.text(), timeout=LONG)
    assert panel.form.empty.isVisibleTo(panel)


def test_a_removed_image_comes_back_by_a_click(panel, viewer, folder: Path, qtbot) -> None:
    image = open_and_wait(panel, qtbot, folder, "a")
    viewer.layers.remove(image)
    assert panel.fields.current is None
    assert names(viewer) == []
    panel.form.view.setCurrentRow(0)
    assert wait_shown(panel, qtbot, "a") != image


def test_done_and_remove(panel, viewer, folder: Path, qtbot) -> None:
    open_and_wait(panel, qtbot, folder, "a")
    panel.form.done_button.click()
    assert states(panel) == ["done", "new", "new"]
    assert len(panel.fields.to_run()) == 2
    panel.form.remove_button.click()
    wait_shown(panel, qtbot, "b")
    assert (folder / "a.png").exists()
    assert panel.form.view.count() == 2
    panel.fields.remove(panel.fields.queue()[1:])
    panel.form.remove_button.click()
    assert names(viewer) == []  # the last one takes its image along
    assert panel.form.empty.isVisibleTo(panel)


def test_closing_the_panel_ends_its_jobs_and_nothing_fails(viewer, folder: Path, qtbot) -> None:
    panel = docked(viewer)
    panel.open_paths([folder])
    viewer.window.remove_dock_widget(panel)
    panel.deleteLater()
    qtbot.wait(50)
    viewer.add_image(np.zeros((4, 4, 3), np.uint8), rgb=True)
    viewer.layers.clear()


def test_a_second_panel_takes_over(viewer, folder: Path, qtbot) -> None:
    first, second = docked(viewer), docked(viewer)
    assert shared_for(viewer).fields is second.fields
    assert not first.isEnabled()
    assert second.isEnabled()
    assert drop(second, folder) == (True, True)
    assert drop(first, folder) == (False, False)
    wait_shown(second, qtbot, "a")
    assert len(first.fields) == 0


def test_corrections_are_not_removed_unasked(panel, folder: Path, qtbot, monkeypatch) -> None:
    open_and_wait(panel, qtbot, folder / "a.png", "a")
    panel.fields.update(panel.fields[0], state="corrected")
    buttons = QMessageBox.StandardButton
    answers = iter([buttons.No, buttons.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(answers))
    panel.form.remove_button.click()
    assert len(panel.fields) == 1
    panel.form.remove_button.click()
    assert len(panel.fields) == 0


def test_results_of_an_earlier_session_are_shown_again(panel, viewer, folder: Path, qtbot) -> None:
    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 10:30] = 1
    table = measure_objects(labels, tissue(40, 60), None, TWENTY, ("gland",))
    (folder / "results").mkdir()
    write_results(
        folder / "results", labels, table, Origin("a", "glands", TWENTY, "option", ("gland",))
    )
    open_and_wait(panel, qtbot, folder, "a")
    qtbot.waitUntil(lambda: "a glands" in names(viewer), timeout=LONG)
    shown = viewer.layers["a glands"]
    assert np.array_equal(shown.data, labels)
    assert shown.features["area_um2"].iloc[1] == pytest.approx(50)
    assert states(panel) == ["segmented", "new", "new"]
    viewer.layers.remove(shown)
    panel.form.next_button.click()
    wait_shown(panel, qtbot, "b")
    panel.form.previous_button.click()
    wait_shown(panel, qtbot, "a")
    assert "a glands" not in names(viewer)  # she has removed it


def test_saved_corrections_are_known_again_and_left_alone(
    panel, viewer, folder: Path, qtbot
) -> None:
    labels = np.ones((40, 60), np.int32)
    table = measure_objects(labels, tissue(40, 60), None, TWENTY, ("gland",))
    (folder / "results").mkdir()
    origin = Origin("a", "glands", TWENTY, "option", ("gland",), corrected=True)
    write_results(folder / "results", labels, table, origin)
    open_and_wait(panel, qtbot, folder, "a")
    qtbot.waitUntil(lambda: "a glands" in names(viewer), timeout=LONG)
    assert is_touched(viewer.layers["a glands"])
    assert states(panel) == ["corrected", "new", "new"]
    assert [each.path.stem for each in panel.fields.to_run()] == ["b", "c"]


def test_a_sample_is_a_field_too(panel, viewer, qtbot) -> None:
    layer = viewer.add_image(**_sample_arguments())
    assert wait_shown(panel, qtbot, "ebhi_normal") == layer
    panel.shared.set_card(make_card())
    assert panel.form.missing() == SAMPLES
    assert panel.fields.to_run()[0].pixel_size == pixel_size_of(layer)
    assert "estimated" in layer.metadata[ORIGIN_KEY]  # nobody has chosen it
    assert "estimated" in panel.form.chooser.edit.origin()


def _sample_arguments() -> dict[str, object]:
    data, arguments, _ = ebhi_normal()[0]
    return {"data": data, **arguments}
