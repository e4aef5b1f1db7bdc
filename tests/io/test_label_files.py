from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.label_files import labels_from_array, object_labels, read_labels, read_mask8

MASK = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)
BINARY = [[0, 1, 1], [0, 0, 1]]
IDS = np.array([[0, 1, 2], [255, 0, 7]], np.uint8)


def saved(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_0_and_255_only_is_a_binary_mask(tmp_path: Path, suffix: str) -> None:
    labels = read_labels(saved(tmp_path / f"a{suffix}", MASK))
    assert labels.dtype == np.int32
    assert labels.tolist() == BINARY


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_other_values_are_ids_and_255_is_one(tmp_path: Path, suffix: str) -> None:
    assert read_labels(saved(tmp_path / f"a{suffix}", IDS)).tolist() == IDS.tolist()


def test_all_foreground_and_all_background(tmp_path: Path) -> None:
    full = np.full((2, 2), 255, np.uint8)
    assert read_labels(saved(tmp_path / "full.png", full)).tolist() == [[1, 1], [1, 1]]
    assert not read_labels(saved(tmp_path / "empty.png", full * 0)).any()


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_grey_copied_into_colours_counts_and_alpha_does_not(tmp_path: Path, channels: int) -> None:
    colours = np.repeat(IDS[..., None], channels, axis=-1)
    if channels in {2, 4}:
        colours[..., -1] = 9
    assert read_labels(saved(tmp_path / "a.png", colours)).tolist() == IDS.tolist()


def test_colours_are_no_labels(tmp_path: Path) -> None:
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 0, 1] = 255
    with pytest.raises(BadInputError, match=r"red\.png holds colours"):
        read_labels(saved(tmp_path / "red.png", colours))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 3), np.uint8), "no pixels"),
        (np.array([[0.5]]), "fractions"),
        (np.array([[np.nan]]), "no numbers"),
        (np.array([[-1]]), "outside"),
        (np.array([[2**31]]), "outside"),
        (np.array([[1j]]), "no numbers"),
        (np.zeros((2, 2, 5), np.uint8), "several planes"),
        (np.zeros(4, np.uint8), "several planes"),
    ],
)
def test_numbers_that_are_no_labels(array: np.ndarray, reason: str) -> None:
    with pytest.raises(
        BadInputError, match=f"thing {'has' if 'pix' in reason else 'holds'}.*{reason}"
    ):
        labels_from_array(array, "thing")


def test_sizes_must_match_the_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", MASK)
    assert read_labels(path, (2, 3)).shape == (2, 3)
    with pytest.raises(BadInputError, match=r"a\.png is 3 x 2 pixels but its image is 2 x 3"):
        read_labels(path, (3, 2))


def test_8_bit_masks_keep_what_the_file_holds(tmp_path: Path) -> None:
    assert read_mask8(saved(tmp_path / "mask.png", MASK), (2, 3)).tolist() == MASK.tolist()
    assert read_mask8(saved(tmp_path / "ids.png", IDS), (2, 3)).tolist() == IDS.tolist()
    wide = saved(tmp_path / "wide.png", IDS.astype(np.uint16) * 100)
    assert read_mask8(wide, (2, 3)).tolist() == np.where(IDS > 0, 255, 0).tolist()
    with pytest.raises(BadInputError, match="its image is 3 x 3"):
        read_mask8(wide, (3, 3))


def test_outlines_need_the_size_of_their_image(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.xml holds outlines"):
        read_labels(tmp_path / "a.xml")


def test_a_single_value_is_split_into_components() -> None:
    diagonal = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 0], [5, 5, 0]], np.int32)
    assert object_labels(diagonal).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [2, 2, 0]]


def test_several_values_are_objects_already() -> None:
    scattered = np.array([[1, 0, 1], [2, 0, 0]], np.int32)
    assert object_labels(scattered) is scattered
    assert not object_labels(np.zeros((2, 2), np.int32)).any()


@given(arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 254, 255])))
def test_foreground_is_never_changed(array: np.ndarray) -> None:
    labels = labels_from_array(array, "thing")
    assert np.array_equal(labels > 0, array > 0)
    assert np.array_equal(object_labels(labels) > 0, array > 0)
    assert np.array_equal(labels, array) or set(np.unique(array)) <= {0, 255}


def test_real_gland_labels(shared_data: Path) -> None:
    bmp = read_labels(shared_data / "glas" / "train_1_anno.bmp")
    png = read_labels(shared_data / "glas" / "train_10_anno.png")
    assert bmp.shape == png.shape == (522, 775)
    assert (len(np.unique(bmp)) - 1, len(np.unique(png)) - 1) == (7, 6)  # as index.csv says


def test_real_nuclei_and_real_masks(shared_data: Path) -> None:
    nuclei = read_labels(shared_data / "monuseg" / "instances" / "TCGA-21-5784-01Z-00-DX1.tif")
    assert nuclei.shape == (1000, 1000)
    assert len(np.unique(nuclei)) - 1 == 398
    name = "Adenocarcinoma__GT2014209-1-400-001.png"  # nothing but foreground
    assert (read_labels(shared_data / "ebhi" / "masks" / name) == 1).all()
