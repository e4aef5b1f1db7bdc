"""Objects with names of classes as targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.object_classes import by_class
from tests.engine.corrections import corrected

CLASSES = ("stroma", "gland")


def test_objects_without_a_class_are_not_reviewed_and_are_counted() -> None:
    field = corrected()
    found = by_class(field, {2: "gland", 9: "stroma"}, CLASSES)
    assert set(np.unique(found.labels[field.labels == 2])) == {2}
    assert found.reviewed is not None
    np.testing.assert_array_equal(found.reviewed, field.labels != 1)
    assert found.unclassed == 1


def test_only_reviewed_objects_are_counted() -> None:
    field = corrected()
    seen = field.labels == 2
    assert by_class(replace(field, reviewed=seen), {2: "gland"}, CLASSES).unclassed == 0
    assert by_class(replace(field, reviewed=seen), {1: "gland"}, CLASSES).unclassed == 1


def test_a_model_of_one_class_takes_all_objects() -> None:
    field = corrected()
    assert by_class(field, {}, ("gland",)) is field


def test_classes_that_fit_no_object_are_told() -> None:
    field = corrected()
    with pytest.raises(BadInputError, match=r"in field 0 has a class of this model .* set the"):
        by_class(field, {1: "odd"}, CLASSES)
    empty = replace(field, labels=field.labels * 0)
    assert not by_class(empty, {}, CLASSES).labels.any()
