"""TapSpec: the order of blocks, JSON and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.nets.tapspec import Tap, TapSpec


def taps(*blocks: str) -> tuple[Tap, ...]:
    """Return taps with these block names."""
    return tuple(Tap(block, block.lower()) for block in blocks)


def test_groups_of_blocks() -> None:
    spec = TapSpec(taps("E1", "E2", "E3", "B", "D3", "D2", "D1"))
    assert spec.encoder == ("E1", "E2", "E3")
    assert spec.decoder == ("D3", "D2", "D1")
    assert spec.student_blocks == ("E2", "E3", "B", "D3", "D2")
    assert spec.encoder_students == ("E2", "E3", "B")
    assert spec.decoder_students == ("D3", "D2")
    assert spec.teacher_block == "D1"


@pytest.mark.parametrize(
    "blocks",
    [
        ("E1", "B"),
        ("E2", "E1", "D1"),
        ("B", "E1", "D1"),
        ("D1", "D2"),
        ("E1", "E1", "D1"),
        ("E0", "D1"),
        ("e1", "D1"),
        ("bottleneck", "D1"),
        (),
    ],
)
def test_wrong_names_or_order_are_refused(blocks: tuple[str, ...]) -> None:
    with pytest.raises(BadModelError):
        TapSpec(taps(*blocks))


@pytest.mark.parametrize(
    "options",
    [
        {"spatial_dims": 4},
        {"size_multiple": 0},
        {"min_size": 0},
        {"fixed_size": (64,)},
        {"fixed_size": (64, 64, 64)},
    ],
)
def test_impossible_sizes_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadModelError):
        TapSpec(taps("D1"), **options)


@given(
    depth=st.integers(1, 6),
    dims=st.sampled_from([2, 3]),
    multiple=st.integers(1, 64),
    fixed=st.booleans(),
)
def test_json_gives_the_same_spec_back(depth: int, dims: int, multiple: int, fixed: bool) -> None:
    levels = range(1, depth + 1)
    blocks = [f"E{i}" for i in levels] + ["B"] + [f"D{i}" for i in reversed(levels)]
    spec = TapSpec(
        tuple(Tap(block, f"m.{block}", "item:0|tokens") for block in blocks),
        spatial_dims=dims,
        size_multiple=multiple,
        min_size=multiple,
        fixed_size=(multiple,) * dims if fixed else None,
    )
    assert TapSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"taps": [{"block": "D1"}]},
        {"taps": [{"block": "D1", "module": "m", "hook": "x"}]},
        {"taps": [{"block": "D1", "module": "m"}], "size": 3},
        {"taps": [{"block": "D1", "module": "m"}], "fixed_size": ["a", "b"]},
        {"taps": [{"block": "D1", "module": "m", "adapter": "__import__('os')"}]},
        {"taps": [{"block": "D1", "module": "m", "adapter": 3}]},
        {"taps": [{"block": 1, "module": "m"}]},
        {"taps": [{"block": "D1", "module": 1}]},
        {"taps": 5},
        {"taps": [{"block": "D1", "module": "m"}], "size_multiple": "16"},
        {"taps": [{"block": "D1", "module": "m"}], "spatial_dims": None},
    ],
)
def test_malformed_descriptions_are_refused(described: dict[str, Any]) -> None:
    with pytest.raises(BadModelError):
        TapSpec.from_dict(described)
