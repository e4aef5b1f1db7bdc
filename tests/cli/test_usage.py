"""Help, usage, the window, models and the doctor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from napari_selfreg.io.bundle import sha256
from tests.bundles import tiny_bundle
from tests.cli.shell import COMMANDS, run


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from napari_selfreg.cli import app
for command in {COMMANDS}:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "--json" in result.output
    assert (command in ("models", "export", "doctor")) == ("--device" not in result.output), command
result = CliRunner().invoke(app, ["-h"])
assert all(command in result.output for command in {COMMANDS})
heavy = [name for name in ("torch", "monai", "napari", "qtpy", "numpy") if name in sys.modules]
assert heavy == [], heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "napari_selfreg", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    from napari_selfreg import __version__

    assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment"],
        ["segment", "a.png"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "0"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "nan"],
        ["segment", "a.png", "--output", "o", "--um-per-px", "wide"],
        ["segment", "", "--output", "o"],
        ["segment", "a.png", "", "--output", "o"],
        ["features", "", "--output", "o"],
        ["evaluate", "--images", "", "--labels", "l"],
        ["evaluate", "--images=", "--labels", "l"],
        ["evaluate", "--images", "i"],
        ["evaluate", "--images", "i", "--labels", "l", "--protocol", "imagenet"],
        ["train", "r.toml", "--data", "d"],
        ["finetune", "--images", "i", "--labels", "l"],
        ["finetune", "--images", "i", "--labels", "l", "--output", "o", "--minutes", "0"],
        ["finetune", "--images", "i", "--labels", "l", "--output", "o", "--steps", "0"],
        ["models", "--colour"],
        ["nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_an_empty_argument_is_named() -> None:
    stderr = " ".join(run("segment", "", "--output", "o").stderr.split())
    assert "an argument is empty: give a name" in stderr
    stderr = " ".join(run("segment", "a.png", "--output=").stderr.split())
    assert "--output= is empty: give a name" in stderr
    assert "empty" not in run("segment", "missing.png", "--output=o=").stderr


def test_alone_the_command_opens_the_workbench(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    workbench = ModuleType("napari_selfreg.widgets.workbench")
    workbench.launch = lambda: opened.append(True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, workbench.__name__, workbench)
    monkeypatch.setenv("DISPLAY", ":5")
    assert run().exit_code == 0
    assert opened == [True]


def test_without_screen_or_qt_the_window_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_selfreg.commands.sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = run()
    assert result.exit_code == 1
    assert "no screen" in result.stderr
    monkeypatch.setenv("DISPLAY", ":5")
    monkeypatch.setitem(sys.modules, "napari_selfreg.widgets.workbench", None)
    assert run().exit_code == 1  # an import that fails otherwise is no matter of Qt


def test_models_are_listed_for_people_and_machines(shelf: Path) -> None:
    (listed,) = json.loads(run("models", "--json").stdout)
    path = shelf / "glands.safetensors"
    assert set(listed) == {
        "name",
        "path",
        "classes",
        "um_per_px",
        "architecture",
        "licence",
        "sha256",
        "bytes",
        "metrics",
    }
    assert listed["path"] == str(path)
    assert listed["classes"] == ["gland"]
    assert listed["um_per_px"] == 1.0
    assert listed["sha256"] == sha256(path)
    assert listed["bytes"] == path.stat().st_size
    shown = run("models").stdout
    assert "glands" in shown
    assert "CC-BY-4.0" in shown


def test_pixels_that_are_not_square_are_listed_per_axis(shelf: Path) -> None:
    tiny_bundle(shelf / "glands.safetensors", name="glands", um_per_px=[1.0, 0.5])
    (listed,) = json.loads(run("models", "--json").stdout)
    assert listed["um_per_px"] == [1.0, 0.5]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("fault", 1)])
def test_the_doctor_fails_only_when_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, status: Any, code: int
) -> None:
    from napari_selfreg.engine import doctor
    from napari_selfreg.engine.finding import Finding

    finding = Finding("device cuda", status, "no GPU", "buy one")
    monkeypatch.setattr(doctor, "examine", lambda tell: [finding])
    result = run("doctor", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout) == {"ok": code == 0, "checks": [finding.to_dict()]}
    shown = run("doctor").stdout
    assert "no GPU" in shown
    assert "buy one" in shown
