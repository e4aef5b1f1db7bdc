from __future__ import annotations

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.widgets.sentences import (
    describe_failure,
    describe_relabelled,
    describe_result,
)


def test_what_was_found_describe_result() -> None:
    assert describe_result(1, 2.04).startswith("1 object found in 2.0 s.")
    assert describe_result(12, 2).startswith("12 objects")
    assert describe_result(0, 2).startswith("No object was found")


def test_failures_are_told_in_one_sentence() -> None:
    assert describe_failure(BadModelError("Choose another.")) == "Choose another."
    assert "memory" in describe_failure(MemoryError())
    told = describe_failure(RuntimeError("first line\nsecond line"))
    assert "RuntimeError: first line" in told
    assert "second" not in told


def test_what_sliders_have_made() -> None:
    assert describe_relabelled(0).startswith("No object is left")
    assert describe_relabelled(1) == "1 object with these settings."
    assert describe_relabelled(12) == "12 objects with these settings."
