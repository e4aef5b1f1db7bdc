from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.pairs import CORRECTED, find_pairs, pair_files


def touched(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(images: Path, labels: Path) -> list[tuple[str, str, str]]:
    return [(p.stem, p.image.name, p.label.name) for p in pair_files(images, labels)]


def test_same_stem_in_two_folders(tmp_path: Path) -> None:
    images = touched(tmp_path / "images", "b.webp", "a.tif", "notes.txt", ".hidden.png")
    labels = touched(tmp_path / "masks", "a.png", "b.bmp", "index.csv", ".b.png")
    assert names(images, labels) == [("a", "a.tif", "a.png"), ("b", "b.webp", "b.bmp")]


@pytest.mark.parametrize("suffix", ["_anno", "_mask", "_label", "_labels", "_MASK"])
def test_suffixes_in_one_folder(tmp_path: Path, suffix: str) -> None:
    folder = touched(tmp_path / "data", "x.png", f"x{suffix}.png")
    assert names(folder, folder) == [("x", "x.png", f"x{suffix}.png")]


def test_suffixes_in_two_folders_even_if_an_image_has_one(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "x.png", "x_mask.png")
    labels = touched(tmp_path / "l", "x_mask.png", "x_anno.tif")
    expected = [("x", "x.png", "x_anno.tif"), ("x_mask", "x_mask.png", "x_mask.png")]
    assert names(images, labels) == expected


def test_outlines_beside_images(tmp_path: Path) -> None:
    folder = touched(tmp_path / "data", "TCGA-1.svs", "TCGA-1.xml")
    assert names(folder, folder) == [("TCGA-1", "TCGA-1.svs", "TCGA-1.xml")]


def test_one_folder_by_two_names(tmp_path: Path) -> None:
    folder = touched(tmp_path / "data", "x.png", "x_anno.png")
    assert names(folder, tmp_path / "data" / ".." / "data") == names(folder, folder)


def test_exported_objects_pair_where_corrections_are_read(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.png", "b.png")
    exported = ["a_objects.tif", "a_objects.geojson", "a_measurements.csv"]
    labels = touched(tmp_path / "l", *exported)
    (tmp_path / "l" / "regions").mkdir()
    (pair,) = find_pairs(images, labels, CORRECTED).pairs
    assert (pair.stem, pair.label.name) == ("a", "a_objects.tif")
    touched(images, *exported)
    pairing = find_pairs(images, images, CORRECTED)
    assert [each.stem for each in pairing.pairs] == ["a"]
    assert [path.name for path in pairing.unlabelled] == ["b.png"]
    with pytest.raises(BadInputError, match=r"a_objects\.tif has no image"):
        pair_files(touched(tmp_path / "j", "a.png"), labels)


def test_names_pair_however_their_umlauts_are_encoded(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Drüse") for form in ("NFC", "NFD"))
    images = touched(tmp_path / "i", f"{decomposed}.png", f"{decomposed}2.png")
    labels = touched(tmp_path / "l", f"{composed}.png", f"{composed}2_mask.png")
    found = [(f"{decomposed}.png", f"{composed}.png")]
    found += [(f"{decomposed}2.png", f"{composed}2_mask.png")]
    assert [(p.image.name, p.label.name) for p in pair_files(images, labels)] == found


@pytest.mark.parametrize(
    "label", ["a.png", "a.ome.tif", "a_mask.tif", "a_mask.ome.tif", "a.ome_mask.png", "a_MASK.TIF"]
)
def test_ome_tif_is_one_suffix(tmp_path: Path, label: str) -> None:
    images = touched(tmp_path / "i", "a.ome.tif")
    assert names(images, touched(tmp_path / "l", label)) == [("a.ome", "a.ome.tif", label)]
    if "mask" in label.lower():
        touched(images, label)
        assert names(images, images) == [("a.ome", "a.ome.tif", label)]


def test_exported_objects_of_an_ome_tif_pair(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.ome.tif")
    labels = touched(tmp_path / "l", "a.ome_objects.tif")
    (pair,) = find_pairs(images, labels, CORRECTED).pairs
    assert (pair.stem, pair.label.name) == ("a.ome", "a.ome_objects.tif")


def test_what_a_model_has_found_is_no_truth_beside_labels(tmp_path: Path) -> None:
    folder = touched(tmp_path / "d", "a.png", "a_anno.png", "a_objects.tif", "b.png")
    touched(folder, "b_objects.tif")
    pairing = find_pairs(folder, folder, CORRECTED)
    assert [pair.label.name for pair in pairing.pairs] == ["a_anno.png"]
    assert [path.name for path in pairing.unlabelled] == ["b.png"]


def test_images_without_label_are_told_apart(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.png", "b.png")
    pairing = find_pairs(images, touched(tmp_path / "l", "b.png"))
    assert [pair.stem for pair in pairing.pairs] == ["b"]
    assert [path.name for path in pairing.unlabelled] == ["a.png"]


def test_our_own_results_are_no_images_without_label(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.png", "a_mask.png", "a_objects.tif", "b_objects.tif")
    pairing = find_pairs(images, images)
    assert [pair.label.name for pair in pairing.pairs] == ["a_mask.png"]
    assert [path.name for path in pairing.unlabelled] == ["b_objects.tif"]


def test_a_label_without_image_is_named(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.png")
    labels = touched(tmp_path / "l", "a.png", "lost_mask.png")
    with pytest.raises(BadInputError, match=r"lost_mask\.png has no image"):
        pair_files(images, labels)


@pytest.mark.parametrize(
    ("images", "labels"),
    [(["a.png", "a.tif"], ["a.png"]), (["a.png"], ["a.png", "a_mask.png"])],
)
def test_two_files_for_one_place_are_named(
    tmp_path: Path, images: list[str], labels: list[str]
) -> None:
    clash = r"a(_mask)?\.\w+ and a(_mask)?\.\w+ belong to the same image"
    with pytest.raises(BadInputError, match=clash):
        pair_files(touched(tmp_path / "i", *images), touched(tmp_path / "l", *labels))


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    images = touched(tmp_path / "i", "a.png")
    with pytest.raises(BadInputError, match="No label files belong to the images in i"):
        pair_files(images, touched(tmp_path / "empty"))
    with pytest.raises(BadInputError, match="gone does not exist"):
        pair_files(images, tmp_path / "gone")
    with pytest.raises(BadInputError, match=r"a\.png is a file: give a folder"):
        pair_files(images / "a.png", images)


@pytest.mark.parametrize("labels", ["i", "l"])
def test_labels_as_jpeg_are_refused_with_the_reason(tmp_path: Path, labels: str) -> None:
    images = touched(tmp_path / "i", "a.png", "b.jpg")
    with pytest.raises(BadInputError, match=r"a_mask\.jpg cannot be a label file.*PNG or TIFF"):
        pair_files(images, touched(tmp_path / labels, "a_mask.jpg"))


@pytest.mark.parametrize(
    ("images", "labels", "pairs", "alone"),
    [
        ("glas", "glas", 85, 0),
        ("monuseg/images", "monuseg/instances", 30, 0),
        ("monuseg/images", "monuseg/xml", 6, 24),
        ("ebhi/images", "ebhi/masks", 478, 0),
    ],
)
def test_real_data_sets(
    shared_data: Path, images: str, labels: str, pairs: int, alone: int
) -> None:
    found = find_pairs(shared_data / images, shared_data / labels)
    assert (len(found.pairs), len(found.unlabelled)) == (pairs, alone)
