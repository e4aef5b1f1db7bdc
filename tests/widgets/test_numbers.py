"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from napari_selfreg.widgets.numbers import in_digits, in_groups


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (7.0, "7"),
        (999.4, "999"),
        (999.6, "1\u202f000"),
        (1234.5, "1\u202f230"),
        (2.5e6, "2\u202f500\u202f000"),
    ],
)
def test_three_digits(value: float, text: str) -> None:
    assert in_digits(value) == text


def test_no_line_ends_within_a_number() -> None:
    assert in_groups(1234567) == "1\u202f234\u202f567"
    assert in_groups(999.6) == "1\u202f000"
    assert not any(character in " \u2009" for character in in_groups(1e9))
