"""One picture of several fields with the outlines of their objects and a scale bar each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import find_objects, gaussian_filter
from skimage.measure import find_contours

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.atomic import atomic_write

FIELD_HEIGHT = 560
MARGIN = 28
_CAPTION_HEIGHT = 64
_HEADER_HEIGHT = 56
_OVERSAMPLING = 2
_PAPER = (250, 249, 247)
_INK = (38, 38, 44)
_GREY = (110, 110, 118)
_HALO = (0, 40, 46)
_LINE = (64, 236, 200)


@dataclass(frozen=True)
class PreviewField:
    """One field of the picture.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (Y, X, 3)
        The image.
    objects : ndarray of int, shape (Y, X)
        Object ids, 0 = background.
    pixel_size : PixelSize
        Of the image, in micrometres.
    title, note : str
        Two lines below it.
    """

    rgb: npt.NDArray[np.uint8]
    objects: npt.NDArray[np.integer[Any]]
    pixel_size: PixelSize
    title: str
    note: str = ""


def write_preview(path: Path | str, fields: Sequence[PreviewField], heading: str) -> None:
    """Draw all fields in one row and write them as PNG.

    Parameters
    ----------
    path : Path or str
        Target.
    fields : sequence of PreviewField
        At least one.
    heading : str
        Line above the fields.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    picture = draw_preview(fields, heading)
    with atomic_write(path) as stream:
        picture.save(stream, format="PNG", optimize=True)


def draw_preview(fields: Sequence[PreviewField], heading: str) -> Image.Image:
    """Return the picture of `write_preview`, RGB."""
    drawn = [_draw_field(field) for field in fields]
    width = MARGIN + sum(picture.width + MARGIN for picture in drawn)
    height = _HEADER_HEIGHT + FIELD_HEIGHT + _CAPTION_HEIGHT + MARGIN
    page = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, _HEADER_HEIGHT / 2), heading, _INK, text_font(24), anchor="lm")
    left = MARGIN
    for field, picture in zip(fields, drawn, strict=True):
        page.paste(picture, (left, _HEADER_HEIGHT))
        below = _HEADER_HEIGHT + FIELD_HEIGHT
        pen.text((left, below + 10), field.title, _INK, text_font(20), anchor="la")
        pen.text((left, below + 38), field.note, _GREY, text_font(16), anchor="la")
        left += picture.width + MARGIN
    return page


def scale_bar_um(width_um: float) -> float:
    """Return a round length (1, 2 or 5 times a power of ten), at most a quarter of `width_um`."""
    limit = width_um / 4
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit))


def outlines(objects: npt.NDArray[np.integer[Any]]) -> Iterator[npt.NDArray[np.float64]]:
    """Yield smooth closed outlines of every object.

    Parameters
    ----------
    objects : ndarray of int, shape (Y, X)
        Object ids, 0 = background.

    Yields
    ------
    ndarray of float, shape (n, 2)
        Points (y, x) in pixels; a pixel's centre lies at + 0.5.
    """
    for label, window in enumerate(find_objects(objects), start=1):
        if window is None:
            continue
        mask = np.pad((objects[window] == label).astype(np.float32), 3)
        offset = np.array([window[0].start, window[1].start]) - 3 + 0.5
        for line in find_contours(gaussian_filter(mask, 0.7), 0.5):
            yield line + offset


def _draw_field(field: PreviewField) -> Image.Image:
    """Draw at twice the size, since PIL's lines are not smooth, and shrink."""
    height, width = field.objects.shape
    side = FIELD_HEIGHT * _OVERSAMPLING
    scale = side / height
    size = (max(1, round(width * scale)), side)
    picture = Image.fromarray(field.rgb).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    pen = ImageDraw.Draw(picture)
    lines = [_to_points(line, scale) for line in outlines(field.objects)]
    for colour, stroke in ((_HALO, 5), (_LINE, 3)):
        for points in lines:
            pen.line(points, colour, stroke * _OVERSAMPLING // 2 + 1, joint="curve")
    _draw_scale_bar(pen, size, field.pixel_size.x / scale)
    return picture.resize(
        (max(1, size[0] // _OVERSAMPLING), FIELD_HEIGHT), Image.Resampling.LANCZOS
    )


def _to_points(line: npt.NDArray[np.float64], scale: float) -> list[tuple[float, float]]:
    return [(float(x) * scale, float(y) * scale) for y, x in line]


def _draw_scale_bar(pen: ImageDraw.ImageDraw, size: tuple[int, int], um_per_px: float) -> None:
    """Draw a white bar with its length on a dark plate, at the lower right."""
    length_um = scale_bar_um(size[0] * um_per_px)
    length = length_um / um_per_px
    right, bottom = size[0] - 28, size[1] - 28
    text = f"{length_um:g} µm" if length_um < 1000 else f"{length_um / 1000:g} mm"
    font = text_font(18 * _OVERSAMPLING)
    plate = (right - length - 16, bottom - 66, right + 16, bottom + 16)
    pen.rounded_rectangle(plate, 12, (20, 20, 24))
    pen.rectangle((right - length, bottom - 8, right, bottom), (255, 255, 255))
    pen.text((right - length / 2, bottom - 16), text, (255, 255, 255), font, anchor="ms")


@lru_cache
def text_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Open Sans, which napari's vispy brings: Pillow's own font has no µ."""
    spec = find_spec("vispy")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / "util" / "fonts" / "data" / "OpenSans-Regular.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default(size)
