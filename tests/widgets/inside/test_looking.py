from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets.inside.looking import LookRequest, Source, Target, run_look
from napari_selfreg.widgets.layers import Picture
from tests.bundles import tiny_bundle

BLOCKS = ("E1", "E2", "E3", "E4", "B", "D4", "D3", "D2", "D1")
BOX = Box(8, 16, 56, 80)


@pytest.fixture
def picture() -> Picture:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    return Picture(pixels, (0, 1), (0, 0), (1.0, 1.0), True)


def request(picture: Picture, folder: Path, *seeds: int, **changes) -> LookRequest:
    paths = [tiny_bundle(folder / f"m{seed}.safetensors", seed=seed) for seed in seeds]
    sources = tuple(Source(path.stem, read_card(path), path) for path in paths)
    names = tuple(each.label for each in sources)
    return LookRequest(0, picture, BOX, PixelSize(1, 1), sources, names, "cpu", **changes)


def test_a_source_knows_its_blocks_without_torch(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path / "m.safetensors")
    source = Source("M", read_card(path), path)
    assert (source.name, source.blocks) == ("tiny", BLOCKS)


def test_one_model_is_looked_into_where_it_was_asked(picture, tmp_path: Path) -> None:
    looked = run(run_look(request(picture, tmp_path, 0)))
    (inside,) = looked.insides
    assert tuple(inside.blocks) == BLOCKS
    assert inside.region == BOX
    assert inside.blocks["D1"].maps.shape[1:] == BOX.shape
    assert inside.blocks["D1"].translate == (8, 16)
    assert inside.numbers == {}
    assert inside.blocks["D1"].attention is None
    assert looked.alike == {}


def test_numbers_of_two_models_come_with_how_alike_they_are(picture, tmp_path: Path) -> None:
    looked = run(run_look(request(picture, tmp_path, 0, 1, numbers=True)))
    assert all(set(inside.numbers) == set(BLOCKS) for inside in looked.insides)
    assert set(looked.alike) == set(BLOCKS)


def test_attention_is_asked_for_a_mask(picture, tmp_path: Path) -> None:
    mask = np.zeros(BOX.shape, bool)
    mask[10:20, 10:20] = True
    looked = run(run_look(request(picture, tmp_path, 0, target=Target(mask=mask))))
    maps = looked.insides[0].blocks["D1"]
    assert maps.attention.shape == BOX.shape
    assert len(maps.importance) == len(maps.maps)


def test_notes_are_told_once(picture, tmp_path: Path) -> None:
    mask = np.zeros(BOX.shape, bool)
    looked = run(run_look(request(picture, tmp_path, 0, 1, target=Target(mask=mask))))
    assert len([note for note in looked.notes if "empty" in note]) == 1
