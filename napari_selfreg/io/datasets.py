"""Known data sets and plain folders as lists of samples with their patients.

GlaS, MoNuSeg and EBHI-Seg are recognised by their own layouts; any other folder is read as
pairs of an image and a label file. Images and labels are opened later, one at a time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.companions import name_key
from napari_selfreg.io.pairs import Pair, pair_files

MONUSEG_UM_PER_PX = 0.25
GLAS_UM_PER_PX = 0.62005


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its labels.

    Parameters
    ----------
    stem : str
        Name of the image without folder and suffix.
    image, label : Path
        Files to open.
    patient : str
        Samples of one patient never stand on both sides of a split; the stem where the patient
        is not known.
    group : str
        Class, grade or organ, empty if not known.
    split : str
        "train" or "val" where the data set states it, else empty.
    """

    stem: str
    image: Path
    label: Path
    patient: str
    group: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples of one folder, with the pixel size the data set has where its files state none."""

    kind: str
    samples: tuple[Sample, ...]
    pixel_size: PixelSize | None = None


def open_dataset(folder: Path) -> Dataset:
    """List the samples of a folder.

    Parameters
    ----------
    folder : Path
        GlaS (``train_1.bmp`` with ``train_1_anno.bmp``), MoNuSeg (images with Aperio XML or
        instance maps), EBHI-Seg, or image/label pairs in one folder or in two.

    Returns
    -------
    Dataset

    Raises
    ------
    BadInputError
        If the folder does not exist or holds no pair.
    """
    if not folder.is_dir():
        raise BadInputError(f"There is no data folder {folder}: give the folder of the images.")
    for reader in (_read_ebhi, _read_glas, _read_monuseg, _read_pairs):
        found = reader(folder)
        if found is not None and found.samples:
            return found
    raise BadInputError(
        f"No image with a label was found in {folder}: labels need the same stem, or the suffix "
        "_anno, _mask, _label or _labels."
    )


def split_by_patient(
    samples: Iterable[Sample], fraction: float, seed: int
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into training and validation, never through a patient.

    Parameters
    ----------
    samples : iterable of Sample
        If every sample states its split, and both are there, that split is taken.
    fraction : float
        Aimed share of the samples for validation, in (0, 1).
    seed : int
        Of the patients' order.

    Returns
    -------
    training, validation : list of Sample
        Both are non-empty.

    Raises
    ------
    BadInputError
        If there are fewer than two patients, or a stated split runs through one.
    """
    samples = list(samples)
    if all(sample.split for sample in samples):
        training = [s for s in samples if s.split == "train"]
        if 0 < len(training) < len(samples):
            validation = [s for s in samples if s.split != "train"]
            _require_apart(training, validation)
            return training, validation
    patients = sorted({sample.patient for sample in samples})
    if len(patients) < 2:
        raise BadInputError(
            "A validation by patient needs images of at least two patients; add images of another."
        )
    counts = {p: sum(s.patient == p for s in samples) for p in patients}
    wanted, held_out, taken = fraction * len(samples), set[str](), 0
    for index in np.random.default_rng(seed).permutation(len(patients)):
        patient = patients[int(index)]
        # A patient with very many images would eat the training set: take the smaller ones.
        if taken + counts[patient] <= max(wanted, min(counts.values())):
            held_out.add(patient)
            taken += counts[patient]
    training = [s for s in samples if s.patient not in held_out]
    return training, [s for s in samples if s.patient in held_out]


def _require_apart(training: list[Sample], validation: list[Sample]) -> None:
    """Refuse a stated split through a patient; an unknown one has the name of the image."""
    taught = {sample.patient: sample for sample in training}
    for sample in validation:
        if sample.patient not in ("", sample.stem) and sample.patient in taught:
            raise BadInputError(
                f"Patient {sample.patient} is in both parts of the split that index.csv states, "
                f"with {taught[sample.patient].stem} and {sample.stem}: put all images of a "
                "patient into one part."
            )


def _read_ebhi(folder: Path) -> Dataset | None:
    index = folder / "index.csv"
    if index.is_file() and (folder / "masks").is_dir():
        rows = _rows(index)
        if rows and {"class", "file", "patient", "split"} <= rows[0].keys():
            samples = tuple(_ebhi_row(folder, row) for row in rows)
            return Dataset("ebhi", samples)
    # The published archive: <class>/image/*.png and <class>/label/*.png
    found: list[Sample] = []
    for images in sorted(folder.glob("*/image")):
        for pair in pair_files(images, images.parent / "label"):
            patient = _first_match(r"GT(\d+)", pair.stem)
            found.append(Sample(pair.stem, pair.image, pair.label, patient, images.parent.name))
    return Dataset("ebhi", tuple(found)) if found else None


def _ebhi_row(folder: Path, row: dict[str, str]) -> Sample:
    name = Path(row["file"]).name  # an index must not point outside its folder
    stem = Path(name).stem
    image = _sibling(folder / "images", stem)
    return Sample(stem, image, folder / "masks" / name, row["patient"], row["class"], row["split"])


