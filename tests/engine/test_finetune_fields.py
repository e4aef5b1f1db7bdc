"""Corrected fields as training data: what teaches, what is held out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.finetune_fields import (
    ANCHORED,
    Material,
    contour_width,
    prepare,
    what_is_odd,
)
from napari_selfreg.engine.finetune_types import FinetuneField
from napari_selfreg.engine.object_classes import by_class
from tests.bundles import example_card
from tests.engine.corrections import corrected

CARD = example_card(separation="contour")


def _taught(material: Material) -> int:
    return sum(int((field.targets[0] != IGNORE).sum()) for field in material.training)


def _checked(material: Material) -> int:
    return sum(int((strip.targets[0] != IGNORE).sum()) for strip in material.strips)


def test_every_reviewed_pixel_teaches_or_is_held_out_never_both() -> None:
    material = prepare([corrected(), corrected(seed=1)], CARD)
    assert len(material.strips) == 2
    assert _taught(material) + _checked(material) == material.reviewed == 2 * 64 * 80
    assert 0.1 < _checked(material) / material.reviewed < 0.2


boxes = st.tuples(st.integers(0, 50), st.integers(0, 60), st.integers(3, 40), st.integers(3, 40))


@settings(max_examples=40)
@given(st.lists(boxes, min_size=1, max_size=4))
def test_strips_of_any_regions(places: list[tuple[int, int, int, int]]) -> None:
    field = corrected()
    reviewed = np.zeros(field.labels.shape, bool)
    for y, x, height, width in places:
        reviewed[y : y + height, x : x + width] = True
    material = prepare([replace(field, reviewed=reviewed)], CARD)
    assert material.reviewed == reviewed.sum()
    assert _taught(material) + _checked(material) == reviewed.sum()
    # A strip is as wide as it must be, which is much of a region of a few pixels.
    assert 0 < _checked(material) <= 0.4 * reviewed.sum() + 40 * len(places)
    assert _taught(material) > 0
    (taught,) = material.training
    if taught.anchors is not None:
        assert np.all(taught.targets[0][tuple(taught.anchors.T)] != IGNORE)
    else:
        assert (taught.targets[0] != IGNORE).mean() >= ANCHORED


@pytest.mark.parametrize(("columns", "near"), [(slice(0, 20), True), (slice(60, 80), False)])
def test_strips_lie_where_objects_are(columns: slice, near: bool) -> None:
    field = corrected()
    labels = np.zeros_like(field.labels)
    labels[10:30, columns] = 1
    (strip,) = prepare([replace(field, labels=labels)], CARD).strips
    held = np.flatnonzero((strip.targets[0] != IGNORE).any(0))
    assert bool(held[0] == 0) is near
    assert np.any(strip.targets[0] == 1)


def test_too_small_a_region_is_refused() -> None:
    field = corrected()
    reviewed = np.zeros(field.labels.shape, bool)
    reviewed[3:5, 3:5] = True
    with pytest.raises(BadInputError, match="larger region"):
        prepare([replace(field, reviewed=reviewed)], CARD)


def test_fields_are_brought_to_the_scale_of_the_model() -> None:
    field = replace(corrected(), pixel_size=PixelSize(0.5, 0.5))
    material = prepare([field], CARD)
    assert material.training[0].rgb.shape == (32, 40, 3)
    assert material.reviewed == 32 * 40


def test_checksums_tell_data_apart() -> None:
    field = corrected()
    sums = {
        prepare([each], CARD).checksums[0]
        for each in (
            field,
            replace(field, labels=field.labels * 3),
            replace(field, picture=255 - field.picture),
            replace(field, reviewed=np.ones(field.labels.shape, bool)),
        )
    }
    assert len(sums) == 4
    assert prepare([replace(field, name="other")], CARD).checksums[0] in sums


def test_a_field_without_anything_reviewed_teaches_nothing() -> None:
    field = corrected(seed=1)
    empty = replace(field, reviewed=np.zeros(field.labels.shape, bool))
    material = prepare([corrected(), empty], CARD)
    assert (len(material.training), len(material.strips)) == (1, 1)
    assert len(material.checksums) == 2


def test_a_mask_of_one_value_is_taken_apart_for_its_contours() -> None:
    field = corrected()
    mask = FinetuneField(field.picture, (field.labels > 0).astype(np.int32))
    one, other = prepare([field], CARD), prepare([mask], CARD)
    np.testing.assert_array_equal(one.training[0].targets, other.training[0].targets)


@pytest.mark.parametrize(
    ("recipe", "width"),
    [({}, 4.0), ({"target": {"contour_um": 2.5}}, 2.5), ({"target": {"contour_um": None}}, 4.0)],
)
def test_contours_are_as_wide_as_the_base_knows_them(recipe: Any, width: float) -> None:
    assert contour_width(example_card(recipe=recipe)) == width


def test_without_a_contour_channel_there_is_no_contour() -> None:
    material = prepare([corrected()], example_card())
    assert np.all(material.training[0].targets[1] == IGNORE)


@pytest.mark.parametrize(
    ("rows", "said"),
    [(slice(0, 4), "No object lies"), (slice(8, 28), "inside of objects"), (slice(0, 30), "")],
)
def test_regions_that_show_one_thing_only_are_said(rows: slice, said: str) -> None:
    field = corrected()
    reviewed = np.zeros(field.labels.shape, bool)
    reviewed[rows, 6:30] = True
    odd = what_is_odd(prepare([replace(field, reviewed=reviewed)], CARD))
    assert said in odd
    assert bool(odd) is bool(said)


def test_what_one_region_lacks_another_may_show() -> None:
    one, two = corrected(), corrected(seed=1)
    inside, outside = np.zeros(one.labels.shape, bool), np.zeros(one.labels.shape, bool)
    inside[8:28, 6:30], outside[0:4] = True, True
    fields = [replace(one, reviewed=inside), replace(two, reviewed=outside)]
    assert what_is_odd(prepare(fields, CARD)) == ""


def test_places_of_classes_are_those_that_teach() -> None:
    card = example_card(separation="contour", classes=["stroma", "gland", "nerve"])
    (field,) = prepare([corrected()], card).training
    stroma, gland, nerve = field.of_class
    assert len(nerve) == 0
    for number, places in ((1, stroma), (2, gland)):
        assert np.array_equal(places, np.argwhere(field.targets[0] == number))
    assert len(stroma)
    assert len(gland)
    (single,) = prepare([corrected()], CARD).training
    assert single.of_class == ()


def test_objects_without_a_class_are_told() -> None:
    card = example_card(separation="contour", classes=["stroma", "gland"])
    fields = [by_class(corrected(seed=seed), {2: "gland"}, card.classes) for seed in range(2)]
    (one, two) = (what_is_odd(prepare(some, card)) for some in (fields[:1], fields))
    assert one == "1 reviewed object has no class of this model and teaches nothing: set its class."
    assert two.startswith("2 reviewed objects have no class of this model")
    only = replace(corrected(), reviewed=corrected().labels == 1)
    with pytest.raises(BadInputError, match="1 reviewed object has no class"):
        prepare([by_class(only, {2: "gland"}, card.classes)], card)
