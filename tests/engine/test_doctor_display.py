from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from napari_selfreg.engine import doctor_display
from napari_selfreg.engine.doctor_display import examine_display, has_display

GOOD = (
    'noise\nPROBE{"binding": "PyQt6 6.11", "platform": "xcb", "screen": [1280, 800], '
    '"opengl": [4, 5]}\n'
)


def answer(monkeypatch: pytest.MonkeyPatch, stdout: str = "", stderr: str = "") -> list[Any]:
    """Let Qt's process answer so, on a machine with a screen."""
    monkeypatch.setenv("DISPLAY", ":5")
    done = SimpleNamespace(stdout=stdout, stderr=stderr)
    monkeypatch.setattr(doctor_display.subprocess, "run", lambda *_, **__: done)
    return list(examine_display())


def test_a_screen_with_opengl_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    window, opengl = answer(monkeypatch, GOOD)
    assert (window.status, opengl.status) == ("ok", "ok")
    assert "1280×800" in window.detail
    assert opengl.detail == "4.5"


@pytest.mark.parametrize(
    ("stderr", "words", "remedy"),
    [
        ("qtpy.QtBindingsNotFoundError: No Qt bindings could be found", "no Qt", "pip install"),
        ("qt.qpa.xcb: could not connect to display :5\nmore", "':5' does not answer", "xvfb-run"),
        ("a\nlibEGL.so.1: cannot open shared object file", "libEGL.so.1", ""),
        ("", "no reason given", ""),
    ],
)
def test_a_window_that_cannot_open_is_a_fault_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, stderr: str, words: str, remedy: str
) -> None:
    (window,) = answer(monkeypatch, stderr=stderr)
    assert window.status == "fault"
    assert words in window.detail
    assert window.remedy
    assert remedy in window.remedy


def test_missing_libraries_come_with_the_exact_line_on_linux(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_display.sys, "platform", "linux")
    (window,) = answer(monkeypatch, stderr="could not load the Qt platform plugin")
    assert window.remedy.startswith("sudo apt-get install")
    assert "libxcb-cursor0" in window.remedy


@pytest.mark.parametrize(
    ("opengl", "platform", "status"),
    [
        ("null", "xcb", "fault"),
        ("[1, 4]", "xcb", "fault"),
        ("null", "offscreen", "note"),
    ],
)
def test_weak_opengl_is_named(
    monkeypatch: pytest.MonkeyPatch, opengl: str, platform: str, status: str
) -> None:
    text = GOOD.replace("[4, 5]", opengl).replace("xcb", platform)
    _, found = answer(monkeypatch, text)
    assert found.status == status
    assert found.remedy


def test_a_machine_without_screen_gets_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_display.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert not has_display()
    monkeypatch.setattr(doctor_display.shutil, "which", lambda _: None)
    (window,) = examine_display()
    assert window.status == "note"
    assert "apt-get install" in window.remedy
    monkeypatch.setattr(doctor_display.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "apt-get" not in next(examine_display()).remedy
    monkeypatch.setattr(doctor_display.sys, "platform", "darwin")
    assert has_display()


def test_a_qt_that_hangs_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("python", 60)

    monkeypatch.setenv("DISPLAY", ":5")
    monkeypatch.setattr(doctor_display.subprocess, "run", hang)
    (window,) = examine_display()
    assert window.status == "fault"
    assert "TimeoutExpired" in window.detail


@pytest.mark.skipif(sys.platform != "linux", reason="needs a virtual screen")
def test_the_true_probe_answers_on_this_screen() -> None:
    if not has_display():
        pytest.skip("no screen")
    window = next(examine_display())
    assert window.status == "ok", window
