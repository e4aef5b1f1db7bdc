"""What the panel says about the corrections before anything runs."""

from __future__ import annotations

from napari_selfreg.widgets.finetune.bases import Base
from napari_selfreg.widgets.finetune.source import Corrections, may_be_done

NO_PROJECT = "No corrections are open: start correcting a result in the Correct panel."
NO_MODEL = "No model is installed: install napari-selfreg again."
NOTHING = "Nothing is reviewed yet: correct a field in the Correct panel and mark what you checked."


def summary(corrections: Corrections | None) -> str:
    """Return what there is to learn from.

    Examples
    --------
    ``case 7: 3 regions reviewed in 2 of 5 fields.``
    """
    if corrections is None:
        return NO_PROJECT
    notes = corrections.fields()
    reviewed = [note for note in notes if note.regions]
    if not reviewed:
        return f"{corrections.name}: nothing is reviewed yet in {counted(len(notes), 'field')}."
    regions = counted(sum(note.regions for note in reviewed), "region")
    within = f"{len(reviewed)} of {counted(len(notes), 'field')}"
    return f"{corrections.name}: {regions} reviewed in {within}."


def what_is_missing(corrections: Corrections | None, base: Base | None) -> str:
    """Return why Start cannot be pressed, or an empty text."""
    if corrections is None:
        return NO_PROJECT
    if corrections.reason:
        return corrections.reason
    if not any(note.regions for note in corrections.fields()):
        return NOTHING
    return "" if base is not None else NO_MODEL


def offer(corrections: Corrections | None) -> str:
    """Return the question whether corrected fields are done; empty where there is none to ask."""
    if corrections is None or corrections.reason:
        return ""
    notes = corrections.fields()
    if any(note.regions for note in notes):
        return ""
    count = sum(may_be_done(note) for note in notes)
    if not count:
        return ""
    fields = "1 field was" if count == 1 else f"{count} fields were"
    them = "all of it" if count == 1 else "all of them"
    return f"Nothing is marked as reviewed, but {fields} corrected. Did you check {them}?"


def counted(number: int, thing: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "field"), counted(3, "field")
    ('1 field', '3 fields')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
