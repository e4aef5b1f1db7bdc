from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_selfreg.core.errors import BadModelError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets.inside.looking import (
    Looked,
    LookRequest,
    Source,
    Target,
    names_of,
    run_look,
)
from napari_selfreg.widgets.layers import Picture
from tests.bundles import tiny_bundle
from tests.widgets.fakes import make_card

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


def test_two_versions_of_one_name_are_told_apart_by_their_titles() -> None:
    one, two = (Source(title, make_card(), Path(title)) for title in ("Version 1", "Version 2"))
    assert names_of((one,)) == ("spots",)
    assert names_of((one, two)) == ("Version 1", "Version 2")


def test_two_files_of_one_title_are_counted() -> None:
    one, two = (Source("Dark spots", make_card(), Path(name)) for name in ("one", "two"))
    assert names_of((one, two)) == ("Dark spots (1)", "Dark spots (2)")
    other = Source("Dark spots", make_card(name="other"), Path("three"))
    assert names_of((one, other)) == ("spots", "other")
    assert names_of(()) == ()


def test_a_network_without_taps_has_no_blocks() -> None:
    assert Source("S", make_card(), Path("s")).blocks == ()


def test_progress_is_told_for_both_models_and_the_comparison(picture, tmp_path: Path) -> None:
    steps = list(run_look(request(picture, tmp_path, 0, 1, numbers=True)))
    words = [each.message for each in steps if isinstance(each, Progress)]
    told = list(dict.fromkeys(word for word in words if word))
    assert told.index("Reading the image") < told.index("Looking inside tiny")
    assert told[-1] == "Comparing both models"
    assert words.count("Looking inside tiny") >= 2  # one for each model


def test_one_model_alone_is_compared_with_nothing(picture, tmp_path: Path) -> None:
    looked = run(run_look(request(picture, tmp_path, 0, numbers=True)))
    assert looked.alike == {}
    assert set(looked.insides[0].numbers) == set(BLOCKS)


def test_a_closed_look_stops_before_the_second_model(picture, tmp_path: Path) -> None:
    asked = request(picture, tmp_path, 0, 1)
    asked.sources[1].model.unlink()  # it would fail if it were read
    steps = run_look(asked)
    for each in steps:
        if isinstance(each, Progress) and each.done:
            break
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_a_model_that_is_gone_is_told_by_name(picture, tmp_path: Path) -> None:
    asked = request(picture, tmp_path, 0)
    asked.sources[0].model.unlink()
    with pytest.raises(BadModelError, match="m0"):
        run(run_look(asked))


def test_another_class_can_be_asked_for(picture, tmp_path: Path) -> None:
    looked = [
        run(run_look(request(picture, tmp_path, 0, target=Target(class_index=index, mask=mask))))
        for index in (0, 1)
        for mask in [np.ones(BOX.shape, bool)]
    ]
    first, second = (each.insides[0].blocks["D1"].attention for each in looked)
    assert not np.allclose(first, second)


def test_a_look_at_a_part_sees_what_a_look_at_all_sees_there(picture, tmp_path: Path) -> None:
    asked = request(picture, tmp_path, 0)
    part = run(run_look(asked)).insides[0].blocks["E1"].maps
    whole = run(run_look(replace(asked, box=Box(0, 0, 60, 90)))).insides[0].blocks["E1"].maps
    # The rims of the picture are the same; only what lies around the part is read besides.
    np.testing.assert_allclose(
        part.astype(np.float32), whole[:, 8:56, 16:80].astype(np.float32), atol=2e-2
    )


def test_what_a_person_should_know_is_in_the_order_in_which_it_was_found() -> None:
    insides = tuple(SimpleNamespace(notes=notes) for notes in (("b", "a"), ("c", "a")))
    assert Looked(SimpleNamespace(), insides).notes == ("b", "a", "c")
