"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

# napari reads settings of plugins from here first: no test waits for an engine that it never uses,
# nor changes the preferences of whoever runs it
os.environ["NAPARI_SEGMENTATION_PRELOAD"] = "false"
os.environ["NAPARI_OPENING_DEFAULT_READER"] = "false"
# its own settings are kept in no file: tests run side by side
os.environ["NAPARI_CONFIG"] = ""

_TESTS_PER_SEARCH = 40  # a search of all memory takes a quarter of a second

# a busy machine is no fault of the code
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _python_collects_nothing() -> Iterator[None]:
    """Leave garbage to the fixture below: see `napari_selfreg.widgets.collector`."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _garbage_goes_in_this_thread(_python_collects_nothing: None) -> Iterator[None]:
    """Free a test's widgets before the threads of another one can."""
    yield
    gc.collect(2 if gc.get_count()[2] > _TESTS_PER_SEARCH else 1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images that may lie beside the clone; tests skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the optional real data sets are not beside this clone")
    return folder


@pytest.fixture(scope="session")
def _quick_viewers() -> Iterator[None]:
    """Spare the viewers of the tests two searches, which take a third of their lives.

    napari looks for plug-ins in all installed packages whenever a viewer is made, and for garbage
    in all memory whenever a layer goes; the latter helps some OpenGL drivers on Windows.
    """
    from napari._vispy import canvas
    from npe2 import PluginManifest

    discover = PluginManifest.discover
    found = list(discover())

    def known(paths: Any = ()) -> Iterator[Any]:
        return discover(paths) if paths else iter(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", known)
        if sys.platform != "win32":
            patch.setattr(canvas, "gc", SimpleNamespace(collect=lambda: gc.collect(1)))
        yield


@pytest.fixture
def make_napari_viewer(_quick_viewers: None, make_napari_viewer: Any) -> Callable[..., Any]:
    """Make a viewer as napari's fixture of that name does, only faster."""
    return make_napari_viewer
