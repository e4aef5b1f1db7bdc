from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.batch_events import FieldDone
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.outputs import Origin, output_paths, write_results
from napari_selfreg.widgets.field_list import FieldList
from napari_selfreg.widgets.field_results import FieldResults, result_info_of
from napari_selfreg.widgets.field_stage import FieldStage
from napari_selfreg.widgets.result_info import RESULT_KEY, mark_touched, result_info
from napari_selfreg.widgets.shared import shared_for
from tests.io.test_outputs import ORIGIN, table
from tests.widgets.fakes import Objects, make_card
from tests.widgets.pictures import noise
from tests.widgets.waits import LONG

HALF = PixelSize.isotropic(0.5)
SETTINGS = PostProcessing(threshold=0.3)


@pytest.fixture
def scene(qtbot, tmp_path: Path) -> Any:
    viewer = ViewerModel()
    fields, stage, owner = FieldList(), FieldStage(viewer), QWidget()
    qtbot.addWidget(owner)
    fields.add([tmp_path / "a.png", tmp_path / "b.png"])
    results = FieldResults(viewer, fields, stage, owner)
    image = stage.show(fields[0], (noise(20, 30, 3), {"name": "a", "rgb": True}, "image"))
    fields.set_current(fields[0])
    return SimpleNamespace(
        viewer=viewer, fields=fields, stage=stage, results=results, image=image, owner=owner
    )


def done(path: Path, shape=(20, 30), scale=(1.0, 1.0)) -> FieldDone:
    labels = np.zeros(shape, np.int32)
    labels[2:4, 3:6] = 1
    found = Objects(labels, Box(0, 0, *shape), {"index": np.array([1])})
    found.probability = np.full((1, *shape), 0.5, np.float16)
    origin = Origin("a", "spots", HALF, "option", ("spot",), scale, settings=SETTINGS)
    return FieldDone(path, SimpleNamespace(result=found, origin=origin), "0123456789ab")


def test_a_finished_field_gets_its_layer(scene, qtbot) -> None:
    field = scene.fields[0]
    assert scene.results.bring(field, scene.image) is None
    card = make_card(data=({"name": "d", "licence": "x", "citation": "Doe 2020", "images": 3},))
    field.pending = (done(field.path), card)
    with qtbot.waitSignal(shared_for(scene.viewer).resultChanged) as told:
        added = scene.results.bring(field, scene.image)
    assert told.args == [added]
    assert added.name == "a spots"
    assert added.data.sum() == 6
    info = result_info(added)
    assert (info.stem, info.um_source, info.settings) == ("a", "option", SETTINGS)
    assert (info.model_version, info.citation) == ("0123456789ab", "Doe 2020")
    assert info.probability.shape == (1, 20, 30)
    assert field.pending is None
    assert field.state == "segmented"


@pytest.mark.parametrize("touched", [False, True])
def test_a_second_run_on_all_hides_what_the_first_one_found(scene, touched: bool) -> None:
    field, shown = scene.fields[0], []
    for _ in range(2):
        field.pending = (done(field.path), make_card())
        shown.append(scene.results.bring(field, scene.image))
        if touched:
            mark_touched(shown[-1])
    assert [layer.visible for layer in shown] == [touched, True]


def test_probabilities_may_have_been_dropped(scene) -> None:
    event = done(scene.fields[0].path)
    event.result.result.probability = event.result.result.probability[:0]
    assert result_info_of(event, make_card(), scene.image).probability is None


def test_a_result_of_a_coarser_level_lies_on_its_image(scene, tmp_path: Path) -> None:
    fine = noise(80, 120, 3)
    pyramid = ([fine, fine[::4, ::4]], {"name": "b", "rgb": True, "multiscale": True}, "image")
    field = scene.fields[1]
    image = scene.stage.show(field, pyramid)
    field.pending = (done(field.path, scale=(4.0, 4.0)), make_card())
    added = scene.results.bring(field, image)
    assert added.scale == pytest.approx((4, 4))
    assert added.data_to_world((2, 3)) == pytest.approx((9.5, 13.5))
    field.pending = (done(field.path, shape=(7, 7)), make_card())
    assert scene.results.bring(field, image) is None


