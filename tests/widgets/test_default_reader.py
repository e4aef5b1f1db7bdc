"""Napari's own menu, with and without a question which reader is meant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import napari.settings
import numpy as np
import pytest
import tifffile
from napari._qt import qt_viewer
from napari.settings import NapariSettings
from npe2 import DynamicPlugin
from npe2.manifest.contributions import ReaderContribution

from napari_selfreg.widgets.default_reader import FOLDERS, become_default_reader
from napari_selfreg.widgets.image_layers import source_info, um_source
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.settings import PLUGIN
from napari_selfreg.widgets.workbench import add_workbench
from tests.io.image_files import smooth, write_svs
from tests.test_manifest import MANIFEST
from tests.widgets.open_steps import docked, drop, wait_shown, write_fields
from tests.widgets.panel_steps import names
from tests.widgets.waits import LONG


@pytest.fixture
def chosen(
    npe2pm: Any, plugin_settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[NapariSettings]:
    """Preferences of a new napari with our plugin and napari's own."""
    monkeypatch.delenv("NAPARI_OPENING_DEFAULT_READER")
    preferences = NapariSettings(config_path=tmp_path / "preferences" / "settings.yaml")
    monkeypatch.setattr(napari.settings, "_SETTINGS", preferences)
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)), npe2pm.tmp_plugin(package="napari"):
        yield preferences


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Which files napari has asked about."""
    asked: list[Any] = []
    monkeypatch.setattr(
        qt_viewer, "handle_gui_reading", lambda paths, *_, **__: asked.append(paths)
    )
    return asked


def from_menu(viewer: Any, *paths: Path, stack: bool = False) -> None:
    """Do what napari does once a person has chosen files in its dialog."""
    viewer.window._qt_viewer._qt_open([str(path) for path in paths], stack=stack)


def test_what_only_we_and_napari_read_is_ours(chosen: NapariSettings) -> None:
    become_default_reader()
    found = chosen.plugins.extension2reader
    assert {found[each] for each in ("*.png", "*.tif", "*.svs", FOLDERS)} == {PLUGIN}
    assert ("*.PNG" in found) is (os.path.normcase("A") == "A")
    assert "*.mrxs" not in found  # nobody else reads it: napari does not ask
    assert "*.dcm" not in found
    assert "*.csv" not in found


def test_choices_of_a_person_stay(chosen: NapariSettings) -> None:
    chosen.plugins.extension2reader = {"*.tif": "napari", "*.csv": "table"}
    become_default_reader()
    found = chosen.plugins.extension2reader
    assert (found["*.tif"], found["*.csv"], found["*.png"]) == ("napari", "table", PLUGIN)
    assert "*.TIF" not in found


def test_where_another_plugin_reads_too_napari_goes_on_asking(
    chosen: NapariSettings, npe2pm
) -> None:
    with DynamicPlugin("slides-and-more", plugin_manager=npe2pm) as other:
        reader = ReaderContribution(command="slides-and-more.read", filename_patterns=["*.svs"])
        other.manifest.contributions.readers = [reader]
        npe2pm._contrib.reindex(other.manifest)
        become_default_reader()
    assert "*.svs" not in chosen.plugins.extension2reader
    assert chosen.plugins.extension2reader["*.ndpi"] == PLUGIN


def test_it_can_be_switched_off(chosen: NapariSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_OPENING_DEFAULT_READER", "false")
    become_default_reader()
    assert chosen.plugins.extension2reader == {}


def test_the_menu_opens_files_in_the_panel_without_a_question(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path, qtbot
) -> None:
    folder = write_fields(tmp_path / "case")
    write_svs(tmp_path / "SLIDE.SVS", smooth(64, 96))
    viewer = make_napari_viewer()
    panel = docked(viewer)
    from_menu(viewer, folder / "a.png", folder / "b.png")
    wait_shown(panel, qtbot, "a")
    assert [each.stem for each in panel.fields] == ["a", "b"]
    from_menu(viewer, tmp_path / "SLIDE.SVS")
    assert wait_shown(panel, qtbot, "SLIDE").multiscale
    from_menu(viewer, folder)
    wait_shown(panel, qtbot, "a")
    qtbot.waitUntil(lambda: len(panel.fields) == 4, timeout=LONG)
    assert questions == []


def by_panel(viewer: Any, bench: Any, path: Path) -> None:
    bench.open_panel.form.filesChosen.emit([path])


def by_menu(viewer: Any, bench: Any, path: Path) -> None:
    from_menu(viewer, path)


def by_drop_on_the_canvas(viewer: Any, bench: Any, path: Path) -> None:
    assert drop(viewer.window._qt_viewer, path) == (True, True)


def by_drop_on_the_workbench(viewer: Any, bench: Any, path: Path) -> None:
    assert drop(bench, path) == (True, True)


DOORS = (by_panel, by_menu, by_drop_on_the_canvas, by_drop_on_the_workbench)


def test_every_door_has_the_same_result(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path, qtbot
) -> None:
    folder = write_fields(tmp_path / "case")
    write_svs(tmp_path / "slide.svs", smooth(64, 96))
    viewer = make_napari_viewer()
    bench = add_workbench(viewer)
    panel = bench.open_panel
    seen = []
    for enter in DOORS:
        enter(viewer, bench, folder)
        qtbot.waitUntil(lambda: len(panel.fields) == 3, timeout=LONG)
        enter(viewer, bench, tmp_path / "slide.svs")
        slide = wait_shown(panel, qtbot, "slide")
        listed = [(each.path, each.folder, each.state) for each in panel.fields]
        shown = (names(viewer), slide.multiscale, pixel_size_of(slide), um_source(slide))
        arguments = slide.as_layer_data_tuple()[1]
        seen.append((listed, shown, source_info(slide), arguments["scale"], arguments["units"]))
        panel.fields.remove(list(panel.fields))
        qtbot.waitUntil(lambda: names(viewer) == [], timeout=LONG)
    assert [each[0][3][0].name for each in seen] == ["slide.svs"] * len(DOORS)
    for other in seen[1:]:
        assert str(other) == str(seen[0])
    assert questions == []


def test_a_damaged_file_is_told_by_the_panel(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path, qtbot
) -> None:
    (tmp_path / "a.svs").write_bytes(b"IJrEr1v")
    viewer = make_napari_viewer()
    panel = docked(viewer)
    from_menu(viewer, tmp_path / "a.svs")
    qtbot.waitUntil(lambda: "a.svs is damaged" in panel.form.status.text(), timeout=LONG)
    assert questions == []


def test_stacks_and_grey_pictures_open_as_ever(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path
) -> None:
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((8, 9), np.uint16))
    viewer = make_napari_viewer()
    panel = docked(viewer)
    from_menu(viewer, tmp_path / "a.tif")
    from_menu(viewer, tmp_path / "a.tif", tmp_path / "b.tif", stack=True)
    assert [layer.data.shape for layer in viewer.layers] == [(8, 9), (2, 8, 9)]
    assert len(panel.fields) == 0
    assert questions == []


def test_without_a_panel_the_layer_is_added_at_once(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path
) -> None:
    folder = write_fields(tmp_path / "case")
    become_default_reader()
    viewer = make_napari_viewer()
    from_menu(viewer, folder / "a.png")
    assert names(viewer) == ["a"]
    assert questions == []


def test_a_panel_out_of_its_window_takes_nothing(
    chosen: NapariSettings, make_napari_viewer, questions: list[Any], tmp_path: Path
) -> None:
    folder = write_fields(tmp_path / "case")
    viewer = make_napari_viewer()
    panel = docked(viewer)
    viewer.window.remove_dock_widget(panel)
    from_menu(viewer, folder / "a.png")
    assert names(viewer) == ["a"]
    panel.deleteLater()
