"""*File > Open* without a question: napari asks as soon as two plugins read a kind of file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from napari.settings import get_settings
from npe2 import PluginManager

from napari_selfreg.widgets.readers import NAPARI
from napari_selfreg.widgets.settings import PLUGIN, settings

FOLDERS = f"*{os.sep}"
"""Pattern of folders: napari writes their paths with a separator at the end."""

_SELDOM_OURS = ("*.dcm", "*.dicom")
"""Most of these are scans of patients, not slides: there napari goes on asking."""


def become_default_reader() -> None:
    """Note our reader in napari's preferences for what only we and napari itself can read.

    A choice that a person has made stays; so does the question where she has installed another
    reader. Nothing is changed if *Open without asking* is off in our settings.
    """
    if not settings().default_reader:
        return
    chosen = dict(get_settings().plugins.extension2reader)
    missing = [pattern for pattern in _patterns() if pattern.lower() not in chosen]
    added = {
        spelling: PLUGIN
        for pattern in missing
        for spelling in _spellings(pattern)
        if spelling not in chosen
    }
    if added:
        get_settings().plugins.extension2reader = {**chosen, **added}


def _patterns() -> Iterator[str]:
    """Yield the patterns that we share with napari alone."""
    manager = PluginManager.instance()
    for reader in manager.get_manifest(PLUGIN).contributions.readers or ():
        for pattern in reader.filename_patterns:
            if pattern not in _SELDOM_OURS and _only_napari(pattern.replace("*", "x")):
                yield pattern
        if reader.accepts_directories and _only_napari(str(Path(__file__).parent)):
            yield FOLDERS


def _only_napari(path: str) -> bool:
    readers = PluginManager.instance().iter_compatible_readers([path])
    return {reader.plugin_name for reader in readers} == {PLUGIN, NAPARI}


def _spellings(pattern: str) -> tuple[str, ...]:
    """Return a pattern as napari compares it: some systems tell capitals from small letters."""
    return (pattern,) if os.path.normcase("A") == "a" else (pattern, pattern.upper())
