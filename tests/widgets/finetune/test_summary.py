from __future__ import annotations

from typing import Any

import pytest

from napari_selfreg.widgets.finetune.source import FieldNote
from napari_selfreg.widgets.finetune.summary import (
    NO_MODEL,
    NO_PROJECT,
    NOTHING,
    counted,
    offer,
    summary,
    what_is_missing,
)

BASE: Any = object()


class Notes:
    """Corrections that are nothing but what is said about them."""

    name = "case 7"

    def __init__(self, *fields: tuple[str, int], reason: str = "") -> None:
        self.reason = reason
        self._fields = fields

    def fields(self) -> tuple[FieldNote, ...]:
        return tuple(
            FieldNote(f"f{number}", f"field {number}", state, regions)  # type: ignore[arg-type]
            for number, (state, regions) in enumerate(self._fields)
        )


def notes(*fields: tuple[str, int], reason: str = "") -> Any:
    return Notes(*fields, reason=reason)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "case 7: nothing is reviewed yet in 0 fields."),
        ([("new", 0)], "case 7: nothing is reviewed yet in 1 field."),
        ([("done", 1)], "case 7: 1 region reviewed in 1 of 1 field."),
        (
            [("done", 1), ("corrected", 2), ("new", 0)],
            "case 7: 3 regions reviewed in 2 of 3 fields.",
        ),
    ],
)
def test_what_there_is_to_learn_from(fields: list[tuple[str, int]], words: str) -> None:
    assert summary(notes(*fields)) == words


def test_without_corrections_it_says_how_to_begin() -> None:
    assert summary(None) == what_is_missing(None, BASE) == NO_PROJECT
    assert offer(None) == ""


def test_what_is_missing_is_said_in_the_order_in_which_it_can_be_mended() -> None:
    reviewed = ("corrected", 1)
    elsewhere = "It is open in another window."
    assert what_is_missing(notes(reason=elsewhere), None) == elsewhere
    assert what_is_missing(notes(("corrected", 0)), None) == NOTHING
    assert what_is_missing(notes(reviewed), None) == NO_MODEL
    assert what_is_missing(notes(reviewed, ("new", 0)), BASE) == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([("corrected", 0)], "1 field was corrected. Did you check all of it?"),
        ([("corrected", 0), ("done", 0)], "2 fields were corrected. Did you check all of them?"),
        ([("corrected", 0), ("segmented", 0)], "1 field was corrected. Did you check all of it?"),
        ([("segmented", 0), ("new", 0)], ""),
        ([("corrected", 0), ("corrected", 1)], ""),
    ],
)
def test_only_corrected_fields_are_asked_for_and_only_while_nothing_is_reviewed(
    fields: list[tuple[str, int]], words: str
) -> None:
    asked = offer(notes(*fields))
    assert asked.endswith(words)
    assert bool(asked) is bool(words)


def test_a_project_that_cannot_be_changed_asks_nothing() -> None:
    assert offer(notes(("corrected", 0), reason="It is open in another window.")) == ""


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "field") for number in (0, 1, 2)] == ["0 fields", "1 field", "2 fields"]
