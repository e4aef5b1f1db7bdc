"""A process that edits is killed at random moments: at most the step in flight is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_selfreg.io.project import Project
from tests.io.project.script import Expected
from tests.io.project.steps import content, new_project

MOMENTS = 50

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """A process that forks editing processes, see `script.serve`."""
    if not hasattr(os, "fork"):
        pytest.skip("needs processes that begin at once")
    command = [sys.executable, "-m", "tests.io.project.script"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def kill_one(server: subprocess.Popen[str], folder: Path, chance: random.Random) -> tuple[int, int]:
    """Let a process edit, kill it; return its first and its last acknowledged record."""
    print(folder, file=server.stdin, flush=True)
    process = int(server.stdout.readline())
    last = begun = int(server.stdout.readline())
    for _ in range(chance.randrange(12)):
        last = int(server.stdout.readline())
    time.sleep(chance.choice([0.0, 0.0005, 0.002, 0.01]) * chance.random())
    os.kill(process, signal.SIGKILL)
    while (word := server.stdout.readline().strip()) != "dead":
        last = int(word)
    return begun, last


def test_a_killed_process_loses_at_most_the_step_in_flight(
    tmp_path: Path, server: subprocess.Popen[str]
) -> None:
    with new_project(tmp_path, "ab") as project:
        folder, expected = project.folder, Expected(project)
    chance = random.Random(4)
    count = 0
    for _ in range(MOMENTS):
        begun, last = kill_one(server, folder, chance)
        assert begun == count  # nothing that was there before is gone
        with Project.open(folder, hash_images=False) as again:
            count = again.sequence
            assert last <= count <= last + 1
            assert not again.read_only  # the lock died with its owner
            assert not again.warnings
            assert content(again) == expected.after(count)
    assert count > MOMENTS


def test_a_process_that_lives_keeps_others_from_writing(
    tmp_path: Path, server: subprocess.Popen[str]
) -> None:
    project = new_project(tmp_path, "ab")
    project.close()
    print(project.folder, file=server.stdin, flush=True)
    process, _ = int(server.stdout.readline()), int(server.stdout.readline())
    with Project.open(project.folder) as other:
        assert other.read_only
        assert "another window" in other.reason
        assert other.labels("f1").shape  # whatever the writer does meanwhile
    os.kill(process, signal.SIGKILL)
    while server.stdout.readline().strip() != "dead":
        pass
    with Project.open(project.folder) as other:
        assert not other.read_only
