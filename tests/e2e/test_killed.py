"""A real window is killed while somebody paints: only the stroke in flight is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.project import NewField, Project

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
"""Seconds that only a hanging window needs."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed project of one bright field with one object in it."""
    image = tmp_path / "field.png"
    Image.fromarray(np.full((200, 200, 3), 230, np.uint8)).save(image)
    labels = np.zeros((200, 200), np.int32)
    labels[150:170, 150:170] = 1
    field = NewField(image, labels, PixelSize(1, 1), "option", ("gland",))
    with Project.create(tmp_path / "case.selfreg", [field]) as project:
        return project.folder


@contextmanager
def painter(project: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A window of its own process; it is killed in any case."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.e2e.painter", str(project), str(folder)]
    settings = {"NAPARI_CONFIG": str(folder / "napari.yaml"), "HOME": str(folder)}
    environment = {**os.environ, **settings}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            yield process
        finally:
            watch.cancel()
            process.kill()


def heard(process: subprocess.Popen[str], word: str) -> str:
    """Return the next line that begins with a word."""
    while line := process.stdout.readline():
        if line.startswith(word):
            return line.split()[-1]
    raise AssertionError(f"the window has ended before it said {word!r}")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills as hard here")
def test_a_killed_window_loses_at_most_the_stroke_in_flight(folder: Path, tmp_path: Path) -> None:
    before = None
    for round_, strokes in enumerate((2, 1)):
        seen = tmp_path / f"round {round_}"
        with painter(folder, seen) as process:
            heard(process, "opened")
            if before is not None:  # the window itself shows what was saved
                np.testing.assert_array_equal(np.load(seen / "opened.npy"), before)
            for _ in range(strokes):
                last = heard(process, "done")
            heard(process, "painting")
            os.kill(process.pid, signal.SIGKILL)
        known = np.load(seen / f"{last}.npy")
        with Project.open(folder, hash_images=False) as project:
            assert not project.read_only  # the lock died with its owner
            assert not project.warnings
            before = np.array(project.labels("f1"))
        changed = before != known
        assert (known[changed] == 0).all()
        assert set(np.unique(before[changed])) <= {known.max() + 1}
        assert known.max() == int(last) + 1
