"""What a fine-tuned model is called on screen, so that two are never taken for one another."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

LONGEST = 200
"""Letters that the title of a card may have."""

_ENDING = re.compile(r", (fine-tuned|version \d+)(, \d+ images?, \d{4}-\d\d-\d\d)?$")


def making(images: int, number: int | None = None, made: date | None = None) -> str:
    """Return what tells one fine-tuning from another.

    Parameters
    ----------
    images : int
        It learned from.
    number : int, optional
        Of the version in its project.
    made : date, optional
        Today by default.

    Returns
    -------
    str

    Examples
    --------
    >>> making(5, 2, date(2026, 11, 21))
    'version 2, 5 images, 2026-11-21'
    >>> making(1, made=date(2026, 11, 21))
    'fine-tuned, 1 image, 2026-11-21'
    """
    day = made or datetime.now(UTC).astimezone().date()
    which = "fine-tuned" if number is None else f"version {number}"
    return f"{which}, {images} image{'s' * (images != 1)}, {day.isoformat()}"


def tuned_title(base: str, ending: str) -> str:
    """Return the title of a model made from another: that of the first base, and an ending.

    Parameters
    ----------
    base : str
        Title of what it was made from, which may be fine-tuned itself.
    ending : str
        See `making`.

    Returns
    -------
    str

    Examples
    --------
    >>> tuned_title("Glands, version 1, 5 images, 2026-11-20", "version 2, 6 images, 2026-11-21")
    'Glands, version 2, 6 images, 2026-11-21'
    """
    first = _ENDING.sub("", base)
    return f"{first[: LONGEST - len(ending) - 2]}, {ending}"
