from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tifffile

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.images import open_image
from napari_selfreg.io.tiff_metadata import unit_um
from tests.io.image_files import tissue, write_svs


def stated(path: Path) -> PixelSize | None:
    with open_image(path) as source:
        return source.stated


def write(path: Path, **options: Any) -> PixelSize | None:
    tifffile.imwrite(path, tissue(), photometric="rgb", **options)
    return stated(path)


def ome(path: Path, **metadata: Any) -> PixelSize | None:
    return write(path, ome=True, metadata={"axes": "YXS", **metadata})


def test_ome_in_micrometres(tmp_path: Path) -> None:
    found = ome(tmp_path / "a.ome.tif", PhysicalSizeX=0.5, PhysicalSizeY=0.25)
    assert found == PixelSize(y=0.25, x=0.5)


@pytest.mark.parametrize(
    ("unit", "value"),
    [("nm", 500.0), ("mm", 0.0005), ("cm", 0.00005), ("m", 5e-7), ("Å", 5000.0), ("µm", 0.5)],
)
def test_ome_units(tmp_path: Path, unit: str, value: float) -> None:
    found = ome(
        tmp_path / "a.ome.tif",
        PhysicalSizeX=value,
        PhysicalSizeXUnit=unit,
        PhysicalSizeY=value,
        PhysicalSizeYUnit=unit,
    )
    assert found is not None
    assert (found.y, found.x) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("unit", ["pixel", "reference frame", "lightyear"])
def test_ome_units_that_are_no_length(tmp_path: Path, unit: str) -> None:
    units = {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    assert ome(tmp_path / "a.ome.tif", PhysicalSizeX=1, PhysicalSizeY=1, **units) is None


def test_ome_without_sizes(tmp_path: Path) -> None:
    assert ome(tmp_path / "a.ome.tif") is None
    assert ome(tmp_path / "b.ome.tif", PhysicalSizeX=0.5) is None


def ome_xml(pixels: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" {pixels}>'
        '<Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1"/>'
        "</Pixels></Image></OME>"
    )


@pytest.mark.parametrize(("size", "expected"), [("0.5", PixelSize(0.5, 0.5)), ("-1", None)])
def test_ome_written_by_hand(tmp_path: Path, size: str, expected: PixelSize | None) -> None:
    xml = ome_xml(
        'SizeX="60" SizeY="40" SizeC="3" SizeZ="1" SizeT="1" '
        f'PhysicalSizeX="{size}" PhysicalSizeY="{size}"'
    )
    path = tmp_path / "a.ome.tif"
    assert write(path, description=xml.encode(), metadata=None) == expected


def test_ome_with_words_for_numbers_or_entities(tmp_path: Path) -> None:
    sizes = 'SizeX="60" SizeY="40" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="&x;" '
    xml = ome_xml(sizes + 'PhysicalSizeY="wide"')
    hostile = xml.replace("<OME ", '<!DOCTYPE OME [<!ENTITY x "0.5">]><OME ', 1)
    for index, text in enumerate((hostile, xml.replace("&x;", "broad"))):
        path = tmp_path / f"{index}.ome.tif"
        assert write(path, description=text.encode(), metadata=None) is None


@pytest.mark.parametrize(
    ("mpp", "expected"), [("0.4990", 0.499), ("0,2525", 0.2525), ("0.25", 0.25), (None, None)]
)
def test_aperio(tmp_path: Path, mpp: str | None, expected: float | None) -> None:
    write_svs(tmp_path / "a.svs", tissue(64, 96), mpp)
    found = stated(tmp_path / "a.svs")
    assert found == (None if expected is None else PixelSize(expected, expected))


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((20_000, 40_000), "CENTIMETER", (0.25, 0.5)),
        ((50_800, 50_800), "INCH", (0.5, 0.5)),
        ((5_000, 5_000), "INCH", (5.08, 5.08)),
        ((28.34, 28.34), "CENTIMETER", (352.858, 352.858)),
        ((72, 72), "INCH", None),
        ((96, 96), "INCH", None),
        ((95.9866, 95.9866), "INCH", None),
        ((150, 150), "INCH", None),
        ((300, 300), "INCH", None),
        ((1, 1), "INCH", None),
        ((20_000, 20_000), "NONE", None),
        ((0, 0), "CENTIMETER", None),
    ],
)
def test_resolution_tags(
    tmp_path: Path,
    resolution: tuple[float, float],
    unit: str,
    expected: tuple[float, float] | None,
) -> None:
    found = write(tmp_path / "a.tif", resolution=resolution, resolutionunit=unit, metadata=None)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.y, found.x) == pytest.approx((expected[0], expected[1]), rel=1e-3)


def test_resolution_gives_x_before_y(tmp_path: Path) -> None:
    found = write(tmp_path / "a.tif", resolution=(40_000, 20_000), resolutionunit="CENTIMETER")
    assert found == PixelSize(y=0.5, x=0.25)


@pytest.mark.parametrize(
    ("unit", "resolution", "expected"),
    [
        ("um", 2.0, 0.5),
        ("micron", 2.0, 0.5),
        ("\\u00B5m", 4.0, 0.25),
        ("nm", 0.002, 0.5),
        ("mm", 2000.0, 0.5),
        ("pixel", 2.0, None),
        ("", 2.0, None),
    ],
)
def test_imagej(tmp_path: Path, unit: str, resolution: float, expected: float | None) -> None:
    found = write(
        tmp_path / "a.tif",
        imagej=True,
        resolution=(resolution, resolution),
        metadata={"unit": unit} if unit else {},
    )
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.y == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("unit", "um"), [("\u00b5m", 1), ("\u03bcm", 1), (" UM ", 1), ("inch", 25400), (None, None)]
)
def test_units(unit: str | None, um: float | None) -> None:
    assert unit_um(unit) == um


def test_real_slides(shared_data: Path) -> None:
    folder = shared_data / "slides"
    assert stated(folder / "cmu-1-small-region.svs") == PixelSize(0.499, 0.499)
    assert stated(folder / "tcga-cr-7395-01a-01-ts1.svs") is None
    absurd = stated(folder / "small_HE_levels.tiff")
    assert absurd is not None
    assert absurd.y == pytest.approx(352.9, abs=0.1)
