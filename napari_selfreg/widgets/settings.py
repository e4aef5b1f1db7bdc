"""What a person has set in Preferences: napari shows, checks and keeps it.

The settings are declared in ``napari.yaml`` under ``configurations``; napari 0.9 makes a page of
Preferences from them and stores it beside its own settings. Here they get their types.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings
from npe2 import PluginManager

from napari_selfreg.core.defaults import DEFAULT_MODEL

PLUGIN = "napari-selfreg"

OUTLINE_COLOURS = {
    "several": None,
    "yellow": "#ffff00",
    "cyan": "#00ffff",
    "green": "#40ff40",
    "white": "#ffffff",
    "orange": "#ff9000",
}
"""What the person chooses -> the colour; None gives neighbours different ones."""

_PLACES = {
    "default_reader": ("opening", "default_reader"),
    "preload_torch": ("segmentation", "preload"),
    "default_model": ("segmentation", "model"),
    "device": ("segmentation", "device"),
    "output_folder": ("results", "folder"),
    "outline_colour": ("results", "outline_colour"),
    "outline_width": ("results", "outline_width"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, as they were when they were asked for.

    Parameters
    ----------
    preload_torch : bool
        Load PyTorch while a panel is open and nothing else happens.
    default_model : str
        Name of the bundled model that a new panel offers first.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``: what a new panel computes on.
    output_folder : Path or None
        Where results are saved; None for a folder beside the image.
    outline_colour : str or None
        ``#rrggbb`` of all outlines; None for several colours.
    outline_width : int or None
        In pixels of the image; None for a width that suits the size of the image.
    default_reader : bool
        Open pictures, slides and folders from napari's menu without being asked for a reader.
    """

    preload_torch: bool = False
    default_model: str = DEFAULT_MODEL
    device: str = "auto"
    output_folder: Path | None = None
    outline_colour: str | None = None
    outline_width: int | None = None
    default_reader: bool = False


def settings() -> Settings:
    """Return the settings of this moment.

    Returns
    -------
    Settings
        The defaults, without preloading and other readers, where napari does not know the plugin:
        a widget that a script makes has no page in Preferences where somebody could object.
    """
    stored = _stored()
    if stored is None:
        return Settings()
    values = {name: getattr(getattr(stored, group), key) for name, (group, key) in _PLACES.items()}
    folder = str(values["output_folder"]).strip()
    return Settings(
        preload_torch=bool(values["preload_torch"]),
        default_model=str(values["default_model"]),
        device=str(values["device"]),
        output_folder=Path(folder).expanduser() if folder else None,
        outline_colour=OUTLINE_COLOURS.get(str(values["outline_colour"])),
        outline_width=int(values["outline_width"]) or None,
        default_reader=bool(values["default_reader"]),
    )


def change_settings(**changes: Any) -> None:
    """Store settings, as if a person had changed them in Preferences.

    Parameters
    ----------
    **changes
        Fields of `Settings` with the values that Preferences shows: ``""`` for no folder, a key
        of `OUTLINE_COLOURS`, 0 for a width that suits the image.

    Raises
    ------
    ValueError
        If napari does not allow a value.
    KeyError
        If there is no such setting, or napari does not know the plugin.
    """
    stored = _stored()
    if stored is None:
        raise KeyError(f"napari knows no plugin {PLUGIN!r}")
    for name, value in changes.items():
        group, key = _PLACES[name]
        setattr(getattr(stored, group), key, value)


def _stored() -> Any:
    try:
        with _no_second_discovery():
            return get_plugin_settings(PLUGIN)
    except KeyError:
        return None


@contextmanager
def _no_second_discovery() -> Iterator[None]:
    """Spare napari a second look through all installed packages: its window has had the first.

    Here that is a tenth of a second, a third of the time in which a panel is to be open.
    """
    manager = PluginManager.instance()
    if PLUGIN not in manager:
        yield
        return
    vars(manager)["discover"] = lambda *_, **__: 0
    try:
        yield
    finally:
        del vars(manager)["discover"]
