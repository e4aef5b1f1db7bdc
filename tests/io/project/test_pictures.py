"""The picture under the labels: whole, a part, another level, or none that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.images import open_image
from napari_selfreg.io.project import Project
from napari_selfreg.io.project.pictures import pixels_on_labels, read_picture
from tests.io.project.steps import SHAPE, new_field, new_project, picture


def levelled(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A pyramid of two levels; return their pixels."""
    full = np.random.default_rng(0).integers(0, 255, (256, 320, 3), np.uint8)
    half = full[::2, ::2].copy()
    with tifffile.TiffWriter(path) as writer:
        options: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb"}
        writer.write(full, subifds=1, **options)
        writer.write(half, subfiletype=1, **options)
    return full, half


def test_the_whole_picture(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        pixels = read_picture(project, "f1")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(tmp_path / "a.png")))


def test_a_part_of_a_picture(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", shape=(80, 90))
    field = new_field(image, offset=(10.0, 20.0), image_shape=(80, 90))
    with Project.create(tmp_path / "p", [field]) as project:
        pixels = read_picture(project, "f1")
    wanted = np.asarray(Image.open(image))[10 : 10 + SHAPE[0], 20 : 20 + SHAPE[1]]
    np.testing.assert_array_equal(pixels, wanted)


@pytest.mark.parametrize(("step", "offset"), [(1.0, (0.0, 0.0)), (2.0, (0.0, 0.0)), (2.0, (8, 4))])
def test_the_level_that_the_labels_were_drawn_on(
    tmp_path: Path, step: float, offset: tuple[float, float]
) -> None:
    levels = levelled(tmp_path / "a.tif")
    field = new_field(
        tmp_path / "a.tif", downsample=(step, step), offset=offset, image_shape=(256, 320)
    )
    with Project.create(tmp_path / "p", [field]) as project:
        pixels = read_picture(project, "f1")
    y, x = (round(at / step) for at in offset)
    wanted = levels[int(step) - 1][y : y + SHAPE[0], x : x + SHAPE[1]]
    np.testing.assert_array_equal(pixels, wanted)


@pytest.mark.parametrize(
    "changes",
    [
        {"downsample": (2.0, 2.0)},
        {"downsample": (1.0, 2.0)},
        {"offset": (1.0, 0.0)},
        {"offset": (0.0, -1.0)},
    ],
)
def test_labels_that_lie_beside_the_picture_have_none(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with Project.create(
        tmp_path / "p", [new_field(picture(tmp_path / "a.png"), **changes)]
    ) as project:
        with open_image(tmp_path / "a.png") as source:
            assert pixels_on_labels(source, project.field("f1")) is None
        with pytest.raises(BadInputError) as caught:
            read_picture(project, "f1")
    assert str(caught.value) == (
        "The image of a does not fit its labels: locate the one that was corrected."
    )


def test_rounded_steps_of_a_pyramid_count_as_the_same(tmp_path: Path) -> None:
    field = new_field(picture(tmp_path / "a.png"), downsample=(1.0004, 0.9996))
    with Project.create(tmp_path / "p", [field]) as project:
        assert read_picture(project, "f1").shape == (*SHAPE, 3)


@pytest.mark.parametrize("damage", ["missing", "no image", "empty"])
def test_a_picture_that_cannot_be_read_is_told_by_name(tmp_path: Path, damage: str) -> None:
    with new_project(tmp_path) as project:
        image = tmp_path / "a.png"
        if damage == "missing":
            image.unlink()
        else:
            image.write_bytes(b"" if damage == "empty" else b"text")
        with pytest.raises(BadInputError, match=r"a\.png"):
            read_picture(project, "f1")
