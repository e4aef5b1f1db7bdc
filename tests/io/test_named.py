"""Images that a person named, and earlier results among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.named import images_to_segment, volumes_to_segment
from napari_selfreg.io.outputs import Origin, write_results
from tests.io.test_outputs import ORIGIN, objects, table


def _results(folder: Path, stem: str) -> dict[str, Path]:
    origin = Origin(stem, ORIGIN.model, ORIGIN.pixel_size, ORIGIN.source, ORIGIN.classes)
    return write_results(folder, objects(), table(objects(), origin), origin)


def _image(path: Path) -> Path:
    tifffile.imwrite(path, np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    return path


def test_a_picture_named_like_a_result_is_not_replaced(tmp_path: Path) -> None:
    images = [_image(tmp_path / "a.tif"), _image(tmp_path / "a_objects.tif")]
    with pytest.raises(BadInputError, match=r"a_objects\.tif is read and would be replaced"):
        images_to_segment(images, tmp_path)
    assert images_to_segment(images, tmp_path / "out") == (images, [])


def test_results_that_a_shell_named_too_are_left_out(tmp_path: Path) -> None:
    image = _image(tmp_path / "a.tif")
    files = _results(tmp_path, "a")
    again = _results(tmp_path, "a_objects")
    named = [image, *files.values(), *again.values()]
    images, left_out = images_to_segment(named, tmp_path)
    assert images == [image]
    assert set(left_out) == {*files.values(), *again.values()}


def test_a_result_named_alone_is_an_image(tmp_path: Path) -> None:
    files = _results(tmp_path, "a")
    assert images_to_segment([files["objects"]], tmp_path) == ([files["objects"]], [])


def test_labels_of_a_volume_that_are_named_too_are_refused(tmp_path: Path) -> None:
    volumes = [tmp_path / "v.nii.gz", tmp_path / "v_labels.nii.gz"]
    for path in volumes:
        path.write_bytes(b"x")
    with pytest.raises(BadInputError, match="would be replaced"):
        volumes_to_segment(volumes, tmp_path)
    assert volumes_to_segment(volumes, tmp_path / "out") == volumes


def test_a_damaged_copy_hinders_no_other_image(tmp_path: Path) -> None:
    images = [_image(tmp_path / "a.tif"), tmp_path / "a_copy.tif"]
    images[1].write_bytes(b"II*\x00\x08\x00\x00\x00" + bytes(4))
    assert images_to_segment(images, tmp_path / "out") == (images, [])
