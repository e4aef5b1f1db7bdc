"""Undo of deleting 200 objects, on 2000 x 2000 pixels with 3,000 objects of a project.

    QT_QPA_PLATFORM=offscreen python benchmarks/undo.py

An undo is napari's: it puts the pixels back and draws the whole layer again, outlines included.
Ours is what follows: finding the difference, writing it into the journal, and knowing again what
was said of the objects. Our aim is at most 50 ms of the processor; what napari needs is printed
beside it, with outlines as results have them and with filled objects.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edit import OBJECTS, SIDE, field
from PIL import Image

from napari_selfreg.core.edit import delete
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project import NewField, Project

AIM_MS = 50.0
DELETED = 200
OUTLINE = 3


@dataclass(frozen=True)
class Row:
    """Median time of the processor in milliseconds: of one undo, and of our part in it."""

    drawn: str
    whole_ms: float
    ours_ms: float


def measure(project: Project, outline: int, repeats: int) -> Row:
    """Delete and undo several times."""
    from napari.layers import Labels

    from napari_selfreg.widgets.correct.journal_link import JournalLink

    spent: list[float] = []

    class Timed(JournalLink):
        """Counts the time of every look for changes, which writes them, too."""

        def look(self, within: Any = None) -> Any:
            began = time.process_time()
            found = super().look(within)
            spent.append(time.process_time() - began)
            return found

    layer = Labels(np.array(project.labels("f1")))
    layer.contour = outline
    link = Timed(project, "f1", layer)
    ids = np.random.default_rng(1).choice(np.arange(2, OBJECTS), DELETED, replace=False).tolist()
    rows = []
    for _ in range(repeats + 1):
        link.edit([delete(link.labels, ids)])
        spent.clear()
        began = time.process_time()
        layer.undo()
        rows.append((time.process_time() - began, sum(spent)))
    link.stop()
    whole, ours = np.median(rows[1:], axis=0) * 1000
    return Row("outlines" if outline else "filled", round(whole, 1), round(ours, 1))


def new_project(folder: Path) -> Project:
    """Return a project of one field in which every object has a class."""
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(folder / "field.png")
    named = dict.fromkeys(range(1, OBJECTS + 1), "nucleus")
    new = NewField(
        folder / "field.png",
        field(np.random.default_rng(0)),
        PixelSize(0.5, 0.5),
        "option",
        ("nucleus",),
        class_of=named,
    )
    return Project.create(folder / "case.selfreg", [new])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeats", type=int, default=7, help="undos that are counted")
    options = parser.parse_args()
    from qtpy.QtWidgets import QApplication

    application = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder, new_project(Path(folder)) as project:
        rows = [measure(project, outline, options.repeats) for outline in (OUTLINE, 0)]
    application.quit()
    if options.json:
        print(json.dumps({"aim_ms": AIM_MS, "rows": [asdict(row) for row in rows]}))
        return
    print(f"{'drawn':10} {'undo, CPU ms':>13} {'ours, CPU ms':>13}")
    for row in rows:
        print(f"{row.drawn:10} {row.whole_ms:13.1f} {row.ours_ms:13.1f}")


if __name__ == "__main__":
    main()
