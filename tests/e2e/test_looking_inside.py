"""A person's way through Look inside: the real plugin, the real engine, a small model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.widgets.finetune import bases
from napari_selfreg.widgets.layers import OWN_KEY
from tests.widgets.inside.test_panel import look, ours, settle
from tests.widgets.panel_steps import names

BLOCKS = ("E1", "E2", "E3", "E4", "B", "D4", "D3", "D2", "D1")


@pytest.fixture
def tiny_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists of models hold the small model of `bench` alone."""
    monkeypatch.setattr(bases, "bundled_models", lambda: {"tiny": tmp_path / "tiny.safetensors"})
    monkeypatch.setattr(bases, "added_models", list)


def test_from_the_sample_to_maps_and_numbers(tiny_only: None, bench, qtbot, tmp_path: Path) -> None:
    viewer, opened = bench
    viewer.open_sample("napari-selfreg", "ebhi_low_grade")
    image = viewer.layers[0]
    panel = opened.inside_panel
    opened.tabs.setCurrentIndex([opened.tabs.tabText(i) for i in range(6)].index("Look inside"))
    assert panel.maps.form.blocks.blocks() == BLOCKS
    look(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.name == "D1 · energy · tiny"
    assert np.isfinite(layer.data).all()
    # The model works at another pixel size, so rims differ by part of a pixel.
    np.testing.assert_allclose(layer.extent.world, image.extent.world, atol=0.5)
    for kind in ("channel", "pca", "attention", "scr"):
        panel.maps.form.setKind(kind)
        settle(panel, qtbot)
        assert len(ours(viewer)) == 1
    panel.maps.form.setKind("similarity")
    panel.maps.pointing.pointed.emit(image.data_to_world((60, 60)))
    settle(panel, qtbot)
    (layer,) = ours(viewer)
    assert layer.get_value(image.data_to_world((60, 60)), world=True) == pytest.approx(1, abs=0.01)

    panel.tabs.setCurrentIndex(1)
    with qtbot.waitSignal(panel.redundancy.drawn, timeout=60_000):
        pass
    settle(panel, qtbot)
    assert panel.redundancy.table.rowCount() == len(BLOCKS)
    panel.redundancy.save_as(tmp_path / "numbers.csv")
    assert (tmp_path / "numbers.csv").read_text().count("\n") == 1 + len(BLOCKS)

    panel.maps.form.clear_button.click()
    assert names(viewer) == [image.name]
    assert not any(OWN_KEY in each.metadata for each in viewer.layers)
