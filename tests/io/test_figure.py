"""The saved picture shows image, outlines and a true scale bar."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from PIL import Image

from napari_selfreg.core.errors import BadInputError, WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import figure as module
from napari_selfreg.io.figure import DPI, Figure, draw_png, write_figure

SVG = "{http://www.w3.org/2000/svg}"


def figure(height: int = 120, width: int = 200, um: float = 0.5) -> Figure:
    objects = np.zeros((height, width), np.int32)
    objects[20:60, 30:90] = 4
    objects[35:45, 50:60] = 0  # a hole
    rgb = np.full((height, width, 3), 200, np.uint8)
    return Figure(rgb, objects, PixelSize.isotropic(um))


def test_png_has_300_dots_per_inch_and_is_large_enough_for_print(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "a.png", figure())
    with Image.open(path) as picture:
        assert picture.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
        assert picture.size == (2000, 1200)
        assert not {"Author", "Software", "Comment"} & set(picture.info)


def test_outlines_run_around_objects_and_holes() -> None:
    pixels = np.asarray(draw_png(figure()).convert("RGB")).astype(int)
    yellow = (pixels[..., 0] > 220) & (pixels[..., 1] > 220) & (pixels[..., 2] < 60)
    scale = 10
    for row, column in ((20, 60), (60, 60), (40, 30), (40, 90), (35, 55), (40, 60)):
        near = yellow[row * scale - 8 : row * scale + 8, column * scale - 8 : column * scale + 8]
        assert near.any(), (row, column)
    assert not yellow[40 * scale - 20 : 40 * scale + 20, 70 * scale : 75 * scale].any()  # inside


@pytest.mark.parametrize("um", [0.25, 0.5, 4.0])
def test_the_bar_is_as_long_as_it_says(um: float) -> None:
    drawn = figure(um=um)
    text = "".join(module._svg(drawn))
    length_um = float(re.search(r">([\d.]+) (µm|mm)</text>", text)[1])
    if " mm<" in text:
        length_um *= 1000
    bar = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', text)[1]
    assert float(bar[1]) == pytest.approx(length_um / um * drawn.scale, abs=0.2)
    assert float(bar[0]) + float(bar[1]) < drawn.size[0]


def test_svg_is_well_formed_and_keeps_lines_and_text(tmp_path: Path) -> None:
    root = fromstring(write_figure(tmp_path / "a.svg", figure()).read_text(encoding="utf-8"))
    assert root.get("width") == f"{2000 / DPI * 25.4:.2f}mm"
    assert root.find(f"{SVG}image").get("href").startswith("data:image/png;base64,")
    halo, line = root.findall(f"{SVG}path")
    assert line.get("stroke") == "#ffff00"
    assert float(halo.get("stroke-width")) > float(line.get("stroke-width"))
    assert line.get("d").count("M") == 2  # shell and hole
    assert root.find(f"{SVG}text").text == "20 µm"


def test_no_suffix_means_png_and_another_one_is_refused(tmp_path: Path) -> None:
    assert write_figure(tmp_path / "a", figure()).name == "a.png"
    with pytest.raises(BadInputError, match=r"\.png or \.svg"):
        write_figure(tmp_path / "a.bmp", figure())


def test_an_empty_view_and_a_folder_in_the_way(tmp_path: Path) -> None:
    empty = Figure(np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4), np.int32), PixelSize(1, 1))
    with pytest.raises(BadInputError, match="nothing to draw"):
        write_figure(tmp_path / "a.png", empty)
    (tmp_path / "b.png").mkdir()
    with pytest.raises(WriteError):
        write_figure(tmp_path / "b.png", figure())


def test_large_pictures_are_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 6000)
    drawn = draw_png(figure())
    assert drawn.width * drawn.height == pytest.approx(6000, rel=0.05)
