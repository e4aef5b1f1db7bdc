from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import typer

from napari_selfreg import console
from napari_selfreg.console import Console, Stopped, session, without_nan
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.events import Event, Notice, Progress


def exit_code(error: BaseException) -> int:
    """Raise `error` in a session and return the exit code."""
    with pytest.raises(typer.Exit) as caught, session():
        raise error
    return int(caught.value.exit_code)


def test_a_foreseen_fault_is_one_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code(BadInputError("a.png is empty: choose another.")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "Error: a.png is empty: choose another.\n"


def test_an_unforeseen_fault_keeps_its_traceback_in_a_named_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "log_folder", lambda: tmp_path / "logs")
    assert exit_code(RuntimeError("mat1 and mat2\nsecond line")) == 1
    shown = capsys.readouterr().err
    (log,) = (tmp_path / "logs").iterdir()
    assert str(log) in shown
    assert len(shown.splitlines()) == 1
    assert "Traceback" not in shown
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "locked/x.png"), "locked/x.png cannot"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "x… is too long"),
    ],
)
def test_what_is_out_of_reach_is_a_foreseen_fault(
    error: OSError, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(error) == 1
    shown = capsys.readouterr().err
    assert words in shown
    assert "report" not in shown
    assert len(shown) < 200


def test_a_log_folder_that_cannot_be_written_is_no_further_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(console, "log_folder", lambda: blocked / "logs")
    monkeypatch.setattr(console.tempfile, "gettempdir", lambda: str(tmp_path))
    assert exit_code(RuntimeError("x")) == 1
    assert str(tmp_path / "napari-selfreg-error") in capsys.readouterr().err
    monkeypatch.setattr(console.tempfile, "gettempdir", lambda: str(blocked))
    assert exit_code(RuntimeError("x")) == 1
    assert "could not be saved" in capsys.readouterr().err


def test_interruptions_end_with_the_codes_shells_expect() -> None:
    assert exit_code(KeyboardInterrupt()) == 130
    assert exit_code(Stopped(signal.SIGTERM)) == 143


def test_usage_errors_and_exits_pass_through() -> None:
    with pytest.raises(typer.BadParameter), session():
        raise typer.BadParameter("no")
    assert exit_code(typer.Exit(7)) == 7


def test_with_json_only_the_document_reaches_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with session(as_json=True) as shell:
        print("chatter")  # noqa: T201
        shell.line("for people")
        shell.table(("a",), [("1",)])
        shell.note("aside")
        shell.document({"value": float("nan"), "path": Path("x")})
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"value": None, "path": "x"}
    assert shown.err == "chatter\naside\n"


def test_people_get_tables_and_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    with session() as shell:
        shell.document([1])
        shell.table(("name", "n"), [("glands", "3"), ("x", "12")])
    assert capsys.readouterr().out == "name    n\n------  --\nglands  3\nx       12\n"


def test_what_c_code_prints_goes_to_stderr_too() -> None:
    code = (
        "import os, sys\n"
        "from napari_selfreg.console import session\n"
        "with session(as_json=True) as shell:\n"
        "    os.write(1, b'from C\\n')\n"
        "    shell.document([1])\n"
        "print('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.removesuffix("after\n")) == [1]
    assert done.stderr == "from C\n"


def test_stdout_is_given_back_after_a_fault() -> None:
    code = (
        "from napari_selfreg.console import session\n"
        "try:\n"
        "    with session(as_json=True):\n"
        "        raise RuntimeError\n"
        "except BaseException:\n"
        "    print('back')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "back\n"


def endless(closed: list[bool]) -> Generator[Event, None, None]:
    try:
        for step in range(10**9):
            if step == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield Progress(step, 10**9)
    finally:
        closed.append(True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals otherwise")
def test_ctrl_c_ends_a_job_at_its_next_event_and_closes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(typer.Exit) as caught, session() as shell:
        shell.run(endless(closed))
    assert caught.value.exit_code == 130
    assert closed == [True]
    assert signal.getsignal(signal.SIGINT) is before
    assert "Stopping" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals otherwise")
def test_a_command_started_in_the_background_can_be_interrupted() -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from napari_selfreg.console import session\n"
        "import typer\n"
        "try:\n"
        "    with session():\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "except typer.Exit as stop:\n"
        "    print(stop.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "130\n"


def stubborn() -> Generator[Event, None, None]:
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    raise AssertionError("the second signal must end the job at once")
    yield Progress(0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends signals otherwise")
def test_a_second_signal_ends_a_job_at_once() -> None:
    with pytest.raises(typer.Exit) as caught, session() as shell:
        shell.run(stubborn())
    assert caught.value.exit_code == 130


def test_notices_of_a_job_are_shown_and_its_result_returned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def job() -> Generator[Event, None, int]:
        yield Notice("The model's 1 µm/px is assumed.")
        return 7

    with session() as shell:
        assert shell.run(job()) == 7
    assert capsys.readouterr().err == "The model's 1 µm/px is assumed.\n"


def test_a_terminal_without_the_letter_mu_is_no_fault() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp437", errors="strict")
    shell = Console(stream, as_json=False)
    shell.line("0.5 µm/px → λ")
    stream.flush()
    assert stream.buffer.getvalue().decode("cp437").startswith("0.5 µm/px ? ")  # type: ignore[attr-defined]


def test_plain_values_for_json() -> None:
    value = {"a": (1, float("inf")), 2: [Path("p"), True, None, "x"]}
    assert without_nan(value) == {"a": [1, None], "2": ["p", True, None, "x"]}


TELLING = (
    "from napari_selfreg.console import session\n"
    "with session(as_json=True) as shell:\n"
    "    shell.note('a word')\n"
    "    shell.document([1])\n"
)


def shell_runs(redirection: str, code: str = TELLING) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_full_disk_under_stdout_is_one_sentence() -> None:
    code = "from napari_selfreg.cli import app; app(['models', '--json'])"
    done = shell_runs(">/dev/full", code)
    (fault,) = done.stderr.splitlines()
    assert fault.startswith("Error: The output could not be written, the disk is full: free some")
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_full_disk_under_stderr_costs_no_result() -> None:
    done = shell_runs("2>/dev/full")
    assert (done.returncode, json.loads(done.stdout)) == (0, [1])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix shell")
@pytest.mark.parametrize(
    ("closed", "out", "err"),
    [("2>&-", "[\n  1\n]\n", ""), (">&-", "", "a word\n"), (">&- 2>&-", "", "")],
)
def test_a_closed_stream_takes_what_is_written_to_nowhere(closed: str, out: str, err: str) -> None:
    done = shell_runs(closed)
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)
