"""Examine this installation: versions, devices, display, models and folders, with remedies.

Nothing is only looked up that can be tried: devices multiply, the display is opened, folders are
written to.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs

from napari_selfreg.core.defaults import DEFAULT_MODEL
from napari_selfreg.core.errors import BadModelError
from napari_selfreg.engine.doctor_devices import examine_devices
from napari_selfreg.engine.doctor_display import examine_display
from napari_selfreg.engine.finding import Finding
from napari_selfreg.io.bundle import open_header, sha256
from napari_selfreg.io.models import bundled_models, recorded_hashes

REQUIRED = {
    "torch": (2, 4),
    "monai": (1, 4),
    "napari": (0, 9),
    "numpy": (2, 0),
    "scipy": (1, 14),
    "scikit-image": (0, 24),
    "tifffile": (2025, 1),
    "zarr": (3, 0),
    "imagecodecs": (2024, 12),
    "safetensors": (0, 4),
    "pydantic": (2, 8),
}
"""Distribution -> lowest version that works."""

OPTIONAL = ("PyQt6", "PySide6", "openslide-python")
_REINSTALL = "install the package again: pip install -c constraints/py311.txt -e '.[all]'"


def examine(tell: Callable[[str], None] | None = None) -> list[Finding]:
    """Examine everything.

    Parameters
    ----------
    tell : callable, optional
        Called with what is being examined.

    Returns
    -------
    list of Finding
        In a fixed order; the installation is sound if none is a ``fault``.
    """
    steps: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", examine_versions),
        ("devices", examine_devices),
        ("display", examine_display),
        ("models", examine_models),
        ("folders", examine_folders),
    )
    findings: list[Finding] = []
    for name, step in steps:
        if tell is not None:
            tell(f"Examining {name} …")
        findings.extend(step())
    return findings


def examine_versions() -> Iterator[Finding]:
    """Yield a finding per library, from the installed metadata (nothing is imported)."""
    python = platform.python_version()
    yield Finding("python", "ok", f"{python} on {platform.platform()}")
    for name, lowest in REQUIRED.items():
        yield _required(name, lowest)
    for name in OPTIONAL:
        found = _version(name)
        if found is not None:
            yield _known_bad(name, found) or Finding(name, "ok", found)


def examine_models() -> Iterator[Finding]:
    """Yield a finding per bundled model: complete, valid and as released."""
    hashes = recorded_hashes()
    files = bundled_models()
    if DEFAULT_MODEL not in files:
        yield Finding(f"model {DEFAULT_MODEL}", "fault", "it is missing", _REINSTALL)
    for name, path in files.items():
        yield _examine_model(name, path, hashes.get(path.name))
    for file_name in sorted(set(hashes) - {path.name for path in files.values()}):
        yield Finding(f"model {Path(file_name).stem}", "fault", "it is missing", _REINSTALL)


def examine_folders() -> Iterator[Finding]:
    """Yield a finding per folder that jobs write to."""
    settings = platformdirs.user_config_path("napari-selfreg", appauthor=False)
    logs = platformdirs.user_log_path("napari-selfreg", appauthor=False)
    yield _examine_folder("working folder", Path.cwd(), "note", "give --output elsewhere")
    yield _examine_folder(
        "temporary files", Path(tempfile.gettempdir()), "fault", "set TMPDIR to a writable folder"
    )
    yield _examine_folder("settings", settings, "note", "model terms are shown every time")
    yield _examine_folder("logs", logs, "note", "tracebacks go to the temporary files")


def _required(name: str, lowest: tuple[int, ...]) -> Finding:
    found = _version(name)
    if found is None:
        return Finding(name, "fault", "it is not installed", f"pip install {name}")
    needed = ".".join(map(str, lowest))
    if _numbers(found) < lowest:
        remedy = f"pip install '{name}>={needed}'"
        return Finding(name, "fault", f"{found} is older than {needed}", remedy)
    return Finding(name, "ok", found)


def _known_bad(name: str, found: str) -> Finding | None:
    if name == "PySide6" and found.startswith("6.12.0") and sys.version_info < (3, 12):
        remedy = "pip install 'PySide6!=6.12.0'"
        return Finding(name, "fault", f"{found} crashes Python 3.11", remedy)
    return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: ``2.13.0+cpu`` -> (2, 13, 0)."""
    numbers: list[int] = []
    for part in text.split("+")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _examine_model(name: str, path: Path, recorded: str | None) -> Finding:
    title = f"model {name}"
    try:
        card = open_header(path).card
    except BadModelError as error:
        return Finding(title, "fault", str(error), _REINSTALL)
    if recorded is None:
        return Finding(title, "fault", "no checksum is recorded for it", _REINSTALL)
    if sha256(path) != recorded:
        return Finding(title, "fault", "it differs from the released file", _REINSTALL)
    return Finding(title, "ok", f"{card.title}, {path.stat().st_size / 1e6:.1f} MB, as released")


def _examine_folder(name: str, folder: Path, severity: str, remedy: str) -> Finding:
    title = f"folder for {name}" if name != "working folder" else name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
            probe.flush()
    except OSError as error:
        detail = f"{folder} cannot be written ({error.strerror})"
        return Finding(title, "fault" if severity == "fault" else "note", detail, remedy)
    return Finding(title, "ok", str(folder))
