from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.widgets.image_layers import source_info
from napari_selfreg.widgets.layers import pixel_size_of
from napari_selfreg.widgets.readers import get_reader, read, read_by_napari
from tests.io.image_files import smooth, tissue, write_svs
from tests.test_manifest import MANIFEST

INTACT = {
    "cmu-1-small-region.svs": PixelSize(0.499, 0.499),
    "tcga-cr-7395-01a-01-ts1.svs": None,
    "small_HE_levels.tiff": None,
    "ihc_colon.png": None,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "case"
    place.mkdir()
    for name in ("field_10.png", "field_2.png", "field_2_mask.png"):
        Pillow.fromarray(tissue()).save(place / name)
    (place / "notes.txt").write_text("not an image")
    return place


@pytest.fixture
def viewer(npe2pm, make_napari_viewer_proxy):
    with npe2pm.tmp_plugin(manifest=str(MANIFEST)):
        yield make_napari_viewer_proxy()


@pytest.mark.usefixtures("npe2pm")
def test_a_stack_and_a_folder_without_images_are_not_ours(tmp_path: Path, folder: Path) -> None:
    assert get_reader(["a.png", "b.png"]) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(folder)]) is read
    assert get_reader(str(folder / "field_2.png")) is read


def test_what_is_not_ours_is_left_to_napari(viewer, npe2pm, tmp_path: Path) -> None:
    values = np.arange(4 * 8 * 9, dtype=np.uint16).reshape(4, 8, 9)
    tifffile.imwrite(
        tmp_path / "stack.tif", values, photometric="minisblack", metadata={"axes": "TYX"}
    )
    for name in "ab":
        Pillow.fromarray(tissue()).save(tmp_path / f"{name}.png")
    with npe2pm.tmp_plugin(package="napari"):
        assert get_reader(str(tmp_path / "stack.tif")) is read_by_napari
        (stack,) = viewer.open(tmp_path / "stack.tif", plugin="napari-selfreg")
        pair = sorted(tmp_path.glob("?.png"))
        (both,) = viewer.open(pair, stack=True, plugin="napari-selfreg")
    assert stack.data.shape == (4, 8, 9)
    assert stack.data.dtype == np.uint16
    assert both.data.shape == (2, *tissue().shape)


def test_a_folder_opens_with_its_first_field(folder: Path) -> None:
    ((data, arguments, kind),) = read(str(folder))
    assert (kind, arguments["name"]) == ("image", "field_2")
    assert np.array_equal(data, tissue())
    (info,) = arguments["metadata"].values()
    assert info.folder == folder


def test_a_damaged_file_gives_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"IJrEr1v")
    with pytest.raises(BadInputError, match=r"a\.png is damaged"):
        read(str(tmp_path / "a.png"))


def test_napari_opens_files_and_folders_by_it(viewer, folder: Path, tmp_path: Path) -> None:
    write_svs(tmp_path / "slide.svs", smooth(64, 96))
    (slide,) = viewer.open(tmp_path / "slide.svs", plugin="napari-selfreg")
    assert slide.multiscale
    assert pixel_size_of(slide) == PixelSize(0.499, 0.499)
    (field,) = viewer.open(folder, plugin="napari-selfreg")
    assert field.name == "field_2"
    (upper,) = viewer.open(
        (tmp_path / "slide.svs").rename(tmp_path / "SLIDE 2.SVS"), plugin="napari-selfreg"
    )
    assert source_info(upper).stem == "SLIDE 2"


def test_every_intact_slide_opens(viewer, shared_data: Path) -> None:
    for name, stated in INTACT.items():
        (layer,) = viewer.open(shared_data / "slides" / name, plugin="napari-selfreg")
        assert layer.rgb
        assert pixel_size_of(layer) == stated
        assert source_info(layer).lazy == layer.multiscale == (not name.endswith(".png"))
        viewer.layers.clear()


@pytest.mark.parametrize(("name", "words"), [("small_dicom.dcm", "DICOM"), ("broken.svs", "damag")])
def test_the_others_say_why_not(viewer, shared_data: Path, name: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        viewer.open(shared_data / "slides" / name, plugin="napari-selfreg")
    assert len(viewer.layers) == 0
