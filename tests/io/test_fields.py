from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io import fields
from napari_selfreg.io.fields import (
    THUMBNAIL_SIDE,
    has_results,
    read_facts,
    results_folder,
    thumbnail,
)
from napari_selfreg.io.images import open_image
from napari_selfreg.io.outputs import output_paths
from tests.io.image_files import smooth, tissue, write_svs


def test_a_picture(tmp_path: Path) -> None:
    Image.fromarray(smooth(200, 300)).save(tmp_path / "a.png")
    facts = read_facts(tmp_path / "a.png")
    assert facts.shape == (200, 300)
    assert facts.stated is None
    assert facts.thumbnail.shape == (50, 75, 3)
    assert np.array_equal(
        facts.thumbnail,
        smooth(200, 300).reshape(50, 4, 75, 4, 3).mean((1, 3)).astype(np.uint8),
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (95, 97), (700, 3), (96, 96)])
def test_thumbnails_fit_their_square(tmp_path: Path, shape: tuple[int, int]) -> None:
    Image.fromarray(tissue(*shape)).save(tmp_path / "a.png")
    small = read_facts(tmp_path / "a.png").thumbnail
    assert max(small.shape[:2]) <= THUMBNAIL_SIDE
    assert min(small.shape[:2]) >= 1


def test_a_slide_is_shown_by_its_tissue_and_never_by_its_label(tmp_path: Path) -> None:
    write_svs(tmp_path / "slide.svs", smooth(400, 600))
    facts = read_facts(tmp_path / "slide.svs")
    assert facts.stated == PixelSize(0.499, 0.499)
    assert facts.shape == (400, 600)
    # The photographs of label and overview are plain 17.
    assert (facts.thumbnail != 17).any(axis=2).all()
    with open_image(tmp_path / "slide.svs") as source:
        assert np.array_equal(thumbnail(source), facts.thumbnail)


def test_nothing_huge_is_decoded_for_a_thumbnail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "_MOST_PIXELS", 100)
    Image.fromarray(tissue()).save(tmp_path / "a.png")
    assert read_facts(tmp_path / "a.png").thumbnail is None


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"IJrEr1v")
    with pytest.raises(BadInputError):
        read_facts(tmp_path / "a.png")


def test_results_are_found_when_all_three_files_are_there(tmp_path: Path) -> None:
    image = tmp_path / "case" / "a.png"
    assert results_folder(image) == tmp_path / "case" / "results"
    for folder in (None, tmp_path / "elsewhere"):
        place = folder or results_folder(image)
        place.mkdir(parents=True)
        for path in output_paths(place, "a").values():
            assert not has_results(image, folder)
            path.touch()
        assert has_results(image, folder)
