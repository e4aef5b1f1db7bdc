from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.images import open_image
from napari_selfreg.io.samples import (
    Sample,
    is_sample,
    sample_paths,
    samples,
    volume_samples,
)
from napari_selfreg.io.volume import is_volume_path, read_volume, volume_stem

BY_NAME = {sample.name: sample for sample in samples()}


def test_names_titles_and_files() -> None:
    assert list(sample_paths()) == ["ebhi_normal", "ebhi_low_grade", "cmu1_region"]
    assert sample_paths() == {sample.name: sample.path for sample in samples()}
    assert len({sample.title for sample in samples()}) == 3


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_each_opens_and_shows_tissue(sample: Sample) -> None:
    with open_image(sample.path) as source:
        pixels = source.read()
        assert source.warnings == ()
        assert source.stem == sample.name
    pale = (pixels.min(axis=2) > 220).mean()
    pink = (pixels[..., 0].astype(int) - pixels[..., 1] > 20).mean()
    assert pale < 0.4
    assert pink > 0.5


def test_the_slide_region_states_its_own_pixel_size() -> None:
    sample = BY_NAME["cmu1_region"]
    with open_image(sample.path) as source:
        assert source.shape == (1200, 1200)
        assert source.lazy
        assert source.pixel_size == sample.pixel_size == PixelSize(0.499, 0.499)
    assert not sample.estimated


@pytest.mark.parametrize("name", ["ebhi_normal", "ebhi_low_grade"])
def test_the_fields_state_none_so_it_is_estimated(name: str) -> None:
    sample = BY_NAME[name]
    with open_image(sample.path) as source:
        assert source.shape == (224, 224)
        assert source.stated is None
    assert sample.estimated
    assert sample.pixel_size == PixelSize(1.1, 1.1)


def test_they_are_small_and_attributed() -> None:
    folder = sample_paths()["ebhi_normal"].parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000
    text = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for sample in (*samples(), *volume_samples()):
        assert f"`{sample.path.name}`" in text
        kind, _, version = sample.licence.rpartition("-")
        assert f"{kind.replace('CC-BY', 'CC BY')} {version}" in text
        terms = Path(__file__).parents[2] / "LICENSES"
        assert (terms / f"{sample.licence}.txt").is_file()
        assert sample.path.name in (terms / "README.md").read_text(encoding="utf-8")


def test_they_are_the_originals_pixel_for_pixel(shared_data: Path) -> None:
    slide = shared_data / "slides" / "cmu-1-small-region.svs"
    with open_image(slide) as whole, open_image(sample_paths()["cmu1_region"]) as part:
        assert np.array_equal(part.read(), whole.levels[0][1440:2640, 720:1920])
    field = shared_data / "ebhi" / "images" / "Normal__GT2012915-1-400-001.webp"
    with open_image(field) as original, open_image(sample_paths()["ebhi_normal"]) as copy:
        assert np.array_equal(copy.read(), original.read())


def test_the_volume_opens_and_shows_a_part_of_a_brain() -> None:
    (sample,) = volume_samples()
    assert is_volume_path(sample.path)
    assert volume_stem(sample.path) == sample.name
    volume = read_volume(sample.path)
    assert volume.shape == (32, 49, 33)
    assert volume.spacing == (1.0, 1.0, 1.0)
    assert volume.notes == ()
    assert 30 < np.median(volume.voxels) < 150
    assert b"hippocampus_" not in sample.path.read_bytes()[:64]  # gzip may keep a name


def test_only_samples_are_samples(tmp_path: Path) -> None:
    assert all(is_sample(sample.path) for sample in (*samples(), *volume_samples()))
    assert not is_sample(tmp_path / "hippocampus.nii.gz")


def test_the_volume_is_the_original(shared_data: Path) -> None:
    original = shared_data / "hippocampus" / "images" / "hippocampus_149.nii.gz"
    assert volume_samples()[0].path.read_bytes() == original.read_bytes()
