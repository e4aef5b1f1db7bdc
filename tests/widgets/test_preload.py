from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pint
import pytest
from pint.registry import LazyRegistry, UnitRegistry
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_selfreg.widgets import preload
from napari_selfreg.widgets.settings import Settings
from tests.widgets.waits import LONG

LIBRARIES = """
import sys
from napari_selfreg.widgets.preload import load_libraries

assert "torch" not in sys.modules
load_libraries()
assert "torch" not in sys.modules
import torch

assert torch.ones(3, 3).mm(torch.ones(3, 3)).sum() == 27
load_libraries()
"""


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the names of modules go instead of being imported."""
    names: list[str] = []
    monkeypatch.setattr(preload, "IDLE_MS", 30)
    monkeypatch.setattr(preload, "_loader", preload._Loader())
    monkeypatch.setattr(preload, "warm_labels", lambda: None)
    monkeypatch.setattr(preload, "load_libraries", lambda: names.append("libraries"))
    monkeypatch.setattr(preload, "importlib", type("", (), {"import_module": names.append}))
    return names


def allow(monkeypatch: pytest.MonkeyPatch, answer: bool = True) -> list[bool]:
    """Set whether anything is loaded; return the answers that were given."""
    given: list[bool] = []
    found = Settings(preload_torch=answer)
    monkeypatch.setattr(preload, "settings", lambda: given.append(answer) or found)
    return given


def shown(qtbot: Any) -> QWidget:
    panel = QWidget()
    qtbot.addWidget(panel)
    preload.Preloader(panel)
    assert not preload._loader.begun
    panel.show()
    return panel


@pytest.mark.usefixtures("python_collects")
def test_a_panel_that_is_shown_loads_the_engine_once_in_a_thread(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    allow(monkeypatch)
    panel = shown(qtbot)
    qtbot.waitUntil(lambda: len(loaded) == 4, timeout=LONG)
    assert loaded == ["libraries", *preload.MODULES]
    thread = preload._loader.thread
    assert thread is not None
    thread.join()
    assert not thread.daemon
    assert thread is not threading.main_thread()
    panel.hide()
    panel.show()
    assert not panel.findChild(preload.Preloader)._idle.isActive()
    assert len(loaded) == 4
    assert gc.isenabled()


def test_nobody_else_imports_the_engine_meanwhile(
    monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    free: list[bool] = []
    monkeypatch.setattr(preload, "load_libraries", lambda: free.append(preload.importing.locked()))
    preload._Loader()._load()
    assert free == [True]
    assert loaded == [*preload.MODULES]
    assert not preload.importing.locked()


def test_nothing_is_loaded_where_the_setting_is_off(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    given = allow(monkeypatch, False)
    panel = shown(qtbot)
    qtbot.waitUntil(lambda: given == [False], timeout=LONG)
    assert panel.isVisible()
    assert not preload._loader.begun
    assert not loaded


def test_a_panel_that_was_closed_again_loads_nothing(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    given = allow(monkeypatch)
    panel = shown(qtbot)
    waiter = panel.findChild(preload.Preloader)
    assert waiter._idle.isActive()
    panel.hide()
    assert not waiter._idle.isActive()
    waiter._on_idle()  # as if it had been on its way
    assert not given
    assert not preload._loader.begun
    assert not loaded


def test_it_begins_to_wait_again_whenever_a_person_is_busy(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    allow(monkeypatch)
    monkeypatch.setattr(preload, "IDLE_MS", 1_000_000)
    panel = shown(qtbot)
    waiter = panel.findChild(preload.Preloader)
    assert waiter._idle.isActive()
    waiter._idle = idle = Mock()
    qtbot.keyClick(panel, Qt.Key.Key_A)
    assert idle.start.called
    waiter._on_idle()
    qtbot.waitUntil(lambda: len(loaded) == 4, timeout=LONG)


def test_units_are_there_before_another_thread_could_ask_for_them(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    allow(monkeypatch)
    register, seen = pint.get_application_registry().get(), []
    see = lambda: seen.append(type(pint.get_application_registry().get()))  # noqa: E731
    monkeypatch.setattr(preload, "load_libraries", see)
    pint.set_application_registry(LazyRegistry())
    try:
        shown(qtbot)
        qtbot.waitUntil(lambda: len(loaded) == 3, timeout=LONG)
    finally:
        pint.set_application_registry(register)
    assert seen == [UnitRegistry]


@pytest.mark.usefixtures("python_collects")
def test_a_fault_is_left_to_the_first_run(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str], caplog: Any
) -> None:
    allow(monkeypatch)

    def broken(name: str) -> None:
        raise OSError(f"no {name}")

    monkeypatch.setattr(preload.importlib, "import_module", broken)
    shown(qtbot)
    qtbot.waitUntil(lambda: "loaded ahead" in caplog.text, timeout=LONG)
    assert gc.isenabled()


def test_the_end_of_the_program_leaves_out_the_rest(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    allow(monkeypatch)
    shown(qtbot)
    preload._loader._ending.set()
    qtbot.waitUntil(lambda: preload._loader.thread is not None, timeout=LONG)
    preload._loader.thread.join()
    assert loaded == ["libraries"]


def test_the_libraries_come_first_and_do_torch_no_harm() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARIES],
        cwd=Path(preload.__file__).parents[2],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_modules_exist() -> None:
    assert all(importlib.util.find_spec(name) for name in preload.MODULES)
