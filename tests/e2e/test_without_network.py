"""The whole loop, open, segment and save, where every way into the network is shut."""

from __future__ import annotations

import json
import shutil
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io.samples import samples
from napari_selfreg.widgets import results_actions
from napari_selfreg.widgets.result_plane import table_of
from tests.widgets.open_steps import open_and_wait

LONG = 300_000
"""Milliseconds that only a hanging test needs."""


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Shut the network; return where somebody wanted to go."""
    wanted: list[Any] = []

    def refuse(*where: Any, **_: Any) -> Any:
        wanted.append(where)
        raise OSError("the network is shut")

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family == getattr(socket, "AF_UNIX", None):  # the screen, the desktop
            return real(self, address)
        return refuse(address)

    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return wanted


def test_the_network_is_really_shut(tries: list[Any]) -> None:
    with pytest.raises(OSError, match="shut"):
        urllib.request.urlopen("http://example.org", timeout=1)
    assert tries


def test_from_a_file_to_files_for_qupath(
    tries: list[Any], bench: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, workbench = bench
    picture, out = tmp_path / "case" / "field.png", tmp_path / "out"
    picture.parent.mkdir()
    out.mkdir()
    shutil.copy(next(each.path for each in samples() if each.name == "ebhi_normal"), picture)
    open_and_wait(workbench.open_panel, qtbot, picture, "field")
    panel, results = workbench.segment_panel, workbench.results_panel
    panel.pixel_size_edit.setValue(panel.model_picker.card().pixel_size)
    with qtbot.waitSignal(panel.segmented, timeout=LONG) as signal:
        panel.run_button.click()
    monkeypatch.setattr(results_actions, "ask_folder", lambda *_: out)
    qtbot.waitUntil(results.form.save_button.isEnabled, timeout=LONG)
    results.form.save_button.click()
    with qtbot.waitSignal(results.tasks.runner.finished, timeout=LONG):
        pass
    written = sorted(path.name for path in out.iterdir())
    assert written == ["field_measurements.csv", "field_objects.geojson", "field_objects.tif"]
    outlines = json.loads((out / "field_objects.geojson").read_text("utf-8"))
    assert len(outlines["features"]) == len(table_of(signal.args[0].features)["index"])
    assert tries == []
