"""How fast this computer was in earlier runs, for each device: kept between sessions."""

from __future__ import annotations

import math
from typing import Any

from napari_selfreg.io import kept

FILE_NAME = "speeds.json"

FIRST_GUESS = {"cuda": 2e7, "mps": 4e6}
"""Pixels per second before anything was measured; on the slow side."""

SLOWEST_GUESS = 4e5
_NEWEST = 0.5
"""Weight of the newest run: computers are sometimes busy."""

_LEAST_PIXELS = 100_000
"""Shorter runs say more about starting than about speed."""

_here: dict[str, float] = {}


def speed_of(device: str) -> float:
    """Return the pixels per second that a network takes on a device.

    Parameters
    ----------
    device : str
        As a person chooses it: ``auto`` is a device of its own here.

    Returns
    -------
    float
    """
    known = _here.get(device) or _stored().get(device)
    if isinstance(known, int | float) and math.isfinite(known) and known > 0:
        return float(known)
    return FIRST_GUESS.get(device, SLOWEST_GUESS)


def record_speed(device: str, pixels: float, seconds: float) -> None:
    """Note how fast a run was; never fails, and ignores runs too short to tell.

    Parameters
    ----------
    device : str
        As for `speed_of`.
    pixels : float
        That the network has seen.
    seconds : float
        From its first tile to its last.
    """
    if pixels < _LEAST_PIXELS or seconds <= 0:
        return
    stored, speed = _stored(), pixels / seconds
    before = _here.get(device) or stored.get(device)
    if isinstance(before, int | float) and before > 0:
        speed = math.exp((1 - _NEWEST) * math.log(before) + _NEWEST * math.log(speed))
    _here[device] = speed
    kept.store(FILE_NAME, stored | {device: round(speed)})


def _stored() -> dict[str, Any]:
    content = kept.load(FILE_NAME)
    return content if isinstance(content, dict) else {}
