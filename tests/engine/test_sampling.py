"""Sampling: pictures and targets stay together, scales and draws are exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.recipe import AugmentSection, Recipe
from napari_selfreg.engine.sampling import Field, _reflected, draw_batch, draw_crops, load_field
from napari_selfreg.io.datasets import open_dataset
from tests.engine.recipes import squares, tiny_recipe


def _fields(folder: Path, recipe: Recipe) -> list[Field]:
    return _read(squares(folder), recipe)


def _read(folder: Path, recipe: Recipe) -> list[Field]:
    dataset = open_dataset(folder)
    return [load_field(sample, dataset, recipe) for sample in dataset.samples]


def test_fields_come_at_the_network_s_scale(tmp_path: Path) -> None:
    recipe = tiny_recipe(data={"um_per_px": 2.0, "source_um_per_px": 1.0})
    field = _fields(tmp_path, recipe)[0]
    assert field.rgb.shape == (24, 24, 3)
    assert field.rgb.dtype == np.uint8
    assert field.targets[0].sum() == 16 * 16 / 4 + 18 * 20 / 4


def test_loose_groups_and_recipes_without_contour_ignore_it(tmp_path: Path) -> None:
    plain = _fields(tmp_path, tiny_recipe(target={"contour_um": None}))[0]
    loose = _fields(tmp_path, tiny_recipe(target={"loose_groups": [""]}))[0]
    for field in (plain, loose):
        assert (field.targets[1] == IGNORE).all()
        assert (field.targets[0] != IGNORE).all()


def test_sizes_that_differ_are_refused(tmp_path: Path) -> None:
    folder = squares(tmp_path)
    squares(tmp_path / "big", size=60)
    (tmp_path / "big" / "labels" / "0.png").replace(folder / "labels" / "0.png")
    dataset = open_dataset(folder)
    with pytest.raises(BadInputError, match=r"0\.png"):
        load_field(dataset.samples[0], dataset, tiny_recipe())


def test_batches_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    fields = _fields(tmp_path, recipe)
    state = torch.random.get_rng_state()
    first, again = draw_batch(fields, recipe, 3, 7), draw_batch(fields, recipe, 3, 7)
    later = draw_batch(fields, recipe, 3, 8)
    assert torch.equal(first.pictures, again.pictures)
    assert torch.equal(first.contour, again.contour)
    assert not torch.equal(first.pictures, later.pictures)
    assert torch.equal(state, torch.random.get_rng_state())


def test_targets_follow_their_pictures(tmp_path: Path) -> None:
    """Dark pixels are objects, wherever turning and zooming has moved them."""
    mild = {"stain_gain": 0, "stain_offset": 0, "gamma": 0}
    recipe = tiny_recipe(augment={**mild, "blur_probability": 0, "noise_probability": 0})
    batch = draw_batch(_fields(tmp_path, recipe), recipe, 0, 0)
    assert batch.pictures.shape == (2, 3, 32, 32)
    dark = batch.pictures[:, 1] < 0.55
    agreement = (dark == (batch.classes > 0)).float().mean().item()
    assert agreement > 0.93
    assert ((batch.contour == 1) <= (batch.classes == 1)).all()


def _two_classes(rare: bool) -> list[Field]:
    """Large fields of one class; a corner of the last is the other one."""
    fields = []
    for number in range(5):
        targets = np.ones((2, 400, 400), np.uint8)
        if number == 4:
            targets[0, :12, :12] = 2
        places = tuple(np.argwhere(targets[0] == one) for one in (1, 2)) if rare else ()
        fields.append(Field("f", np.zeros((400, 400, 3), np.uint8), targets, of_class=places))
    return fields


def test_a_rare_class_is_seen() -> None:
    def seen(fields: list[Field]) -> float:
        steps = [draw_crops(fields, AugmentSection(), 2, 32, 0, step) for step in range(60)]
        return float(np.mean([(crop == 2).any() for batch in steps for crop in batch.classes]))

    assert seen(_two_classes(rare=False)) < 0.05
    assert seen(_two_classes(rare=True)) > 0.18  # half of the crops, and half of those


def test_fields_of_one_class_are_drawn_as_ever() -> None:
    plain, several = _two_classes(rare=False), _two_classes(rare=True)
    for step in range(3):
        first, second = (
            draw_crops(each, AugmentSection(), 1, 32, 0, step) for each in (plain, several)
        )
        assert torch.equal(first.classes, second.classes) is (step % 2 == 0)
    empty = [replace(field, of_class=(field.of_class[1][:0],) * 2) for field in several]
    for step in range(3):
        first, second = (
            draw_crops(each, AugmentSection(), 2, 32, 0, step) for each in (plain, empty)
        )
        assert torch.equal(first.pictures, second.pictures)


@given(st.integers(0, 30), st.integers(1, 40), st.integers(1, 12))
def test_reflection_stays_inside_and_mirrors(centre: int, size: int, length: int) -> None:
    index = _reflected(centre, size, length)
    assert len(index) == size
    assert index.min() >= 0
    assert index.max() < length
    assert np.abs(np.diff(index)).max(initial=0) <= 1


def test_a_class_that_the_recipe_does_not_name_is_refused(tmp_path: Path) -> None:
    assert _fields(tmp_path, tiny_recipe(data={"classes": ["a", "b"]}))[0].targets[0].max() == 2
    with Image.open(tmp_path / "labels" / "0.png") as picture:
        Image.fromarray(np.asarray(picture) * 2).save(tmp_path / "labels" / "0.png")
    with pytest.raises(BadInputError, match=r"0\.png holds the class 4"):
        _read(tmp_path, tiny_recipe(data={"classes": ["a", "b"]}))
