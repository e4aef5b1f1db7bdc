"""The Workbench on screens of 100 and of 200 per cent; Qt takes the factor once, at its start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox
from napari_selfreg.widgets.workbench import TITLE, add_workbench


def settle():
    for _ in range(30):
        QApplication.processEvents()


viewer = napari.Viewer(show=True)
window = viewer.window._qt_window
viewer.add_image(np.zeros((64, 64, 3), np.uint8), name="field", rgb=True, units=["um"] * 2)
bench = add_workbench(viewer)
settle()
ratio = bench.devicePixelRatioF()
dock = bench
while dock.parent() is not None and dock.parent() is not window:
    dock = dock.parent()
cut = []
for index in range(bench.tabs.count()):
    bench.tabs.setCurrentIndex(index)
    settle()
    window.resizeDocks([dock], [1], Qt.Orientation.Horizontal)
    settle()
    page = bench.tabs.widget(index)
    panel = page.widget()
    title = bench.tabs.tabText(index)
    if panel.width() > page.viewport().width():
        cut.append(f"{title}: the panel")
    for part in panel.findChildren(QAbstractButton) + panel.findChildren(QComboBox):
        if not part.isVisible():
            continue
        right = part.mapTo(panel, part.rect().topRight()).x()
        if part.width() < part.minimumSizeHint().width() or right > panel.width():
            cut.append(f"{title}: {part.accessibleName() or getattr(part, 'text', str)()}")
print(f"ratio {ratio:g}, width {bench.width()}, cut: {cut}")
viewer.close()
"""


@pytest.mark.usefixtures("qapp")  # brings the virtual screen
@pytest.mark.parametrize("factor", ["1", "2"])
def test_nothing_is_cut_off_at_the_least_width(factor: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "QT_SCALE_FACTOR": factor},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"ratio {factor}," in done.stdout, done.stdout
    assert "cut: []" in done.stdout, done.stdout
