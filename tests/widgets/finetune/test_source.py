from __future__ import annotations

import numpy as np
import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.project import ObjectState, Project
from napari_selfreg.widgets.finetune.source import (
    FieldNote,
    ProjectCorrections,
    may_be_done,
)
from tests.engine.corrections import corrected
from tests.widgets.finetune.cases import review


@pytest.fixture
def corrections(project) -> ProjectCorrections:
    return ProjectCorrections(project)


def test_fields_are_told_without_their_pixels(corrections, project) -> None:
    review(project, "f2")
    assert corrections.fields() == (
        FieldNote("f1", "field0", "corrected", 0, "spots"),
        FieldNote("f2", "field1", "corrected", 1, "spots"),
    )


def test_any_change_is_noticed(corrections, project) -> None:
    before = corrections.changed()
    assert corrections.changed() == before
    review(project)
    assert corrections.changed() != before


def test_a_field_is_read_with_what_is_reviewed(corrections, project) -> None:
    review(project, "f1", Box(0, 0, 40, 30))
    field = corrections.read("f1", ("gland",))
    made = corrected(seed=0)
    np.testing.assert_array_equal(field.picture, made.picture)
    np.testing.assert_array_equal(field.labels, made.labels)
    assert field.reviewed is not None
    assert field.reviewed[:40, :30].all()
    assert field.reviewed.sum() == 40 * 30
    assert field.pixel_size == PixelSize(1.0, 1.0)
    assert field.labels.flags.writeable  # the project's own array is never handed out


def test_of_several_classes_labels_become_classes(corrections, project) -> None:
    review(project, "f1", Box(0, 0, 64, 80))
    project.set_objects("f1", {2: ObjectState(class_name="gland")})
    field = corrections.read("f1", ("stroma", "gland"))
    ids = project.labels("f1")
    assert set(np.unique(field.labels[ids == 2])) == {2}
    assert field.reviewed is not None
    assert not field.reviewed[ids == 1].any()  # its class is not known
    assert field.reviewed[ids != 1].all()
    assert field.unclassed == 1


def test_corrected_fields_can_be_treated_as_done(corrections, project) -> None:
    assert corrections.treat_as_done() == ("f1", "f2")
    assert [note.state for note in corrections.fields()] == ["done", "done"]
    assert all(corrections.read(each, ("gland",)).reviewed.all() for each in ("f1", "f2"))
    assert corrections.treat_as_done() == ()


@pytest.mark.parametrize(
    ("state", "regions", "asked"),
    [("corrected", 0, True), ("segmented", 0, False), ("corrected", 1, False), ("done", 0, True)],
)
def test_only_corrected_fields_without_regions_are_asked_for(state, regions, asked) -> None:
    assert may_be_done(FieldNote("f1", "a", state, regions)) is asked


def test_read_only_corrections_say_so(project) -> None:
    with Project.open(project.folder) as second:
        corrections = ProjectCorrections(second)
        assert corrections.reason
        with pytest.raises(WriteError):
            corrections.treat_as_done()
