"""CSV log of a training run, one row per step."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import atomic_write


class TrainingLog:
    """Rows of named losses; validation scores stand in the row of their step.

    Parameters
    ----------
    path : Path
        The CSV file. It is rewritten whole, so that it is never torn.
    step : int
        Rows after this step, left by a run that went on before it was resumed, are dropped.

    Raises
    ------
    BadInputError
        If the file was changed, such as by a spreadsheet: it is a person's, and not replaced.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._rows: dict[int, dict[str, float | str]] = {}
        if step and path.is_file():
            try:
                self._read(step)
            except (KeyError, TypeError, ValueError, csv.Error) as error:
                raise BadInputError(
                    f"{path} is no longer as the training wrote it: move it elsewhere, and "
                    "--resume goes on without its rows."
                ) from error

    def _read(self, step: int) -> None:
        with self._path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if int(row["step"]) <= step:
                    self._rows[int(row["step"])] = dict(row)
                if None in row:
                    raise ValueError("a row is longer than the first one")

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Add the losses of a step."""
        self._rows[step] = {"step": step, **losses}

    def validated(self, step: int, dice: float) -> None:
        """Note the validation Dice of a step and write the file."""
        self._rows.setdefault(step, {"step": step})["validation_dice"] = dice
        self.flush()

    def flush(self) -> None:
        """Write all rows."""
        names = {name: None for row in self._rows.values() for name in row}
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(names) or ["step"])
        writer.writeheader()
        writer.writerows(self._rows.values())
        with atomic_write(self._path) as file:
            file.write(text.getvalue().encode())
