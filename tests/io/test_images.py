from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.images import image_paths, open_image
from tests.io.image_files import tissue, write_svs


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_both_readers_behind_one_door(tmp_path: Path) -> None:
    Image.fromarray(tissue()).save(tmp_path / "a.png")
    write_svs(tmp_path / "b.svs", tissue(64, 96))
    with open_image(str(tmp_path / "a.png")) as picture, open_image(tmp_path / "b.svs") as slide:
        assert (picture.lazy, slide.lazy) == (False, True)
        assert (picture.stem, slide.stem) == ("a", "b")


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "f_10.png", "f_2.PNG", "f_1.svs", "notes.txt", ".hidden.png", "x.geojson")
    touch(tmp_path / "deeper.png", "inside.png")
    assert [path.name for path in image_paths(tmp_path)] == ["f_1.svs", "f_2.PNG", "f_10.png"]


def test_figures_that_are_no_numbers_stand_in_names(tmp_path: Path) -> None:
    touch(tmp_path, "10²3.png", "10.png", "x²-2.png")
    assert len(image_paths(tmp_path)) == 3


def test_label_files_are_left_out_only_beside_their_image(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a_anno.png", "a_objects.tif", "b_mask.png", "c.tif", "c_labels.png")
    assert [path.name for path in image_paths([tmp_path])] == ["a.png", "b_mask.png", "c.tif"]


def test_capitals_and_ome_do_not_count_in_the_names_of_labels(tmp_path: Path) -> None:
    touch(tmp_path, "A.png", "A_MASK.PNG", "a_Objects.tif", "b.ome.tif", "b_mask.png", "C_ANNO.png")
    assert [path.name for path in image_paths([tmp_path])] == ["A.png", "b.ome.tif", "C_ANNO.png"]


def test_files_and_folders_mixed_each_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png", "scan.dcm")
    named = [tmp_path / "b.png", str(tmp_path), tmp_path / "scan.dcm"]
    assert [path.name for path in image_paths(named)] == ["b.png", "a.png", "scan.dcm"]


def test_an_image_named_in_several_ways_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "in", "a.png")
    monkeypatch.chdir(tmp_path)
    whole = tmp_path / "in" / "a.png"
    assert image_paths(["in/a.png", whole, "in/../in/a.png", "in", tmp_path / "in"]) == [
        Path("in/a.png")
    ]
    assert image_paths([whole, "in"]) == [whole]


def test_a_link_is_an_image_of_its_own(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    try:
        (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    except OSError:
        pytest.skip("links are not allowed here")
    assert [path.name for path in image_paths(tmp_path)] == ["a.png", "b.png"]


def test_one_path_needs_no_list(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    assert image_paths(str(tmp_path / "a.png")) == [tmp_path / "a.png"]


def test_nothing_named() -> None:
    with pytest.raises(BadInputError, match="No image was named: give"):
        image_paths([])


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.png does not exist: check"):
        image_paths([tmp_path / "gone.png"])


def test_folder_without_images(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(BadInputError, match="holds no image: choose a folder with PNG"):
        image_paths(tmp_path)


def test_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BadInputError, match="cannot be read: allow"):
        image_paths(tmp_path)


def test_importing_loads_no_decoder() -> None:
    code = (
        "import sys, napari_selfreg.io.images\n"
        "print([m for m in ('tifffile', 'zarr', 'PIL', 'torch', 'psutil') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
