"""Whether napari's window can open: Qt, a screen and OpenGL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from napari_selfreg.engine.finding import Finding

LIBRARIES = (
    "sudo apt-get install --no-install-recommends libegl1 libgl1 libopengl0 libfontconfig1 "
    "libdbus-1-3 libx11-xcb1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 "
    "libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libgl1-mesa-dri"
)
_TIMEOUT_SECONDS = 60

# Qt aborts its process when it finds no screen, so it is asked in another one.
_PROBE = """
import json
from qtpy import API_NAME, QT_VERSION
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
app = QGuiApplication([])
screen = app.primaryScreen()
size = screen.size() if screen else None
surface = QOffscreenSurface()
surface.create()
context = QOpenGLContext()
made = bool(context.create()) and bool(context.makeCurrent(surface))
form = context.format()
print("PROBE" + json.dumps({
    "binding": f"{API_NAME} {QT_VERSION}",
    "platform": app.platformName(),
    "screen": [size.width(), size.height()] if size else None,
    "opengl": [form.majorVersion(), form.minorVersion()] if made else None,
}))
"""


def has_display() -> bool:
    """Tell whether this machine states a screen that a window could open on."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def examine_display() -> Iterator[Finding]:
    """Yield findings about Qt, the screen and OpenGL; no window is shown."""
    if not has_display():
        yield _no_display()
        return
    found, complaint = _ask_qt()
    if found is None:
        yield _no_window(complaint)
        return
    screen = found["screen"]
    size = f"{screen[0]}×{screen[1]}" if screen else "no screen"
    yield Finding("window", "ok", f"{found['binding']}, {found['platform']}, {size}")
    yield _opengl(found["opengl"], found["platform"])


def _ask_qt() -> tuple[dict[str, Any] | None, str]:
    """Return what Qt says in a process of its own, or None and its last words."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, type(error).__name__
    for line in done.stdout.splitlines():
        if line.startswith("PROBE"):
            answer: dict[str, Any] = json.loads(line.removeprefix("PROBE"))
            return answer, ""
    return None, done.stderr.strip()


def _no_display() -> Finding:
    detail = "this machine states no screen, so only the shell commands work"
    remedy = "for a window without a screen: "
    if not shutil.which("xvfb-run"):
        remedy += "sudo apt-get install -y xvfb, then "
    return Finding("window", "note", detail, f"{remedy}xvfb-run -a napari-selfreg")


def _no_window(complaint: str) -> Finding:
    if "QtBindingsNotFoundError" in complaint or "No Qt bindings" in complaint:
        remedy = "pip install 'napari-selfreg[all]'"
        return Finding("window", "fault", "no Qt binding is installed", remedy)
    if "could not connect to display" in complaint:
        detail = f"the screen {os.environ.get('DISPLAY', '')!r} does not answer"
        return Finding("window", "fault", detail, "log in on that screen, or use xvfb-run -a")
    reason = complaint.splitlines()[-1][:200] if complaint else "no reason given"
    remedy = LIBRARIES if sys.platform == "linux" else "pip install --force-reinstall PyQt6"
    return Finding("window", "fault", f"Qt cannot start ({reason})", remedy)


def _opengl(found: list[int] | None, platform: str) -> Finding:
    if found is not None and tuple(found) >= (2, 1):
        return Finding("OpenGL", "ok", f"{found[0]}.{found[1]}")
    if platform == "offscreen":
        remedy = "unset QT_QPA_PLATFORM and use xvfb-run -a"
        return Finding("OpenGL", "note", "Qt's offscreen platform has none", remedy)
    detail = "none" if found is None else f"{found[0]}.{found[1]} is older than 2.1"
    remedy = "update the graphics driver"
    if sys.platform == "linux":
        remedy += ", or sudo apt-get install -y libgl1-mesa-dri libegl1"
    return Finding("OpenGL", "fault", detail, remedy)
