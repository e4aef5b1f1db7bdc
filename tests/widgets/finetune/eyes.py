"""How colours look: on napari's themes, and to colour-blind eyes."""

from __future__ import annotations

import numpy as np
from qtpy.QtGui import QColor
from skimage.color import rgb2lab

THEMES = {"dark": ("#23242b", "#f0f1f2"), "light": ("#ebe7e6", "#1e1e21")}
"""Background and text of napari's themes."""

# Machado, Oliveira and Fernandes 2009, severity 1: what is left of linear red, green and blue.
EYES = {
    "trichromat": np.eye(3),
    "deuteranope": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "protanope": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
}


def linear(colour: str) -> np.ndarray:
    """Return linear red, green and blue of an sRGB colour."""
    value = np.array(QColor(colour).getRgbF()[:3])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(colour: str, background: str) -> float:
    """Return the ratio of WCAG 2: 1 is nothing, 21 is black on white."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, bright = sorted(float(linear(each) @ weights) for each in (colour, background))
    return (bright + 0.05) / (dark + 0.05)


def seen(colours: list[str], eye: str) -> np.ndarray:
    """Return the Lab values of colours as an eye sees them."""
    light = np.clip(np.array([linear(each) for each in colours]) @ EYES[eye].T, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded[np.newaxis])[0]
