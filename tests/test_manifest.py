"""The cross references that `npe2 validate` does not look at."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from napari._app_model.constants import MenuId
from npe2 import PluginManifest
from npe2.manifest.contributions import ContributionPoints

from napari_selfreg.io.samples import samples

MANIFEST = Path(__file__).resolve().parents[1] / "napari.yaml"
WORKBENCH = "Segmentation workbench"


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return yaml.safe_load(MANIFEST.read_text("utf-8"))


@pytest.fixture(scope="module")
def contributions(raw: dict[str, Any]) -> dict[str, Any]:
    return raw["contributions"]


@pytest.fixture(scope="module")
def commands(contributions: dict[str, Any]) -> set[str]:
    return {command["id"] for command in contributions["commands"]}


def test_it_is_valid_and_everything_it_names_can_be_imported() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == "napari-selfreg"


def test_no_key_is_unknown(raw: dict[str, Any], contributions: dict[str, Any]) -> None:
    # npe2 drops unknown keys in silence.
    assert set(raw) <= set(PluginManifest.model_fields)
    assert set(contributions) <= set(ContributionPoints.model_fields)


def test_every_command_is_used_and_every_used_command_exists(
    contributions: dict[str, Any], commands: set[str]
) -> None:
    used = [
        entry["command"]
        for key in ("widgets", "sample_data", "readers", "writers")
        for entry in contributions.get(key, [])
    ]
    used += [
        entry["command"]
        for entries in contributions["menus"].values()
        for entry in entries
        if "command" in entry
    ]
    assert set(used) == commands
    assert len(commands) == len(contributions["commands"])


def test_menus_are_open_to_plugins_and_submenus_are_declared(
    contributions: dict[str, Any],
) -> None:
    own = {entry["id"] for entry in contributions.get("submenus", [])}
    open_menus = {str(menu.value) for menu in MenuId.contributables()}
    assert set(contributions["menus"]) <= open_menus | own
    named = {
        entry["submenu"]
        for entries in contributions["menus"].values()
        for entry in entries
        if "submenu" in entry
    }
    assert named <= own


def test_python_names_are_callables_of_ours(contributions: dict[str, Any]) -> None:
    for command in contributions["commands"]:
        module, _, name = command["python_name"].partition(":")
        assert module.startswith("napari_selfreg.")
        assert callable(getattr(import_module(module), name))


def test_every_sample_of_the_package_is_in_the_menu(contributions: dict[str, Any]) -> None:
    offered = {entry["key"]: entry["display_name"] for entry in contributions["sample_data"]}
    pictures = {sample.name: sample.title for sample in samples()}
    assert offered == pictures | {"hippocampus": "Hippocampus (MR)"}


def test_a_viewer_opens_with_the_plugin_and_its_workbench(
    npe2pm: Any, make_napari_viewer_proxy: Any
) -> None:
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        viewer = make_napari_viewer_proxy()
        _, widget = viewer.window.add_plugin_dock_widget("napari-selfreg", WORKBENCH)
        viewer.open_sample("napari-selfreg", "ebhi_normal")
        assert widget.segment_panel.layer_picker.currentText() == viewer.layers[0].name
        assert widget.segment_panel.pixel_size_edit.value() is not None
