"""Data sets: layouts, patients, and splits that never run through a patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.datasets import Sample, open_dataset, split_by_patient


def _picture(path: Path, value: int = 255) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)


def test_glas_reads_patient_and_grade_from_its_index(tmp_path: Path) -> None:
    for stem in ("train_1", "train_2"):
        _picture(tmp_path / f"{stem}.bmp")
        _picture(tmp_path / f"{stem}_anno.bmp", 3)
    (tmp_path / "index.csv").write_text(
        "name,split,patient,glas_grade,grade\ntrain_1,train,7,benign,healthy\n"
        "train_2,train,9,malignant,moderately differentiated\n"
    )
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "glas"
    assert dataset.pixel_size is not None
    assert dataset.pixel_size.y == 0.62005
    assert [(s.stem, s.patient, s.group) for s in dataset.samples] == [
        ("train_1", "7", "healthy"),
        ("train_2", "9", "moderately differentiated"),
    ]


def test_glas_reads_the_contest_s_own_grade_table(tmp_path: Path) -> None:
    _picture(tmp_path / "testA_1.bmp")
    _picture(tmp_path / "testA_1_anno.bmp")
    (tmp_path / "Grade.csv").write_text(
        "name, patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)\n"
        "testA_1, 5, benign, adenomatous\n"
    )
    (sample,) = open_dataset(tmp_path).samples
    assert (sample.patient, sample.group) == ("5", "adenomatous")


def test_ebhi_states_its_own_split(tmp_path: Path) -> None:
    _picture(tmp_path / "images" / "Polyp__GT1.webp")
    _picture(tmp_path / "masks" / "Polyp__GT1.png")
    _picture(tmp_path / "images" / "Polyp__GT2.webp")
    _picture(tmp_path / "masks" / "Polyp__GT2.png")
    (tmp_path / "index.csv").write_text(
        "class,file,patient,split\nPolyp,Polyp__GT1.png,1,train\nPolyp,Polyp__GT2.png,2,val\n"
    )
    dataset = open_dataset(tmp_path)
    training, validation = split_by_patient(dataset.samples, 0.5, 0)
    assert [s.stem for s in training] == ["Polyp__GT1"]
    assert [s.stem for s in validation] == ["Polyp__GT2"]
    assert training[0].group == "Polyp"


def _stated(tmp_path: Path, *patients: str) -> Path:
    """Write an index whose first image teaches and whose others check."""
    rows = ["class,file,patient,split"]
    for number, patient in enumerate(patients):
        _picture(tmp_path / "images" / f"i{number}.png")
        _picture(tmp_path / "masks" / f"i{number}.png")
        rows.append(f"Polyp,i{number}.png,{patient},{'val' if number else 'train'}")
    (tmp_path / "index.csv").write_text("\n".join(rows))
    return tmp_path


def test_a_stated_split_through_a_patient_is_refused(tmp_path: Path) -> None:
    samples = open_dataset(_stated(tmp_path, "P1", "P2", "P1")).samples
    with pytest.raises(BadInputError, match=r"Patient P1 .*index\.csv states, with i0 and i2: put"):
        split_by_patient(samples, 0.5, 0)


def test_a_stated_split_of_unknown_patients_is_taken(tmp_path: Path) -> None:
    samples = open_dataset(_stated(tmp_path, "", "")).samples
    training, validation = split_by_patient(samples, 0.5, 0)
    assert ([s.stem for s in training], [s.stem for s in validation]) == (["i0"], ["i1"])


def test_an_index_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    _picture(tmp_path / "data" / "masks" / "a.png")
    _picture(tmp_path / "data" / "images" / "a.png")
    (tmp_path / "data" / "index.csv").write_text(
        "class,file,patient,split\nPolyp,../../secret/a.png,1,train\n"
    )
    (sample,) = open_dataset(tmp_path / "data").samples
    assert sample.label == tmp_path / "data" / "masks" / "a.png"


def test_published_ebhi_folders_give_class_and_patient(tmp_path: Path) -> None:
    _picture(tmp_path / "Normal" / "image" / "GT2012149-1-400-001.png")
    _picture(tmp_path / "Normal" / "label" / "GT2012149-1-400-001.png")
    (sample,) = open_dataset(tmp_path).samples
    assert (sample.group, sample.patient) == ("Normal", "2012149")


def test_monuseg_patients_are_tcga_cases(tmp_path: Path) -> None:
    _picture(tmp_path / "images" / "TCGA-18-5592-01Z-00-DX1.png")
    _picture(tmp_path / "instances" / "TCGA-18-5592-01Z-00-DX1.png", 2)
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "monuseg"
    assert dataset.samples[0].patient == "TCGA-18-5592"
    assert dataset.pixel_size is not None
    assert dataset.pixel_size.x == 0.25


def test_plain_pairs_know_their_patients_from_a_table(tmp_path: Path) -> None:
    for stem in ("a", "b"):
        _picture(tmp_path / "images" / f"{stem}.png")
        _picture(tmp_path / "labels" / f"{stem}.png")
    (tmp_path / "patients.csv").write_text("stem,patient\na,p1\n")
    dataset = open_dataset(tmp_path)
    assert dataset.kind == "pairs"
    assert dataset.pixel_size is None
    assert [s.patient for s in dataset.samples] == ["p1", "b"]


@pytest.mark.parametrize(
    ("image", "label"),
    [("{}.png", "{}_anno.png"), ("{}.png", "{}_mask.png"), ("images/{}.png", "instances/{}.png")],
)
def test_patients_are_kept_together_in_every_layout(tmp_path: Path, image: str, label: str) -> None:
    stems = ["ward-1-A-01", "ward-1-A-02", "ward-1-B-01"]
    for stem in stems:
        _picture(tmp_path / image.format(stem))
        _picture(tmp_path / label.format(stem))
    assert [s.patient for s in open_dataset(tmp_path).samples] == stems
    (tmp_path / "patients.csv").write_text("stem,patient\nward-1-A-01,A\nward-1-A-02,A\n")
    assert [s.patient for s in open_dataset(tmp_path).samples] == ["A", "A", stems[2]]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"name,patient\na,p1\n", "columns stem and patient"),
        (b"stem,patient\n\xff\xfe,p1\n", "save it as CSV in UTF-8"),
    ],
)
def test_damaged_tables_are_named(tmp_path: Path, table: bytes, reason: str) -> None:
    _picture(tmp_path / "images" / "a.png")
    _picture(tmp_path / "labels" / "a.png")
    (tmp_path / "patients.csv").write_bytes(table)
    with pytest.raises(BadInputError, match=rf"patients\.csv.*{reason}"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("table", "patients"),
    [
        ("stem,patient\na.png,p1\nb.png,p1\n", ["p1", "p1"]),
        ("stem,patient\n a , p1 \nb,p1\n", ["p1", "p1"]),
        ("stem,patient\na,\nb,\n", ["a", "b"]),
        ("stem,patient\na,p1\na,p1\nelsewhere,p2\n", ["p1", "b"]),
    ],
)
def test_a_table_of_patients_is_understood(tmp_path: Path, table: str, patients: list[str]) -> None:
    for stem in ("a", "b"):
        _picture(tmp_path / "images" / f"{stem}.png")
        _picture(tmp_path / "labels" / f"{stem}.png")
    (tmp_path / "patients.csv").write_text(table)
    assert [sample.patient for sample in open_dataset(tmp_path).samples] == patients


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("stem,patient\nimages/a,p1\n", "names none of the images"),
        ("stem,patient\na,p1\na.png,p2\n", "two patients of a, p1 and p2"),
    ],
)
def test_a_table_of_patients_that_would_not_keep_them_together_is_refused(
    tmp_path: Path, table: str, reason: str
) -> None:
    _picture(tmp_path / "images" / "a.png")
    _picture(tmp_path / "labels" / "a.png")
    (tmp_path / "patients.csv").write_text(table)
    with pytest.raises(BadInputError, match=rf"patients\.csv.*{reason}"):
        open_dataset(tmp_path)


def test_rows_that_are_too_short_or_too_long_do_no_harm(tmp_path: Path) -> None:
    for name in ("train_1.png", "train_1_anno.png"):
        _picture(tmp_path / name, 1)
    (tmp_path / "Grade.csv").write_text("name, patient ID\ntrain_1,3,surplus\ntrain_2\n")
    assert [sample.patient for sample in open_dataset(tmp_path).samples] == ["3"]


def test_a_stated_split_with_one_side_empty_is_no_split() -> None:
    samples = [Sample(n, Path(n), Path(n), n, split="train") for n in "abcd"]
    training, validation = split_by_patient(samples, 0.3, 0)
    assert (len(training), len(validation)) == (3, 1)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_to_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=name):
        open_dataset(tmp_path / name)


def test_one_patient_cannot_be_split() -> None:
    sample = Sample("a", Path("a"), Path("b"), "p")
    with pytest.raises(BadInputError, match="two patients"):
        split_by_patient([sample, sample], 0.2, 0)


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40).filter(
        lambda patients: len(set(patients)) > 1
    ),
    st.floats(0.05, 0.5),
    st.integers(0, 9),
)
def test_splits_are_disjoint_by_patient_and_complete(
    patients: list[str], fraction: float, seed: int
) -> None:
    samples = [Sample(str(i), Path("x"), Path("y"), p) for i, p in enumerate(patients)]
    training, validation = split_by_patient(samples, fraction, seed)
    assert training
    assert validation
    assert not {s.patient for s in training} & {s.patient for s in validation}
    assert sorted(s.stem for s in training + validation) == sorted(s.stem for s in samples)
    assert (training, validation) == split_by_patient(samples, fraction, seed)


@pytest.mark.parametrize(
    ("name", "count", "patients"), [("glas", 85, 15), ("monuseg", 30, 30), ("ebhi", 478, 179)]
)
def test_real_sets(shared_data: Path, name: str, count: int, patients: int) -> None:
    dataset = open_dataset(shared_data / name)
    assert dataset.kind == name
    assert len(dataset.samples) == count
    assert len({s.patient for s in dataset.samples}) == patients
