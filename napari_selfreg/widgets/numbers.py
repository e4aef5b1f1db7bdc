"""Numbers as a person reads them."""

from __future__ import annotations

import math

SPACE = "\N{NARROW NO-BREAK SPACE}"
"""Between groups of digits, and before a unit: no line ends within a quantity."""


def in_groups(value: float) -> str:
    """Return a whole number, its digits in groups of three."""
    return f"{value:,.0f}".replace(",", SPACE)


def in_digits(value: float) -> str:
    """Return three digits, in groups: more would pretend."""
    if value >= 999.5:
        return in_groups(round(value, 2 - math.floor(math.log10(value))))
    return f"{value:.3g}"
