from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_selfreg.io import remembered, terms
from napari_selfreg.widgets import model_picker, runner
from tests.bundles import tiny_bundle

MANIFEST = Path(__file__).resolve().parents[2] / "napari.yaml"


@pytest.fixture
def bench(
    npe2pm: Any,
    make_napari_viewer_proxy: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A viewer with our plugin, a small model, and the Workbench opened from its menu."""
    model = tiny_bundle(tmp_path / "tiny.safetensors", title="Tiny glands")
    monkeypatch.setattr(model_picker, "bundled_models", lambda: {"tiny": model})
    for kept in (terms, remembered):
        monkeypatch.setattr(kept, "settings_folder", lambda: tmp_path / "settings")
    monkeypatch.setattr(remembered, "_here", {})
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        viewer = make_napari_viewer_proxy()
        _, bench = viewer.window.add_plugin_dock_widget("napari-selfreg", "Segmentation workbench")
        yield viewer, bench
        runner.stop_all_jobs()
