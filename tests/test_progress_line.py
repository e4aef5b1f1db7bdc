from __future__ import annotations

import io

import pytest

from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import (
    CheckpointSaved,
    Notice,
    Progress,
    StepDone,
    TileDone,
    ValidationDone,
)
from napari_selfreg.progress_line import ProgressLine, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_gets_one_line_that_is_rewritten_and_removed() -> None:
    stream, clock = Terminal(), Clock()
    line = ProgressLine(stream, clock)
    line.start("a.png")
    line.show(Progress(0, 4, "Reading"))
    clock.now = 2.0
    line.show(Progress(1, 4, "Reading"))
    line.clear()
    shown = stream.getvalue()
    assert "\n" not in shown
    assert "a.png · Reading · 1/4 · 6 s left" in shown
    assert shown.endswith("\r\x1b[K")
    line.clear()
    assert stream.getvalue() == shown


def test_a_terminal_is_not_flooded() -> None:
    stream, clock = Terminal(), Clock()
    line = ProgressLine(stream, clock)
    for done in range(1000):
        line.show(StepDone(done, 1000))
    assert stream.getvalue().count("\r") == 1


def test_a_log_gets_a_plain_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(stream, clock)
    line.start("x")
    for second in range(31):
        clock.now = float(second)
        line.show(StepDone(second, 100, {"total": 1.5}))
    lines = stream.getvalue().splitlines()
    assert lines == [
        "x · 10/100 · 2 min left · loss 1.5000",
        "x · 20/100 · 1 min left · loss 1.5000",
        "x · 30/100 · 1 min left · loss 1.5000",
    ]


def test_a_new_phase_starts_the_clock_anew() -> None:
    stream, clock = Terminal(), Clock()
    line = ProgressLine(stream, clock)
    line.show(Progress(0, 2, "one"))
    clock.now = 100.0
    line.show(Progress(0, 2, "two"))
    clock.now = 101.0
    line.show(Progress(1, 2, "two"))
    assert stream.getvalue().endswith("two · 1/2 · 1 s left")


def test_notices_and_validations_deserve_a_line_of_their_own(tile: TileDone) -> None:
    line = ProgressLine(io.StringIO(), Clock())
    assert line.show(Notice("The batch was halved.")) == "The batch was halved."
    assert line.show(ValidationDone(100, 0.91234, best=True)) == (
        "Step 100: validation Dice 0.9123 (best so far)"
    )
    assert line.show(ValidationDone(200, 0.9, best=False)) == "Step 200: validation Dice 0.9000"
    assert line.show(CheckpointSaved(3)) is None
    assert line.show(tile) is None


@pytest.fixture
def tile() -> TileDone:
    import numpy as np

    return TileDone(Box(0, 0, 1, 1), np.zeros((1, 1), np.uint8), 1, 4)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (61, "1 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations_read_like_speech(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_that_knows_only_ascii_gets_question_marks() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    clock = Clock()
    line = ProgressLine(stream, clock)
    line.start("µ.png")
    clock.now = 10.0
    line.show(Progress(1, 2, ""))
    stream.flush()
    assert stream.buffer.getvalue() == b"?.png ? 1/2 ? 10 s left\n"  # type: ignore[attr-defined]
