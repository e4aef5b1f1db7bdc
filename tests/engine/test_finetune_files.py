"""Folders of corrected images as fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Notice, Progress, run
from napari_selfreg.engine.finetune_files import corrected_fields
from napari_selfreg.io.project.regions import Region, write_regions
from tests.engine.corrections import corrected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        field = corrected()
        Image.fromarray(field.picture).save(tmp_path / f"{name}.png")
        if name != "c":
            labels = Image.fromarray(field.labels.astype(np.uint8))
            labels.save(tmp_path / f"{name}_anno.png")
    return tmp_path


def test_pairs_become_fields(folder: Path) -> None:
    events: list[Event] = []
    fields = run(corrected_fields(folder, folder, um_per_px=0.5), events.append)
    assert [field.name for field in fields] == ["a", "b"]
    assert all(field.pixel_size == PixelSize(0.5, 0.5) for field in fields)
    np.testing.assert_array_equal(fields[0].labels, corrected().labels)
    assert all(field.reviewed is None for field in fields)
    assert sum(isinstance(event, Progress) for event in events) == 2
    (left_out,) = (event.message for event in events if isinstance(event, Notice))
    assert left_out.startswith("1 images have no label file")


def test_without_a_size_the_fallback_is_said_once(folder: Path) -> None:
    events: list[Event] = []
    fallback = PixelSize.isotropic(1.1)
    fields = run(corrected_fields(folder, folder, fallback=fallback), events.append)
    assert fields[0].pixel_size == fallback
    assumed = [e for e in events if isinstance(e, Notice) and "1.1" in e.message]
    assert len(assumed) == 1
    events.clear()
    unknown = run(corrected_fields(folder, folder), events.append)
    assert [field.pixel_size for field in unknown] == [None, None]
    told = [e for e in events if isinstance(e, Notice) and "model's is assumed" in e.message]
    assert len(told) == 1


def test_an_absurd_size_counts_as_none(tmp_path: Path) -> None:
    field = corrected()
    per_cm = (28.35, 28.35)  # 72 dpi
    tifffile.imwrite(
        tmp_path / "a.tif", field.picture, photometric="rgb", resolution=per_cm, resolutionunit=3
    )
    Image.fromarray(field.labels.astype(np.uint8)).save(tmp_path / "a_anno.png")
    events: list[Event] = []
    (read,) = run(corrected_fields(tmp_path, tmp_path), events.append)
    assert read.pixel_size is None
    assert any("a.tif" in e.message for e in events if isinstance(e, Notice))


def test_regions_with_holes_become_masks(folder: Path) -> None:
    ring = ((0.0, 0.0), (0.0, 20.0), (20.0, 20.0), (20.0, 0.0))
    hole = ((5.0, 5.0), (5.0, 10.0), (10.0, 10.0), (10.0, 5.0))
    write_regions(folder / "b.geojson", [Region(points=ring, holes=(hole,))])
    (field,) = run(corrected_fields(folder, folder, folder))
    assert field.name == "b"
    assert field.reviewed is not None
    assert field.reviewed.sum() == 400 - 25
