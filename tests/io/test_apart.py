"""Results never take the place of what they are made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.apart import read_in, require_apart


def test_an_output_that_is_an_input_is_refused_under_any_name(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    require_apart([tmp_path / "b.png"], [image, tmp_path / "missing.png"])
    for name in (image, tmp_path / "sub" / ".." / "a.png"):
        with pytest.raises(BadInputError, match=r"a\.png is read and would be replaced"):
            require_apart([tmp_path / "b.png", name], [image])


def test_links_are_followed(tmp_path: Path) -> None:
    image, link = tmp_path / "a.png", tmp_path / "link.png"
    image.write_bytes(b"x")
    try:
        link.symlink_to(image)
    except OSError:
        pytest.skip("links need a permission here")
    with pytest.raises(BadInputError, match="would be replaced"):
        require_apart([image], [link])


def test_what_is_read_in_folders(tmp_path: Path) -> None:
    for name in ("a.png", "a.xml", "a.csv", "v.nii.gz", "imagesTr/w.NII", "x/y/deep.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    found = {path.name for path in read_in(tmp_path, tmp_path / "missing")}
    assert found == {"a.png", "a.xml", "v.nii.gz", "w.NII"}
