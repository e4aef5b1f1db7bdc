"""Every word can be read in the dark and in the light theme, also after a change of themes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtGui import QImage, QPalette
from qtpy.QtWidgets import QAbstractButton, QLabel, QWidget

from napari_selfreg.widgets.workbench import add_workbench
from tests.widgets.results_steps import add_objects

READABLE = 3.0
"""Contrast that letters of buttons and sentences need (WCAG 2.2, 1.4.3, for large ones)."""


def colours(widget: QWidget) -> np.ndarray:
    """Return the colours of all pixels of a widget as it is drawn, shape (n, 3)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pointer: Any = image.constBits()
    if hasattr(pointer, "setsize"):
        pointer.setsize(image.sizeInBytes())
    pixels = np.frombuffer(bytes(pointer), np.uint8).reshape(-1, 4)
    return pixels[:, 2::-1]


def luminance(rgb: Any) -> Any:
    """Return the relative luminance of colours, as WCAG defines it."""
    part = np.asarray(rgb, np.float64) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def ground_and_contrast(widget: QWidget) -> tuple[float, float]:
    """Return the luminance of the ground, and the contrast of what stands out most from it."""
    pixels = colours(widget)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    light = luminance(found)
    ground = float(light[counts.argmax()])
    ratios = (np.maximum(light, ground) + 0.05) / (np.minimum(light, ground) + 0.05)
    return ground, float(ratios.max())


def words(page: QWidget) -> list[QWidget]:
    """Return the visible sentences and the buttons of a panel that can be pressed."""
    found = [each for kind in (QLabel, QAbstractButton) for each in page.findChildren(kind)]
    return [
        each
        for each in found
        if each.isVisible()
        and each.isEnabled()
        and each.text().strip()
        and min(each.width(), each.height()) > 3
    ]


@pytest.mark.parametrize("first", ["dark", "light"])
def test_words_stand_out_in_both_themes(make_napari_viewer, qtbot, first: str) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.theme = first
    bench = add_workbench(viewer)
    add_objects(viewer)
    other = "light" if first == "dark" else "dark"
    for theme in (first, other):
        viewer.theme = theme
        qtbot.wait(50)
        for index in range(bench.tabs.count()):
            bench.tabs.setCurrentIndex(index)
            qtbot.wait(20)
            found = words(bench.tabs.widget(index))
            assert found
            for each in found:
                ground, contrast = ground_and_contrast(each)
                where = (theme, bench.tabs.tabText(index), each.text())
                assert contrast >= READABLE, where
                assert (ground > 0.18) is (theme == "light"), where


def test_what_is_drawn_by_hand_takes_the_colours_of_the_theme(make_napari_viewer, qtbot) -> None:
    viewer = make_napari_viewer(show=True)
    bench = add_workbench(viewer)
    drawn = [
        bench.results_panel.form.histogram,
        bench.inside_panel.maps.form.legend,
        bench.finetune_panel.block_curves,
    ]
    for theme, bright in (("dark", True), ("light", False), ("dark", True)):
        viewer.theme = theme
        for each in drawn:
            each.ensurePolished()
            ink = each.palette().color(QPalette.ColorRole.WindowText)
            assert (ink.lightness() > 128) is bright, (theme, type(each).__name__)
