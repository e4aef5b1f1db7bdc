"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# napari reads settings of plugins from here first: no test waits for an engine that it never uses,
# nor changes the preferences of whoever runs it
os.environ["NAPARI_SEGMENTATION_PRELOAD"] = "false"
os.environ["NAPARI_OPENING_DEFAULT_READER"] = "false"

# a busy machine is no fault of the code
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images that may lie beside the clone; tests skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the optional real data sets are not beside this clone")
    return folder
