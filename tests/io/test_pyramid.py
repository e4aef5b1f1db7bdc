from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_selfreg.io import pyramid
from napari_selfreg.io.images import open_image
from napari_selfreg.io.lazy import LazyLevel
from napari_selfreg.io.pyramid import with_overview
from tests.io.image_files import smooth, write_pyramid


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "OVERVIEW_SIDE", 30)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    path = tmp_path / "flat.tif"
    tifffile.imwrite(path, smooth(210, 333), photometric="rgb", tile=(64, 64))
    return path


def test_a_flat_slide_gets_levels_down_to_an_overview(flat: Path) -> None:
    with open_image(flat) as source:
        assert source.lazy
        whole = with_overview(source)
        assert [level.shape for level in whole.levels] == [
            (210, 333, 3),
            (53, 84, 3),
            (14, 21, 3),
        ]
        assert whole.downsamples == ((1, 1), (4, 4), (16, 16))
        assert isinstance(whole.levels[1], LazyLevel)
        assert isinstance(whole.levels[2], np.ndarray)
        assert whole.pixel_size == source.pixel_size


def test_its_pixels_are_means_of_blocks(flat: Path) -> None:
    with open_image(flat) as source:
        level = np.asarray(with_overview(source).levels[1])
    pixels = smooth(210, 333).astype(float)
    expected = pixels[:208, :332].reshape(52, 4, 83, 4, 3).mean(axis=(1, 3))
    assert np.abs(level[:52, :83] - expected).max() <= 0.5
    assert np.abs(level[52, :83] - pixels[208:, :332].reshape(2, 83, 4, 3).mean((0, 2))).max() < 1
    assert np.abs(level[:52, 83] - pixels[:208, 332].reshape(52, 4, 3).mean(1)).max() < 1


def test_small_and_complete_images_stay_as_they_are(
    flat: Path, tmp_path: Path, monkeypatch
) -> None:
    write_pyramid(tmp_path / "levels.tif", smooth(100, 100))
    with open_image(tmp_path / "levels.tif") as source:
        assert with_overview(source) is source
    monkeypatch.setattr(pyramid, "OVERVIEW_SIDE", 400)
    with open_image(flat) as source:
        assert with_overview(source) is source


def test_closing_the_source_closes_the_file(flat: Path) -> None:
    source = open_image(flat)
    whole = with_overview(source)
    whole.close()
    flat.unlink()
    assert np.asarray(whole.levels[-1]).shape == (14, 21, 3)
