"""Did a model get better? Said from paired differences, and no surer than these allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Kind = Literal["better", "no difference", "worse", "cannot tell"]

MARGIN = 0.01
"""Differences of less than one point are no difference to a person."""

FEWEST = 3
"""With fewer pairs no interval is drawn: words alone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a fine-tuned model compares with its base.

    Parameters
    ----------
    kind : {"better", "no difference", "worse", "cannot tell"}
    difference : float
        Mean of tuned - base over the regions, on the scale of the scores (0 … 1).
    low, high : float
        95 % interval of that mean (Student's t); both equal `difference` with fewer than
        `FEWEST` regions, where no interval can be given.
    n : int
        Regions that were compared.
    sentence : str
        All of it for a person.
    """

    kind: Kind
    difference: float
    low: float
    high: float
    n: int
    sentence: str


def verdict(base: Sequence[float], tuned: Sequence[float]) -> Verdict:
    """Compare two models by their scores on the same regions.

    Better or worse needs a 95 % interval of the mean difference that leaves out 0; no difference
    one that stays within one point of 0. Everything else is "cannot tell", as is anything said
    of fewer than three regions.

    Parameters
    ----------
    base, tuned : sequence of float
        Scores (Dice, 0 … 1) of the untouched and of the fine-tuned model, region by region.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If the two differ in length or a score is not finite.
    """
    before, after = np.asarray(base, dtype=np.float64), np.asarray(tuned, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError("both models must be scored on the same regions")
    if not (np.all(np.isfinite(before)) and np.all(np.isfinite(after))):
        raise ValueError("scores must be finite")
    if not before.size:
        return Verdict("cannot tell", 0.0, 0.0, 0.0, 0, "Cannot tell: nothing was compared.")
    differences = after - before
    mean, low, high = _interval(differences)
    kind = _kind(low, high, differences.size)
    sentence = _sentence(kind, differences, low, high)
    return Verdict(kind, mean, low, high, int(differences.size), sentence)


def _interval(differences: np.ndarray) -> tuple[float, float, float]:
    mean, n = float(differences.mean()), differences.size
    if n < FEWEST:
        return mean, mean, mean
    error = float(differences.std(ddof=1)) / np.sqrt(n)
    reach = float(stats.t.ppf(0.975, n - 1)) * error
    return mean, mean - reach, mean + reach


def _kind(low: float, high: float, n: int) -> Kind:
    if n < FEWEST:
        return "cannot tell"
    if low > -MARGIN and high < MARGIN:
        return "no difference"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "cannot tell"


def _sentence(kind: Kind, differences: np.ndarray, low: float, high: float) -> str:
    n, mean = differences.size, _points(float(differences.mean()))
    between = f"95 % between {_points(low)} and {_points(high)}"
    if kind == "no difference":
        return f"No difference: {mean} points of Dice ({between}; {_regions(n)})."
    if kind in ("better", "worse"):
        return f"{kind.capitalize()}: {mean} points of Dice ({between}), {_count(differences)}."
    few = f"; {between}" if n >= FEWEST else ""
    why = "too few to be sure" if n < 10 else "the regions disagree"
    return f"Cannot tell: {_count(differences)}, {mean} points of Dice{few}; {why}."


def _count(differences: np.ndarray) -> str:
    """Say on how many regions the model got better, or worse where that is the common case."""
    up, down = int((differences > 0).sum()), int((differences < 0).sum())
    if up == down == 0:
        return f"the same on {_regions(differences.size)}"
    word, count = ("better", up) if up >= down else ("worse", down)
    if differences.size == 1:
        return f"{word} on the one region"
    return f"{word} on {count} of {differences.size} regions"


def _regions(n: int) -> str:
    return "1 region" if n == 1 else f"{n} regions"


def _points(value: float) -> str:
    """Return a signed number of points; what rounds to nothing has no sign."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text
