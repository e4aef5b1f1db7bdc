"""The samples in the package: two gland fields, a piece of a slide and a small volume."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from napari_selfreg.core.types import PixelSize

# EBHI-Seg states no pixel size; comparing its glands with those of GlaS (0.62 µm/px) gives this.
_EBHI_UM = 1.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample picture.

    Parameters
    ----------
    name : str
        Key of the sample, also the stem of its file.
    title : str
        What it shows, for menus.
    path : Path
        The file in the installed package.
    pixel_size : PixelSize
        Micrometres per pixel.
    estimated : bool
        Whether the pixel size is an estimate (then the file states none).
    licence : str
        SPDX identifier.
    attribution : str
        Whom to name when showing the picture.
    """

    name: str
    title: str
    path: Path
    pixel_size: PixelSize
    estimated: bool
    licence: str
    attribution: str


@dataclass(frozen=True, slots=True)
class VolumeSample:
    """One sample volume, whose file states the size of its voxels.

    Parameters
    ----------
    name, title, path, licence, attribution
        As for `Sample`.
    """

    name: str
    title: str
    path: Path
    licence: str
    attribution: str


def volume_samples() -> tuple[VolumeSample, ...]:
    """Return the sample volumes."""
    hippocampus = VolumeSample(
        "hippocampus",
        "Hippocampus, T1-weighted MR (Medical Segmentation Decathlon)",
        _path("hippocampus.nii.gz"),
        "CC-BY-SA-4.0",
        "Antonelli et al. 2022, Medical Segmentation Decathlon, Task04; Vanderbilt University "
        "Medical Center",
    )
    return (hippocampus,)


def samples() -> tuple[Sample, ...]:
    """Return all sample pictures, the gland fields first."""
    fields = (
        ("ebhi_normal", "Normal colon mucosa, H&E (EBHI-Seg)"),
        ("ebhi_low_grade", "Low-grade neoplasia of the colon, H&E (EBHI-Seg)"),
    )
    region = Sample(
        "cmu1_region",
        "Skin, region of a slide, H&E (CMU-1)",
        _path("cmu1_region.tif"),
        PixelSize.isotropic(0.499),
        False,
        "CC0-1.0",
        "OpenSlide test data, CMU-1-Small-Region",
    )
    return (*(_ebhi(name, title) for name, title in fields), region)


def sample_paths() -> dict[str, Path]:
    """Return the files of all sample pictures by name, in the order of `samples`."""
    return {sample.name: sample.path for sample in samples()}


def _ebhi(name: str, title: str) -> Sample:
    return Sample(
        name,
        title,
        _path(f"{name}.png"),
        PixelSize.isotropic(_EBHI_UM),
        True,
        "CC-BY-4.0",
        "Shi et al. 2023, EBHI-Seg",
    )


def _path(file_name: str) -> Path:
    return Path(str(files("napari_selfreg") / "samples" / file_name))


def is_sample(path: Path) -> bool:
    """Tell whether a file is one of the samples, which lie in the installed package."""
    volumes = {sample.path for sample in volume_samples()}
    return path in sample_paths().values() or path in volumes
