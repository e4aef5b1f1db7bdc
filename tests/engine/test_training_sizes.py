"""Whose pixel size counts in a training, and that a guess is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Event, Notice, run
from napari_selfreg.engine.sampling import load_field
from napari_selfreg.engine.train import TrainRequest, train
from napari_selfreg.engine.training_sizes import source_pixel_size, what_is_assumed
from napari_selfreg.io.datasets import Dataset, open_dataset
from tests.engine.recipes import squares, tiny_recipe

QUARTER = PixelSize.isotropic(0.25)
HALF = PixelSize.isotropic(0.5)


def test_the_recipe_wins_then_the_file_then_the_data_set() -> None:
    plain, known = Dataset("pairs", ()), Dataset("glas", (), HALF)
    recipe = tiny_recipe()
    stated = tiny_recipe(data={"source_um_per_px": 2.0})
    found = [
        source_pixel_size(QUARTER, known, stated),
        source_pixel_size(QUARTER, known, recipe),
        source_pixel_size(None, known, recipe),
        source_pixel_size(None, plain, recipe),
    ]
    assert [each.pixel_size.mean for each in found] == pytest.approx([2.0, 0.25, 0.5, 1.0])
    assert [each.stated_by for each in found] == ["recipe", "file", "data set", "goal"]


def test_what_is_assumed_is_one_sentence() -> None:
    plain, known, recipe = Dataset("pairs", ()), Dataset("glas", (), HALF), tiny_recipe()
    assert what_is_assumed(["file", "file"], known, recipe) == ""
    assert "No image states a pixel size: 0.5 µm/px is assumed, usual for the data set glas" in (
        what_is_assumed(["data set"], known, recipe)
    )
    assert "One image states no pixel size: 1 µm/px is assumed" in (
        what_is_assumed(["file", "goal"], plain, recipe)
    )
    stated = tiny_recipe(data={"source_um_per_px": 2.0})
    assert "taken to have 2 µm/px" in what_is_assumed(["recipe"], plain, stated)


def test_a_size_in_the_file_wins_over_that_of_a_known_data_set(tmp_path: Path) -> None:
    """GlaS is known by its names; the files of others may have them, too."""
    rgb = np.full((40, 40, 3), 200, np.uint8)
    per_cm = (1e4 / 0.5,) * 2
    tifffile.imwrite(
        tmp_path / "train_1.tif", rgb, photometric="rgb", resolution=per_cm, resolutionunit=3
    )
    Image.fromarray(rgb).save(tmp_path / "train_2.bmp")
    for stem in ("train_1", "train_2"):
        Image.fromarray(np.ones((40, 40), np.uint8)).save(tmp_path / f"{stem}_anno.bmp")
    dataset, recipe = open_dataset(tmp_path), tiny_recipe()
    assert dataset.kind == "glas"
    first, second = (load_field(sample, dataset, recipe) for sample in dataset.samples)
    assert (first.size_stated_by, first.rgb.shape[0]) == ("file", 20)
    assert (second.size_stated_by, second.rgb.shape[0]) == ("data set", 25)


def test_train_says_once_what_it_assumes(tmp_path: Path) -> None:
    events: list[Event] = []
    request = TrainRequest(tiny_recipe(), squares(tmp_path / "d"), tmp_path / "t.safetensors")
    run(train(request), events.append)
    told = [e.message for e in events if isinstance(e, Notice) and "pixel size" in e.message]
    assert len(told) == 1
    assert "No image states a pixel size: 1 µm/px is assumed" in told[0]
