from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.components import ViewerModel

from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.io.remembered import remember_pixel_size
from napari_selfreg.widgets.correct.unshown_results import same_file, unshown_results
from napari_selfreg.widgets.field_list import FieldList
from tests.widgets.correct.steps import add_result_of_file
from tests.widgets.fakes import make_card
from tests.widgets.results_steps import UM
from tests.widgets.test_field_results import HALF, SETTINGS, done


def test_a_layer_that_was_set_aside_is_taken_with_its_edits(tmp_path: Path) -> None:
    _, layer = add_result_of_file(ViewerModel(), tmp_path)
    layer.data[0, 0] = 77
    (field,) = FieldList().add([tmp_path / "field 1.png"])
    field.layers = [layer]
    ((new, same),) = unshown_results([field], tmp_path / "other.png")
    assert same is layer
    assert (new.image, new.pixel_size) == (tmp_path / "field 1.png", UM)
    assert np.array_equal(new.labels, layer.data)


def test_so_is_what_run_on_all_has_found(tmp_path: Path) -> None:
    (field,) = FieldList().add([tmp_path / "a.png"])
    field.pending = (done(field.path), make_card())
    ((new, layer),) = unshown_results([field], tmp_path / "b.png")
    assert layer is None
    assert (new.image, new.pixel_size, new.settings) == (field.path, HALF, SETTINGS)
    assert np.unique(new.labels).tolist() == [0, 1]


def test_a_later_run_on_all_counts_instead_of_all_but_her_own_work(tmp_path: Path) -> None:
    _, layer = add_result_of_file(ViewerModel(), tmp_path)
    fields = FieldList()
    (field,) = fields.add([tmp_path / "field 1.png"])
    field.layers, field.pending = [layer], (done(field.path), make_card())
    ((new, same),) = unshown_results([field], tmp_path / "other.png")
    assert same is None
    assert new.pixel_size == HALF
    fields.update(field, state="corrected")
    ((_, same),) = unshown_results([field], tmp_path / "other.png")
    assert same is layer


def test_the_field_on_show_and_those_without_a_result_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    shown, empty = FieldList().add([tmp_path / "a.png", tmp_path / "b.png"])
    shown.pending = (done(shown.path), make_card())
    assert same_file(shown.path, tmp_path / "link.png")
    assert unshown_results([shown, empty], tmp_path / "link.png") == []


def test_fields_of_a_project_that_wait_take_the_size_chosen_for_their_folder(
    light: Any, tmp_path: Path
) -> None:
    project, fields = light.desk.project, light.desk.door.fields
    record = project.fields[0]
    field = fields.find(project.images.path(record.id)) or fields.add([tmp_path / "field 1.png"])[0]
    fields.set_current(None)
    field.facts, field.pixel_size = FieldFacts((9, 9), None, None), None
    remember_pixel_size(field.path, HALF)
    light.desk.shared.pixelSizeChanged.emit(None)
    assert project.field(record.id).pixel_size == HALF
    field.pixel_size = record.pixel_size  # one of its own counts more
    light.desk.shared.pixelSizeChanged.emit(None)
    assert project.field(record.id).pixel_size == record.pixel_size
