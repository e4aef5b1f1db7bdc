"""Every shell test has folders and models of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg import console
from napari_selfreg.io import terms
from tests.bundles import make_shelf


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep logs and settings of the tests out of the person's folders."""
    private = tmp_path / "private"
    monkeypatch.setattr(console, "log_folder", lambda: private / "logs")
    monkeypatch.setattr(terms, "settings_folder", lambda: private / "settings")
    monkeypatch.setattr(terms, "_shown_here", set())
    return private


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled models with one tiny, untrained ``glands``."""
    return make_shelf(tmp_path / "models", monkeypatch)
