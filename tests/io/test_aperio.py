from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.aperio import read_aperio
from napari_selfreg.io.label_files import read_labels

SHAPE = (10, 12)
SQUARE = [(1, 1), (1, 4), (4, 4), (4, 1)]  # (y, x)


def region(vertices: list[tuple[object, object]], **attributes: str) -> str:
    named = "".join(f' {name}="{value}"' for name, value in attributes.items())
    points = "".join(f'<Vertex X="{x}" Y="{y}"/>' for y, x in vertices)
    return f"<Region{named}><Vertices>{points}</Vertices></Region>"


def written(path: Path, *regions: str, um: str | None = "0.25") -> Path:
    size = f' MicronsPerPixel="{um}"' if um is not None else ""
    path.write_text(
        f"<Annotations{size}><Annotation><Regions>{''.join(regions)}</Regions></Annotation>"
        "</Annotations>"
    )
    return path


def test_outlines_become_numbered_objects(tmp_path: Path) -> None:
    far = [(y + 5, x + 6) for y, x in SQUARE]
    read = read_aperio(written(tmp_path / "a.xml", region(SQUARE), region(far)), SHAPE)
    expected = np.zeros(SHAPE, np.int32)
    expected[1:5, 1:5], expected[6:10, 7:11] = 1, 2
    assert np.array_equal(read.labels, expected)
    assert read.labels.dtype == np.int32
    assert read.pixel_size == PixelSize(0.25, 0.25)


def test_the_first_outline_keeps_a_shared_pixel(tmp_path: Path) -> None:
    shifted = [(y, x + 2) for y, x in SQUARE]
    labels = read_aperio(written(tmp_path / "a.xml", region(SQUARE), region(shifted)), SHAPE).labels
    assert labels[2].tolist() == [0, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0, 0]


def test_negative_regions_cut_holes_wherever_they_stand(tmp_path: Path) -> None:
    hole = region([(2, 2), (2, 3), (3, 3), (3, 2)], NegativeROA="1")
    labels = read_aperio(written(tmp_path / "a.xml", hole, region(SQUARE)), SHAPE).labels
    assert labels[1:5, 1:5].tolist() == [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]


def test_ellipses_are_stored_as_their_box(tmp_path: Path) -> None:
    path = written(tmp_path / "a.xml", region([(10, 10), (40, 70)], Type="2"))
    labels = read_aperio(path, (60, 80)).labels
    assert labels[25, 40] == labels[25, 12] == labels[12, 40] == 1
    assert labels[11, 11] == labels[39, 69] == 0  # the corners of the box
    assert labels.sum() == pytest.approx(np.pi * 15 * 30, rel=0.02)


def test_arrows_rulers_and_lines_are_no_objects(tmp_path: Path) -> None:
    regions = [region(SQUARE, Type="3"), region(SQUARE, Type="4"), region(SQUARE[:2]), region([])]
    assert not read_aperio(written(tmp_path / "a.xml", *regions), SHAPE).labels.any()


def test_parts_outside_the_image_are_cut_off(tmp_path: Path) -> None:
    huge = [(-5, -5), (-5, 1e6), (3, 1e6), (3, -5)]
    labels = read_aperio(written(tmp_path / "a.xml", region(huge)), SHAPE).labels
    assert labels[:3].all()
    assert not labels[4:].any()


@pytest.mark.parametrize("um", [None, "", "nan", "0", "-1", "wide"])
def test_a_pixel_size_that_makes_no_sense_is_none(tmp_path: Path, um: str | None) -> None:
    assert read_aperio(written(tmp_path / "a.xml", region(SQUARE), um=um), SHAPE).pixel_size is None


@pytest.mark.parametrize("value", ["", "north", "nan", "inf", "1e300"])
def test_vertices_must_be_places(tmp_path: Path, value: str) -> None:
    path = written(tmp_path / "a.xml", region([*SQUARE, (value, 1)]))
    with pytest.raises(BadInputError, match=r"a\.xml holds a vertex"):
        read_aperio(path, SHAPE)


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xml"
    bomb.write_text(
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><Annotations>&y;</Annotations>'
    )
    with pytest.raises(BadInputError, match=r"bomb\.xml holds XML entities"):
        read_aperio(bomb, SHAPE)
    secret = tmp_path / "secret.xml"
    secret.write_text(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><Annotations>&x;</Annotations>'
    )
    with pytest.raises(BadInputError, match=r"secret\.xml holds XML entities"):
        read_aperio(secret, SHAPE)


@pytest.mark.parametrize("text", ["", "words", "<Annotations><Annotation>"])
def test_damaged_xml_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(BadInputError, match=r"a\.xml is damaged"):
        read_aperio(tmp_path / "a.xml", SHAPE)


def test_other_xml_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<svg/>")
    with pytest.raises(BadInputError, match=r"a\.xml is no ImageScope"):
        read_aperio(tmp_path / "a.xml", SHAPE)
    with pytest.raises(BadInputError, match=r"gone\.xml does not exist"):
        read_aperio(tmp_path / "gone.xml", SHAPE)
    (tmp_path / "folder.xml").mkdir()
    with pytest.raises(BadInputError, match=r"folder\.xml cannot be read"):
        read_aperio(tmp_path / "folder.xml", SHAPE)


def test_read_labels_takes_xml(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path / "a.xml", region(SQUARE)), SHAPE).sum() == 16


@pytest.mark.parametrize("stem", ["TCGA-21-5784-01Z-00-DX1", "TCGA-50-5931-01Z-00-DX1"])
def test_the_public_maps_of_nuclei_come_out_pixel_by_pixel(shared_data: Path, stem: str) -> None:
    folder = shared_data / "monuseg"
    given = tifffile.imread(folder / "instances" / f"{stem}.tif").astype(np.int32)
    read = read_aperio(folder / "xml" / f"{stem}.xml", given.shape)
    assert np.array_equal(read.labels, given)
    assert read.pixel_size is not None
    assert 0.24 < read.pixel_size.x < 0.26
