"""What is said of objects, as steps of the layer's own history: undo takes them back, too.

Napari's history knows pixels only. So a step without any change of pixels is put into it, and
wherever that step lies afterwards, among those to undo or those to redo, tells what is to be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_selfreg.io.project import ObjectState
from napari_selfreg.widgets.correct.journal_link import JournalLink
from napari_selfreg.widgets.guards import alive


@dataclass(frozen=True)
class Facts:
    """What is said of objects, and the classes shown among their measurements; by id."""

    said: Mapping[int, ObjectState]
    shown: Mapping[int, str] = field(default_factory=dict)


@dataclass
class _Step:
    """One step: what marks it in the history, and what is said without and with it."""

    atom: Any
    before: Facts
    after: Facts
    stands: bool = True


class FactSteps(QObject):
    """Says things of objects so that they can be undone.

    Parameters
    ----------
    say : callable
        Given a link and facts, writes and shows them.
    parent : QObject
        Parent.
    """

    def __init__(self, say: Callable[[JournalLink, Facts], None], parent: QObject) -> None:
        super().__init__(parent)
        self._say = say
        self._link: JournalLink | None = None
        self._steps: list[_Step] = []

    def tie(self, link: JournalLink | None) -> None:
        """Follow the history of another layer; steps of the one before are forgotten."""
        if self._link is not None:
            with suppress(ValueError):
                self._link.layer.events.set_data.disconnect(self._follow)
        self._link, self._steps = link, []
        if link is not None:
            link.layer.events.set_data.connect(self._follow)

    def add(self, before: Facts, after: Facts) -> None:
        """Say something new of objects, as one step.

        Parameters
        ----------
        before, after : Facts
            What an undo brings back, and what holds now.
        """
        link = self._link
        if link is None:
            return
        self._say(link, after)
        nothing = np.zeros(0, dtype=np.intp)
        atom = ((nothing,) * link.layer.ndim, *[np.zeros(0, link.layer.data.dtype)] * 2)
        link.layer._save_history(atom)
        self._steps.append(_Step(atom, before, after))

    def _follow(self, event: Any = None) -> None:
        """Say what holds now, after the person went back or forth in the history."""
        if not alive(self) or self._link is None or not self._steps:
            return
        layer = self._link.layer
        done, undone = _atoms(layer._undo_history), _atoms(layer._redo_history)
        # What lies in neither was dropped by napari, as it stood, and cannot come back.
        self._steps = [step for step in self._steps if id(step.atom) in done | undone]
        for step in self._steps:
            stands = id(step.atom) in done
            if stands != step.stands:
                step.stands = stands
                self._say(self._link, step.after if stands else step.before)


def _atoms(history: Any) -> set[int]:
    return {id(atom) for item in history for atom in item}
