"""Folders of volumes: layouts, classes, held-out cases and folds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.volume.datasets import (
    VolumeCase,
    folds,
    held_out,
    open_volume_folder,
    read_case,
)
from tests.io.volume.files import RAMP, nifti, unplaced

LABELS = (RAMP % 3).astype(np.uint8)
MSD = {
    "name": "Hippocampus",
    "licence": "CC-BY-SA 4.0",
    "reference": "Vanderbilt",
    "modality": {"0": "MRI"},
    "labels": {"0": "background", "1": "Anterior", "2": "Posterior"},
    "training": [{"image": "../../elsewhere.nii.gz", "label": "./labelsTr/a.nii.gz"}],
}
NNUNET = {
    "channel_names": {"0": "MRI"},
    "labels": {"background": 0, "Posterior": 2, "Anterior": 1},
    "numTraining": 2,
    "file_ending": ".nii.gz",
}


def _folder(root: Path, images: str, labels: str, table: Any = None, channel: str = "") -> Path:
    for stem in ("b", "a"):
        nifti(root / images / f"{stem}{channel}.nii.gz")
        nifti(root / labels / f"{stem}.nii.gz", LABELS)
    if table is not None:
        (root / "dataset.json").write_text(json.dumps(table))
    return root


def _cases(n: int) -> list[VolumeCase]:
    return [
        VolumeCase(f"case_{i:03}", Path(f"{i}.nii.gz"), Path(f"{i}_l.nii.gz")) for i in range(n)
    ]


@pytest.mark.parametrize(
    ("images", "labels"), [("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"), ("images", "labels")]
)
@pytest.mark.parametrize("channel", ["", "_0000"])
def test_layouts(tmp_path: Path, images: str, labels: str, channel: str) -> None:
    folder = open_volume_folder(_folder(tmp_path, images, labels, channel=channel))
    assert [case.stem for case in folder.cases] == ["a", "b"]
    assert folder.cases[0].image == tmp_path / images / f"a{channel}.nii.gz"
    assert folder.cases[0].labels == tmp_path / labels / "a.nii.gz"
    assert folder.classes == ()


@pytest.mark.parametrize("table", [MSD, NNUNET], ids=["msd", "nnunet"])
def test_dataset_json_names_the_classes_in_order_of_their_ids(tmp_path: Path, table: Any) -> None:
    folder = open_volume_folder(_folder(tmp_path, "imagesTr", "labelsTr", table))
    assert folder.classes == ("Anterior", "Posterior")
    assert folder.modality == "MRI"
    assert folder.licence == table.get("licence", "")
    assert folder.name == table.get("name", "")
    # its lists of files are not followed: they could point anywhere
    assert all(case.image.parent == tmp_path / "imagesTr" for case in folder.cases)


def test_labels_beside_their_images_and_hidden_files(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii.gz")
    nifti(tmp_path / "a_labels.nii.gz", LABELS)
    (tmp_path / "._a.nii.gz").write_bytes(b"what an Apple computer leaves behind")
    (case,) = open_volume_folder(tmp_path).cases
    assert (case.stem, case.labels.name) == ("a", "a_labels.nii.gz")


def test_images_without_labels_are_left_out(tmp_path: Path) -> None:
    nifti(_folder(tmp_path, "images", "labels") / "images" / "c.nii.gz")
    assert [case.stem for case in open_volume_folder(tmp_path).cases] == ["a", "b"]


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_to_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=name):
        open_volume_folder(tmp_path / name)


def test_labels_without_image_are_named(tmp_path: Path) -> None:
    nifti(_folder(tmp_path, "images", "labels") / "labels" / "c.nii.gz", LABELS)
    with pytest.raises(BadInputError, match=r"c\.nii\.gz has no image"):
        open_volume_folder(tmp_path)


def test_several_channels_are_refused(tmp_path: Path) -> None:
    nifti(_folder(tmp_path, "imagesTr", "labelsTr", channel="_0000") / "imagesTr/a_0001.nii.gz")
    with pytest.raises(BadInputError, match=r"a has several channels \(a_0001\.nii\.gz\)"):
        open_volume_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"modality": {"0": "T1", "1": "T2"}}, "2 channels"),
        ({"labels": {"background": 0, "all": [1, 2]}}, "no list of classes"),
        ({"labels": {"background": 0, "a": 1, "ignore": 2}}, "no list of classes"),
        ({"labels": {"0": "background", "1": "a", "3": "b"}}, "no list of classes"),
        ({"labels": {"0": "background", "1": "a", "2": "a"}}, "no list of classes"),
        ({"labels": ["background", "a"]}, "no list of classes"),
        ({"labels": {"0": "background", "1": 7}}, "no list of classes"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    _folder(tmp_path, "imagesTr", "labelsTr", {**MSD, **change})
    with pytest.raises(BadInputError, match=rf"dataset\.json.*{reason}|{reason}.*dataset\.json"):
        open_volume_folder(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_tables(tmp_path: Path, content: bytes) -> None:
    _folder(tmp_path, "imagesTr", "labelsTr")
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(BadInputError, match=r"dataset\.json"):
        open_volume_folder(tmp_path)


def test_a_case_is_read_whole(tmp_path: Path) -> None:
    case = open_volume_folder(_folder(tmp_path, "images", "labels")).cases[0]
    image, labels, notes = read_case(case)
    assert np.array_equal(image.voxels, RAMP.T)
    assert np.array_equal(labels, LABELS.T)
    assert notes == ()


def test_labels_without_a_place_have_the_voxels_of_their_image(tmp_path: Path) -> None:
    image = nifti(tmp_path / "a.nii.gz", RAMP, np.diag([2.0, 2.0, 2.0, 1.0]))
    labels = unplaced(tmp_path / "a_labels.nii.gz", LABELS)
    case = VolumeCase("a", image, labels)
    with pytest.raises(BadInputError, match="the size of their voxels"):
        read_case(case)
    read, _, notes = read_case(case, (9.0, 9.0, 9.0))
    assert read.spacing == (2.0, 2.0, 2.0)  # an affine wins over what a person states
    assert [note.split(" states ")[0] for note in notes] == ["a.nii.gz", "a_labels.nii.gz"]


def test_cases_are_held_out_by_a_list(tmp_path: Path) -> None:
    listed = tmp_path / "held.txt"
    listed.write_text("# for the end\n\ncase_003\ncase_001.nii.gz\r\nimages/case_002_0000.nii.gz\n")
    training, held = held_out(_cases(5), listed)
    assert [case.stem for case in held] == ["case_001", "case_002", "case_003"]
    assert [case.stem for case in training] == ["case_000", "case_004"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"case_009\n", r"held\.txt holds out case_009, but there is no such case"),
        (b"# nothing\n", r"held\.txt holds out no case"),
        (b"case_000\ncase_001\n", r"held\.txt holds out every case"),
        (b"\xff\xfe\x00", r"held\.txt cannot be read"),
        (None, r"held\.txt cannot be read"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, text: bytes | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "held.txt").write_bytes(text)
    with pytest.raises(BadInputError, match=reason):
        held_out(_cases(2), tmp_path / "held.txt")


@given(st.integers(2, 30), st.data(), st.integers(0, 99))
def test_every_case_is_held_out_once(n: int, data: st.DataObject, seed: int) -> None:
    k = data.draw(st.integers(2, n))
    cases = _cases(n)
    split = folds(cases, k, seed)
    assert len(split) == k
    assert sorted(case.stem for _, held in split for case in held) == [c.stem for c in cases]
    for training, held in split:
        assert sorted([*training, *held], key=lambda case: case.stem) == cases
        assert n // k <= len(held) <= -(-n // k)
    shuffled = data.draw(st.permutations(cases))
    assert folds(shuffled, k, seed) == split


def test_folds_depend_on_the_seed() -> None:
    assert folds(_cases(20), 5, 0) != folds(_cases(20), 5, 1)


@pytest.mark.parametrize(("n", "k"), [(4, 1), (4, 5), (1, 2), (0, 2)])
def test_too_few_cases(n: int, k: int) -> None:
    with pytest.raises(BadInputError, match="at least 2" if n < 2 else f"{k} folds"):
        folds(_cases(n), k, 0)


def test_the_real_set(shared_data: Path) -> None:
    folder = open_volume_folder(shared_data / "hippocampus")
    assert len(folder.cases) == 200
    split = folds(folder.cases, 5, 0)
    assert [len(held) for _, held in split] == [40] * 5
    _, labels, notes = read_case(folder.cases[0])
    assert set(np.unique(labels)) == {0, 1, 2}
    assert notes == ()