def _read_glas(folder: Path) -> Dataset | None:
    if not any(folder.glob("*_anno.*")):
        return None
    pairs = pair_files(folder, folder)
    by_name, patients = _glas_index(folder), _patients(folder, pairs)
    samples = [
        Sample(
            pair.stem,
            pair.image,
            pair.label,
            by_name.get(pair.stem, {}).get("patient") or patients.get(pair.stem, pair.stem),
            by_name.get(pair.stem, {}).get("grade", ""),
        )
        for pair in pairs
    ]
    known = all(re.match(r"(train|testA|testB)_\d+$", sample.stem) for sample in samples)
    pixel_size = PixelSize.isotropic(GLAS_UM_PER_PX) if known else None
    return Dataset("glas" if known else "pairs", tuple(samples), pixel_size)


def _glas_index(folder: Path) -> dict[str, dict[str, str]]:
    """Patient and grade by image name, from ``index.csv`` or the contest's ``Grade.csv``."""
    if (folder / "index.csv").is_file():
        return {row["name"]: row for row in _rows(folder / "index.csv") if "name" in row}
    if not (folder / "Grade.csv").is_file():
        return {}
    rows = [
        {k.strip().lower(): v.strip() for k, v in r.items()} for r in _rows(folder / "Grade.csv")
    ]
    return {
        row["name"]: {
            "patient": row.get("patient id", row["name"]),
            "grade": row.get("grade (sirinukunwattana et al. 2015)", ""),
        }
        for row in rows
        if "name" in row
    }


def _read_monuseg(folder: Path) -> Dataset | None:
    for images, labels in (
        ("images", "instances"),
        ("images", "xml"),
        ("Tissue Images", "Annotations"),
    ):
        if not ((folder / images).is_dir() and (folder / labels).is_dir()):
            continue
        pairs = pair_files(folder / images, folder / labels)
        patients = _patients(folder, pairs)
        samples = tuple(
            Sample(p.stem, p.image, p.label, patients.get(p.stem) or _of_barcode(p.stem))
            for p in pairs
        )
        tcga = all(sample.stem.startswith("TCGA-") for sample in samples)
        size = PixelSize.isotropic(MONUSEG_UM_PER_PX) if tcga else None
        return Dataset("monuseg" if tcga else "pairs", samples, size)
    return None


def _of_barcode(stem: str) -> str:
    """Return the patient a TCGA barcode names in its first three parts; else the stem."""
    return "-".join(stem.split("-")[:3]) if stem.startswith("TCGA-") else stem


def _read_pairs(folder: Path) -> Dataset | None:
    images = folder / "images" if (folder / "images").is_dir() else folder
    labels = next(
        (folder / n for n in ("labels", "masks", "annotations") if (folder / n).is_dir()), images
    )
    pairs = pair_files(images, labels)
    patients = _patients(folder, pairs)
    samples = tuple(Sample(p.stem, p.image, p.label, patients.get(p.stem, p.stem)) for p in pairs)
    return Dataset("pairs", samples)


def _patients(folder: Path, pairs: Iterable[Pair]) -> dict[str, str]:
    """Patient by stem from an optional ``patients.csv`` with columns ``stem,patient``.

    A table that is not understood would let images of one patient teach and judge.
    """
    if not (folder / "patients.csv").is_file():
        return {}
    rows = _rows(folder / "patients.csv")
    if rows and not {"stem", "patient"} <= rows[0].keys():
        raise BadInputError("patients.csv needs a first row with the columns stem and patient.")
    known = [(row["stem"].strip(), row["patient"].strip()) for row in rows]
    known = [(name, patient) for name, patient in known if patient]
    names = {pair.image.name: pair.stem for pair in pairs}
    stems = {name_key(stem): stem for stem in names.values()}
    found: dict[str, str] = {}
    for name, patient in known:
        stem = stems.get(name_key(name)) or names.get(name)
        if stem is not None and found.setdefault(stem, patient) != patient:
            raise BadInputError(
                f"patients.csv states two patients of {stem}, {found[stem]} and {patient}: keep "
                "the true one."
            )
    if known and not found:
        raise BadInputError(
            "patients.csv names none of the images: its column stem needs their names, without "
            "folder and suffix."
        )
    return found


def _sibling(folder: Path, stem: str) -> Path:
    """Return the file of that stem, whatever its suffix."""
    for suffix in (".webp", ".png", ".tif", ".tiff", ".bmp", ".jpg"):
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise BadInputError(f"The index names {stem}, but {folder} has no picture of that name.")


def _first_match(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group(1) if match else text


def _rows(path: Path) -> list[dict[str, str]]:
    """Read a table; cells that a row leaves out are empty, those it has too many are dropped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(
            f"{path.name} cannot be read as a table: save it as CSV in UTF-8."
        ) from error
    return [{key: value for key, value in row.items() if key is not None} for row in rows]
