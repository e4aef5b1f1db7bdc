"""Every shell test has folders and models of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg import console
from napari_selfreg.io import models, terms
from napari_selfreg.io.bundle import sha256
from tests.bundles import tiny_bundle


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
    folder = tmp_path / "models"
    folder.mkdir()
    path = tiny_bundle(folder / "glands.safetensors", name="glands")
    (folder / "SHA256SUMS").write_text(f"{sha256(path)}  {path.name}\n")
    monkeypatch.setattr(models, "MODELS_FOLDER", folder)
    return folder
