from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from napari_selfreg.core.defaults import DEFAULT_MODEL
from napari_selfreg.io.bundle import read_card
from napari_selfreg.io.models import bundled_models
from napari_selfreg.widgets.settings import (
    OUTLINE_COLOURS,
    PLUGIN,
    Settings,
    change_settings,
    settings,
)

MANIFEST = Path(__file__).resolve().parents[2] / "napari.yaml"


@pytest.fixture
def plugin(plugin_settings: Any, npe2pm: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Our manifest, registered; its settings are kept in a folder of the test."""
    monkeypatch.delenv("NAPARI_SEGMENTATION_PRELOAD")
    monkeypatch.delenv("NAPARI_OPENING_DEFAULT_READER")
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield


def declared(group: str) -> dict[str, Any]:
    manifest = yaml.safe_load(MANIFEST.read_text("utf-8"))
    return manifest["contributions"]["configurations"][group]["properties"]


@pytest.mark.usefixtures("plugin")
def test_the_defaults_are_those_of_the_manifest() -> None:
    found = settings()
    assert found == Settings(
        preload_torch=declared("segmentation")["preload"]["default"],
        default_reader=declared("opening")["default_reader"]["default"],
    )
    assert found.default_model == DEFAULT_MODEL


@pytest.mark.usefixtures("plugin")
def test_what_is_changed_has_its_type_and_is_kept_in_a_file(tmp_path: Path) -> None:
    change_settings(
        preload_torch=False,
        default_model="nuclei-monuseg",
        device="cpu",
        output_folder=str(tmp_path / "out"),
        outline_colour="cyan",
        outline_width=3,
        default_reader=False,
    )
    assert settings() == Settings(False, "nuclei-monuseg", "cpu", tmp_path / "out", "#00ffff", 3)
    kept = yaml.safe_load((tmp_path / f"{PLUGIN}.yaml").read_text("utf-8"))
    assert kept["results"]["outline_width"] == 3
    assert kept["segmentation"]["device"] == "cpu"


@pytest.mark.usefixtures("plugin")
def test_blanks_are_no_folder_and_home_is_followed() -> None:
    change_settings(output_folder="  ")
    assert settings().output_folder is None
    change_settings(output_folder="~/results")
    assert settings().output_folder == Path.home() / "results"


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    "change", [{"device": "abacus"}, {"outline_width": -1}, {"outline_colour": "red"}]
)
def test_what_is_not_offered_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        change_settings(**change)
    assert settings().device == "auto"


@pytest.mark.usefixtures("plugin")
def test_whoever_sets_up_a_computer_can_switch_preloading_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAPARI_SEGMENTATION_PRELOAD", "false")
    assert not settings().preload_torch


@pytest.mark.usefixtures("plugin_settings")
def test_without_the_plugin_nothing_is_loaded_ahead() -> None:
    assert settings() == Settings()
    assert not settings().preload_torch
    assert not settings().default_reader
    with pytest.raises(KeyError, match=PLUGIN):
        change_settings(device="cpu")


def test_the_manifest_offers_what_there_is() -> None:
    models = bundled_models().items()
    for_pictures = {name for name, path in models if read_card(path).spatial_dims == 2}
    assert set(declared("segmentation")["model"]["enum"]) == for_pictures
    assert declared("results")["outline_colour"]["enum"] == list(OUTLINE_COLOURS)


@pytest.mark.usefixtures("plugin")
def test_installed_packages_are_not_searched_again(npe2pm: Any, monkeypatch: Any) -> None:
    searched: list[str] = []
    monkeypatch.setattr(type(npe2pm), "discover", lambda self: searched.append("here"))
    assert settings() == settings()
    assert searched == []
    npe2pm.discover()  # as it was
    assert searched == ["here"]


def test_a_plugin_that_nobody_knows_yet_is_searched_for(
    plugin_settings: Any, npe2pm: Any, monkeypatch: Any
) -> None:
    searched: list[str] = []
    monkeypatch.setattr(type(npe2pm), "discover", lambda self: searched.append("here"))
    assert settings() == Settings()
    assert searched == ["here"]
