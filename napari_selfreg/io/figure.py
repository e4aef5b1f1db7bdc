"""A picture for a report: the image, its outlines and a scale bar, at 300 dots per inch.

PNG holds pixels; SVG holds the image and, above it, outlines and scale bar as lines and text that
a drawing program can still change.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.preview import outlines, scale_bar_um, text_font

DPI = 300
WIDTH_PX = 2000
"""Smaller pictures are enlarged to about this width (17 cm in print), so that lines are fine."""

MAX_PIXELS = 60_000_000
"""Larger pictures are shrunk to this many pixels."""

SUFFIXES = (".png", ".svg")

_PLATE, _WHITE, _HALO = "#141418", "#ffffff", "#002e34"
_MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class Figure:
    """What is drawn.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (Y, X, 3)
        The image.
    objects : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    pixel_size : PixelSize
        Of both.
    colour : str
        Of outlines, ``#rrggbb``.
    """

    rgb: npt.NDArray[np.uint8]
    objects: npt.NDArray[np.integer[Any]]
    pixel_size: PixelSize
    colour: str = "#ffff00"

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the image."""
        height, width = self.objects.shape
        wanted = max(1.0, WIDTH_PX / width)
        return float(min(wanted, np.sqrt(MAX_PIXELS / (height * width))))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        height, width = self.objects.shape
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @property
    def stroke(self) -> float:
        """Width of outlines in pixels of the picture."""
        return max(2.0, max(self.size) / 500)


def write_figure(path: str | Path, figure: Figure) -> Path:
    """Draw and write a picture.

    Parameters
    ----------
    path : path-like
        ``.png`` or ``.svg``; without a suffix PNG is written.
    figure : Figure

    Returns
    -------
    Path
        The file.

    Raises
    ------
    BadInputError
        If the suffix is another one, or there is nothing to draw.
    WriteError
        If the file cannot be written.
    """
    target = Path(path)
    if not target.suffix:
        target = target.with_name(f"{target.name}.png")
    if target.suffix.lower() not in SUFFIXES:
        raise BadInputError(f"{target.name} would be no picture: give it the suffix .png or .svg.")
    if not figure.objects.size:
        raise BadInputError("There is nothing to draw: move the image into the view.")
    if target.suffix.lower() == ".svg":
        with atomic_write(target, "w") as stream:
            stream.writelines(_svg(figure))
    else:
        with atomic_write(target) as stream:
            draw_png(figure).save(stream, format="PNG", dpi=(DPI, DPI))
    return target


def draw_png(figure: Figure) -> Image.Image:
    """Return the picture, RGB."""
    picture = Image.fromarray(figure.rgb).resize(figure.size, Image.Resampling.BICUBIC)
    lines = list(_lines(figure))
    pen = ImageDraw.Draw(picture)
    for colour, width in ((_HALO, 2.2 * figure.stroke), (figure.colour, figure.stroke)):
        for line in lines:
            pen.line([tuple(point) for point in line], colour, round(width), joint="curve")
    bar = _ScaleBar(figure)
    pen.rounded_rectangle(bar.plate, bar.unit / 3, _PLATE)
    pen.rectangle(bar.bar, _WHITE)
    pen.text(bar.text_at, bar.text, _WHITE, text_font(round(bar.unit)), anchor="ms")
    return picture


def _svg(figure: Figure) -> Iterator[str]:
    width, height = figure.size
    mm = [pixels / DPI * _MM_PER_INCH for pixels in (width, height)]
    packed = io.BytesIO()
    Image.fromarray(figure.rgb).save(packed, format="PNG")
    data = base64.b64encode(packed.getvalue()).decode("ascii")
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{mm[0]:.2f}mm" height="{mm[1]:.2f}mm" '
        f'viewBox="0 0 {width} {height}">\n'
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{data}"/>\n'
    )
    paths = "".join(_path(line) for line in _lines(figure))
    for colour, stroke in ((_HALO, 2.2 * figure.stroke), (figure.colour, figure.stroke)):
        yield (
            f'<path d="{paths}" fill="none" stroke="{colour}" stroke-width="{stroke:.2f}" '
            'stroke-linejoin="round"/>\n'
        )
    bar = _ScaleBar(figure)
    yield _rectangle(bar.plate, _PLATE, bar.unit / 3) + _rectangle(bar.bar, _WHITE, 0)
    yield (
        f'<text x="{bar.text_at[0]:.1f}" y="{bar.text_at[1]:.1f}" font-size="{bar.unit:.1f}" '
        f'font-family="Arial, Helvetica, sans-serif" text-anchor="middle" fill="{_WHITE}">'
        f"{bar.text}</text>\n</svg>\n"
    )


def _lines(figure: Figure) -> Iterator[npt.NDArray[np.float64]]:
    """Yield outlines as points (x, y) of the picture."""
    for line in outlines(figure.objects):
        yield line[:, ::-1] * figure.scale


def _path(line: npt.NDArray[np.float64]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    return f"M{points}Z"


def _rectangle(box: tuple[float, float, float, float], colour: str, radius: float) -> str:
    x0, y0, x1, y1 = box
    return (
        f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}" '
        f'rx="{radius:.1f}" fill="{colour}"/>\n'
    )


class _ScaleBar:
    """Where the parts of the scale bar lie, at the lower right of the picture."""

    def __init__(self, figure: Figure) -> None:
        width, height = figure.size
        um_per_px = figure.pixel_size.x / figure.scale
        length_um = scale_bar_um(width * um_per_px)
        length = length_um / um_per_px
        self.unit = max(12.0, min(width, height) / 34)
        right, bottom = width - 1.6 * self.unit, height - 1.4 * self.unit
        self.text = f"{length_um:g} µm" if length_um < 1000 else f"{length_um / 1000:g} mm"
        self.bar = (right - length, bottom - self.unit / 3.5, right, bottom)
        self.text_at = (right - length / 2, bottom - 0.65 * self.unit)
        reach = max(length, 0.6 * self.unit * len(self.text)) / 2 + 0.6 * self.unit
        middle = right - length / 2
        self.plate = (
            middle - reach,
            bottom - 1.9 * self.unit,
            middle + reach,
            bottom + 0.6 * self.unit,
        )
