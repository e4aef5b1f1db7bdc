"""A project in memory: what records add up to, with labels loaded or still on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import Camera, FieldFacts, ObjectState, Region
from napari_selfreg.io.project.generations import Generation
from napari_selfreg.io.project.manifest import ImageReference, ProjectField
from napari_selfreg.io.project.memory import FieldMemory, Memory, check_blocks, painted
from napari_selfreg.io.project.records import (
    CameraSet,
    Edit,
    FieldStateSet,
    ModelSet,
    NoteSet,
    RegionGone,
    RegionPut,
    VersionActive,
)
from tests.io.project.script import record_at
from tests.io.project.steps import SHAPE, block, start_labels


def field(name: str = "f1") -> ProjectField:
    return ProjectField(
        id=name,
        stem="a",
        image=ImageReference(path="a.png", size=1, fingerprint="0" * 64),
        image_shape=SHAPE,
        shape=SHAPE,
        um_per_px=(0.5, 0.5),
        um_source="file",
        classes=("gland",),
    )


def memory(**state: Any) -> Memory:
    return Memory([field("f1"), field("f2")], Generation(**state))


@settings(max_examples=30)
@given(numbers=st.lists(st.integers(1, 300), max_size=8), loaded_after=st.integers(0, 8))
def test_labels_are_the_same_whenever_they_are_loaded(
    numbers: list[int], loaded_after: int
) -> None:
    edits = [each for each in map(record_at, numbers) if isinstance(each, Edit)]
    late, wanted = FieldMemory(field()), start_labels()
    for count, edit in enumerate(edits):
        if count == loaded_after:
            late.load(start_labels)
        late.edit(edit)
        painted(wanted, [edit])
    np.testing.assert_array_equal(late.load(start_labels), wanted)
    assert not late.waiting
    assert late.changed == any(edit.blocks for edit in edits)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_replaying_over_a_newer_state_changes_nothing(numbers: list[int]) -> None:
    records = [record_at(number) for number in numbers]
    once, twice = memory(), memory()
    for each in (once, twice):
        for one in each.fields.values():
            one.load(start_labels)
    for record in records:
        once.apply(record)
    for record in [*records, *records]:
        twice.apply(record)
    assert twice.state(1).facts == once.state(1).facts
    for name, one in once.fields.items():
        np.testing.assert_array_equal(twice.fields[name].labels, one.labels)


def test_each_record_changes_its_own_fact() -> None:
    known = memory()
    region = Region.rectangle(Box(0, 0, 2, 2))
    camera = Camera(center=(1, 2), zoom=3)
    for record in (
        RegionPut(field="f1", region=region),
        CameraSet(field="f2", camera=camera),
        NoteSet(field="f1", text="words"),
        FieldStateSet(field="f2", state="done"),
        ModelSet(field="f1", model="m", version="v"),
        VersionActive(version="abc"),
        Edit.of("f2", (), {3: ObjectState(accepted=True)}),
    ):
        known.apply(record)
    assert known.state(7) == Generation(
        sequence=7,
        facts={
            "f1": FieldFacts(regions={region.id: region}, note="words", model="m", version="v"),
            "f2": FieldFacts(camera=camera, state="done", objects={3: ObjectState(accepted=True)}),
        },
        active="abc",
        looked_at="f2",
    )
    known.apply(RegionGone(field="f1", region=region.id))
    known.apply(RegionGone(field="f1", region="was never there"))
    assert known.state(9).facts["f1"].regions == {}


def test_a_changed_region_keeps_its_place_in_the_order() -> None:
    known = memory()
    first, second = Region.rectangle(Box(0, 0, 2, 2)), Region.rectangle(Box(3, 3, 4, 4))
    moved = first.model_copy(update={"points": ((0, 0), (0, 9), (9, 9))})
    for region in (first, second, moved):
        known.apply(RegionPut(field="f1", region=region))
    assert list(known.fields["f1"].regions.values()) == [moved, second]


def test_a_state_is_a_copy() -> None:
    known = memory(bookmarks={"b": 1})
    state = known.state(0)
    known.apply(Edit.of("f1", (), {1: ObjectState(accepted=True)}))
    known.bookmarks["c"] = 2
    assert state.facts["f1"].objects == {}
    assert state.bookmarks == {"b": 1}


def test_a_state_names_labels_of_known_fields_only() -> None:
    assert memory(labels={"f1": 3, "f9": 2}).state(0).labels == {"f1": 3}


def test_words_alone_do_not_change_labels() -> None:
    one = FieldMemory(field())
    one.edit(Edit.of("f1", (), {1: ObjectState(accepted=True)}))
    assert not one.changed
    assert one.told
    assert not one.waiting


def test_edits_wait_compressed_until_labels_are_asked_for() -> None:
    one = FieldMemory(field())
    record = Edit.of("f1", [block(0, 0, 2, 2, 7)])
    assert one.step(record, list(record.values())) == record
    assert one.waiting == [record]
    assert one.changed


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ((23, 0, 2, 1), "An edit of 2 x 1 pixels at (23, 0) lies outside of the labels of 24 x 32"),
        ((0, 32, 1, 1), "An edit of 1 x 1 pixels at (0, 32) lies outside of the labels of 24 x 32"),
    ],
)
def test_a_block_outside_is_told_with_its_place(box: tuple[int, ...], sentence: str) -> None:
    record = Edit(field="f1", blocks=((0, 0, 24, 32), box))
    with pytest.raises(BadInputError) as caught:
        check_blocks(record, field().whole)
    assert str(caught.value) == f"{sentence} pixels."
    with pytest.raises(BadInputError):
        memory().apply(record)


def test_a_field_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="f7"):
        memory().apply(NoteSet(field="f7", text=""))
