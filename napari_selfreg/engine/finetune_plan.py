"""Minutes as steps: how long the schedule is, and where on it a step lies.

The first `WARM_UP` steps are alike whatever follows, so they are also the probe: their time says
how many steps the minutes hold. The plan is looked at again on the way; every change is recorded,
so that the same run can be made again without a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

WARM_UP = 4
"""Steps before the rate is at its peak; they are the probe."""

CHECKS = 6
"""Validations in a short run."""

_REVISIONS = (0.4, 0.7)
_TOLERANCE = 0.08
"""A plan this close to what the clock allows is kept."""


class Plan:
    """Where a run stands on its schedule.

    Parameters
    ----------
    pieces : sequence of (int, int)
        From which step on the schedule has which length; the first begins at 0. Empty if it is
        to be made of the clock by `revise`.
    """

    def __init__(self, pieces: Sequence[tuple[int, int]] = ()) -> None:
        self._given = dict(pieces)
        self.pieces: list[tuple[int, int]] = []
        self.step = 0
        self.share = 0.0
        self._checked = 0
        self._revised = 0
        self._change()

    @property
    def total(self) -> int:
        """Length of the schedule as planned now, 0 while it is not known."""
        return self.pieces[-1][1] if self.pieces else 0

    @property
    def known(self) -> bool:
        """Whether the length is known."""
        return bool(self.pieces)

    @property
    def finished(self) -> bool:
        """Whether the last step was made."""
        return self.known and self.step >= self.total

    @property
    def rate(self) -> float:
        """Factor of the peak rate at the next step: a short ramp, then a cosine to 0."""
        ramp = min(1.0, (self.step + 1) / WARM_UP)
        return ramp * 0.5 * (1.0 + math.cos(math.pi * self.share))

    def advance(self) -> None:
        """Count a step."""
        if self.step >= WARM_UP and self.known:
            self.share += (1.0 - self.share) / max(1, self.total - self.step)
        self.step += 1
        self._change()

    def check_is_due(self) -> bool:
        """Say once whether it is time to validate."""
        if not self.known:
            return False
        checks = min(40, max(CHECKS, self.pieces[0][1] // 25))
        reached = checks if self.finished else int(self.share * checks)
        due = reached > self._checked
        self._checked = max(reached, self._checked)
        return due

    def revision_is_due(self) -> bool:
        """Say once whether the plan should be compared with the clock."""
        if self._given:
            return False
        if not self.known:
            return self.step >= WARM_UP
        if self._revised < len(_REVISIONS) and self.share >= _REVISIONS[self._revised]:
            self._revised += 1
            return True
        return False

    def revise(self, affordable: float) -> bool:
        """Set the length to what the clock allows.

        Parameters
        ----------
        affordable : float
            Further steps there is time for.

        Returns
        -------
        bool
            Whether the plan changed.
        """
        wanted = self.step + max(1, int(affordable))
        left = self.total - self.step
        if self.known and abs(wanted - self.total) <= _TOLERANCE * max(left, 1):
            return False
        self.pieces.append((self.step if self.known else 0, wanted))
        return True

    def stop(self) -> None:
        """End the schedule here."""
        if not self.finished:
            self.pieces.append((self.step, self.step))
        self._given = {}

    def checks_left(self) -> int:
        """Return how many validations are still to come in a short run."""
        return max(1, CHECKS - self._checked)

    def _change(self) -> None:
        total = self._given.get(self.step)
        if total is not None and total != self.total:
            self.pieces.append((self.step, total))