def add_result_layer(scene) -> Any:
    info = result_info_of(done(scene.fields[0].path), make_card(), scene.image)
    return scene.viewer.add_labels(np.zeros((20, 30), int), metadata={RESULT_KEY: info})


def test_states_follow_the_layers(scene) -> None:
    field = scene.fields[0]
    scene.viewer.add_labels(np.zeros((20, 30), int), name="of a person")
    assert field.state == "new"
    labels = add_result_layer(scene)
    assert field.state == "segmented"
    labels.paint((5, 5), 7)
    assert field.state == "corrected"
    scene.fields.update(field, state="done")
    labels.paint((9, 9), 7)
    assert field.state == "done"


def test_coming_back_is_no_correction(scene) -> None:
    labels = add_result_layer(scene)
    other = (noise(20, 30, 3), {"name": "b", "rgb": True}, "image")
    scene.stage.show(scene.fields[1], other)
    scene.stage.show(scene.fields[0])
    assert labels in scene.viewer.layers
    assert [field.state for field in scene.fields] == ["segmented", "new"]
    labels.paint((5, 5), 7)
    assert scene.fields[0].state == "corrected"


@pytest.mark.parametrize("name", ["a.png", "a.nii"])
def test_what_was_never_saved_is_not_read(scene, tmp_path: Path, qtbot, caplog, name: str) -> None:
    """Fields of a project are segmented without files of a result."""
    field = scene.fields[0]
    field.path = tmp_path / name
    scene.fields.update(field, state="segmented")
    runner = scene.results._runner
    with qtbot.waitSignal(runner.finished, timeout=LONG) as told:
        assert scene.results.bring(field, scene.image) is None
    assert told.args == [None]
    assert not [each for each in caplog.records if each.exc_info]
    assert list(scene.viewer.layers) == [scene.image]


def test_what_was_saved_comes_back(scene, tmp_path: Path, qtbot) -> None:
    field = scene.fields[0]
    labels = np.zeros((20, 30), np.int32)
    labels[2:4, 3:6] = 1
    write_results(tmp_path / "results", labels, table(labels), replace(ORIGIN, stem="a"))
    scene.fields.update(field, state="segmented")
    with qtbot.waitSignal(shared_for(scene.viewer).resultChanged, timeout=LONG) as told:
        scene.results.bring(field, scene.image)
    assert np.array_equal(told.args[0].data, labels)


def test_a_saved_result_that_is_damaged_is_logged(scene, tmp_path: Path, qtbot, caplog) -> None:
    field = scene.fields[0]
    (tmp_path / "results").mkdir()
    output_paths(tmp_path / "results", "a")["objects"].write_bytes(b"no labels")
    scene.fields.update(field, state="segmented")
    with qtbot.waitSignal(scene.results._runner.failed, timeout=LONG):
        scene.results.bring(field, scene.image)
    assert [each for each in caplog.records if each.exc_info]


def test_a_field_whose_only_result_is_deleted_is_new_again(scene) -> None:
    field = scene.fields[0]
    for _ in range(2):
        field.pending = (done(field.path), make_card())
        scene.results.bring(field, scene.image)
    scene.viewer.layers.remove("a spots")
    assert field.state == "segmented"  # there is another
    scene.stage.clear()
    assert field.state == "segmented"  # it has turned to another page only
    scene.viewer.layers.clear()
    scene.stage.show(field)
    scene.viewer.layers.remove("a spots [1]")
    assert field.state == "new"


@pytest.mark.parametrize("kept", ["corrected", "saved", "in a project"])
def test_what_is_kept_elsewhere_or_a_persons_stays(scene, kept: str) -> None:
    field = scene.fields[0]
    field.pending = (done(field.path), make_card())
    added = scene.results.bring(field, scene.image)
    if kept == "corrected":
        scene.fields.update(field, state=kept)
    elif kept == "saved":
        objects = output_paths(results_folder(field.path), field.stem)["objects"]
        objects.parent.mkdir()
        objects.touch()
    else:
        shared_for(scene.viewer).project = SimpleNamespace()
    before = field.state
    scene.viewer.layers.remove(added)
    assert field.state == before
