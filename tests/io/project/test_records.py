"""Records: what they hold, what they refuse, and the way to bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.project import ObjectState, Region
from napari_selfreg.io.project.records import (
    Camera,
    CameraSet,
    Edit,
    NoteSet,
    RegionPut,
    VersionActive,
    as_ids,
    blocks_of,
    decode,
    encode,
)
from tests.io.project.steps import Block, block

ids = st.integers(0, 2**31 - 1)
said = st.builds(ObjectState, class_name=st.text(max_size=9), accepted=st.booleans())


@st.composite
def edits(draw: st.DrawFn) -> Block:
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    y, x = draw(st.integers(0, 1000)), draw(st.integers(0, 1000))
    values = draw(arrays.arrays(np.int32, (height, width), elements=ids))
    return Block(Box(y, x, y + height, x + width), values)


@given(
    st.lists(edits(), max_size=4),
    st.dictionaries(ids, said, max_size=3),
)
def test_an_edit_comes_back_from_its_bytes(drawn: list[Block], objects: dict[int, Any]) -> None:
    record = decode(*encode(Edit.of("f1", drawn, objects)))
    assert isinstance(record, Edit)
    assert record.objects == objects
    for (box, values), edit in zip(record.values(), drawn, strict=True):
        assert box == edit.box
        np.testing.assert_array_equal(values, edit.after)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", ">i4", "<i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_ids_of_any_type_and_order_are_kept(dtype: str, order: Any) -> None:
    after = np.array([[1, 2, 3], [4, 5, 100]], dtype, order=order)
    ((box, values),) = Edit.of("f1", [Block(Box(2, 3, 4, 6), after)]).values()
    assert (box, values.tolist()) == (Box(2, 3, 4, 6), [[1, 2, 3], [4, 5, 100]])


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_an_id_that_does_not_fit_is_refused_not_wrapped(dtype: Any) -> None:
    sentence = "An object has a number beyond 2147483647: number the objects anew first."
    assert as_ids(np.array([[2**31 - 1]], dtype)).tolist() == [[2**31 - 1]]
    with pytest.raises(BadInputError) as caught:
        as_ids(np.array([[2**31]], dtype))
    assert str(caught.value) == sentence


def test_labels_that_fit_are_not_copied() -> None:
    labels = np.ones((2, 2), np.int32)
    assert as_ids(labels) is labels
    assert as_ids(np.zeros((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(2, 4), (1, 6), (3, 2), (1, 1)])
def test_a_block_of_another_shape_is_refused_before_it_is_written(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="for a block of"):
        blocks_of([Block(Box(0, 0, 2, 3), np.zeros(shape, np.int32))])


def test_empty_edits_are_left_out() -> None:
    nothing = Block(Box(4, 4, 4, 4), np.zeros((0, 0), np.int32))
    record = Edit.of("f1", [nothing, block(0, 0, 1, 1, 1)])
    assert record.blocks == ((0, 0, 1, 1),)
    assert list(Edit.of("f1", [nothing]).values()) == []


def test_a_record_does_not_change_with_the_array_it_was_made_of() -> None:
    edit = block(0, 0, 2, 2, 3)
    record = Edit.of("f1", [edit])
    edit.after[:] = 9
    ((_, values),) = record.values()
    assert (values == 3).all()


def test_damaged_labels_are_noticed() -> None:
    record = Edit.of("f1", [block(0, 0, 2, 2, 3)])
    short = record.model_copy(update={"blocks": ((0, 0, 2, 3),)})
    with pytest.raises(ValueError, match="wrong size"):
        list(short.values())
    torn = record.model_copy(update={"packed": record.packed[:-1]})
    with pytest.raises(ValueError, match="cannot be read"):
        list(torn.values())


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (NoteSet, {"field": "../f1", "text": ""}),
        (NoteSet, {"field": "f1", "text": "x" * 20_001}),
        (NoteSet, {"field": "f1", "text": "", "more": 1}),
        (VersionActive, {"version": "a/b"}),
        (CameraSet, {"field": "f1", "camera": {"center": (0, 0), "zoom": 0}}),
        (CameraSet, {"field": "f1", "camera": {"center": (float("nan"), 0), "zoom": 1}}),
        (Edit, {"field": "f1", "blocks": [(-1, 0, 1, 1)]}),
        (Edit, {"field": "f1", "blocks": [(0, 0, 0, 1)]}),
        (ObjectState, {"class_name": "x" * 201}),
    ],
)
def test_what_no_record_may_hold_is_refused(kind: Any, content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind(**content)


@pytest.mark.parametrize(
    "record",
    [
        VersionActive(version=None),
        NoteSet(field="f1", text="Größe – ✓\n\x00"),
        CameraSet(field="f1", camera=Camera(center=(0.1, -1e-9), zoom=1e-3)),
        RegionPut(field="f1", region=Region(points=((0.1, 0.2), (1, 1), (2, 0)), kind="view")),
    ],
)
def test_other_records_come_back_exactly(record: Any) -> None:
    text, packed = encode(record)
    assert packed == b""
    assert decode(text, packed) == record


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"kind":"diary"}', b'{"kind":"note"}', b"\xff", b"[]"]
)
def test_bytes_that_are_no_record_are_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="error"):
        decode(text, b"")
