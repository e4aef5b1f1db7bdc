"""Tissue without the classes: read at the network's scale, mixed into every step, on the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.background import background_sources, draw_mixed, load_background
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import run
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.sampling import Field, draw_batch
from napari_selfreg.engine.train import TrainRequest, train
from tests.engine.recipes import squares, tiny_recipe


def _recipe(**changes: Any) -> Recipe:
    data = {"background": ["cmu1_region"], **changes.pop("data", {})}
    return tiny_recipe(data=data, **changes)


def _flat(stem: str, value: int) -> Field:
    """Return a field whose class is 1 everywhere where it is bright."""
    rgb = np.full((40, 40, 3), value, np.uint8)
    return Field(stem, rgb, np.full((2, 40, 40), value > 100, np.uint8))


def test_a_sample_comes_at_the_network_s_scale_without_any_class() -> None:
    (field,) = load_background(_recipe(data={"um_per_px": 2.0}))
    side = round(1200 * 0.499 / 2.0)
    assert field.rgb.shape == (side, side, 3)
    assert field.rgb.dtype == np.uint8
    assert 100 < field.rgb.mean() < 230  # tissue and glass
    assert field.targets.shape == (2, side, side)
    assert not field.targets.any()


def test_without_background_nothing_changes() -> None:
    recipe = tiny_recipe()
    assert load_background(recipe) == ()
    fields = [_flat("a", 200), _flat("b", 30)]
    plain, mixed = draw_batch(fields, recipe, 0, 3), draw_mixed(fields, (), recipe, 3)
    assert torch.equal(plain.pictures, mixed.pictures)
    assert torch.equal(plain.classes, mixed.classes)


@given(batch=st.integers(2, 6), share=st.floats(0.01, 0.99), step=st.integers(0, 99))
def test_each_step_has_its_share_and_both_kinds(batch: int, share: float, step: int) -> None:
    recipe = _recipe(data={"background_share": share}, train={"batch": batch})
    drawn = draw_mixed([_flat("gland", 200)], [_flat("none", 30)], recipe, step)
    assert drawn.pictures.shape == (batch, 3, 32, 32)
    glands = [bool(crop.any()) for crop in drawn.classes]
    count = glands.count(False)
    assert 1 <= count <= batch - 1
    assert abs(count - share * batch) <= 1
    assert glands == sorted(glands, reverse=True)  # the background comes last
    assert drawn.contour.shape == drawn.classes.shape


def test_draws_depend_on_the_step_alone() -> None:
    recipe, parts = _recipe(), ([_flat("gland", 200)], load_background(_recipe()))
    first, again = (draw_mixed(*parts, recipe, 7) for _ in range(2))
    later = draw_mixed(*parts, recipe, 8)
    assert torch.equal(first.pictures, again.pictures)
    assert not torch.equal(first.pictures[-1], later.pictures[-1])


def test_an_unknown_sample_is_refused_with_those_there_are(tmp_path: Path) -> None:
    recipe = _recipe(data={"background": ["liver"]})
    with pytest.raises(BadInputError, match=r"'liver'.*cmu1_region"):
        load_background(recipe)
    request = TrainRequest(recipe, squares(tmp_path), tmp_path / "tiny.safetensors")
    with pytest.raises(BadInputError, match="liver"):
        run(train(request))


def test_a_batch_of_one_has_no_room_for_it() -> None:
    with pytest.raises(ValueError, match="2 or more"):
        _recipe(train={"batch": 1})


def test_the_card_names_it_and_the_network_learns_from_it(tmp_path: Path) -> None:
    data = squares(tmp_path / "data")
    plain, mixed = (
        run(train(TrainRequest(recipe, data, tmp_path / f"{name}.safetensors", False, "cpu")))
        for name, recipe in (("plain", tiny_recipe()), ("mixed", _recipe()))
    )
    (source,) = background_sources(_recipe())
    assert source.licence == "CC0-1.0"
    assert "without gland" in source.name
    assert mixed.card.data == (*plain.card.data, source)
    assert mixed.card.normalisation == plain.card.normalisation
    states = [load_model(result.output).network.state_dict() for result in (plain, mixed)]
    assert any(not torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_state_without_background_is_not_taken_over(tmp_path: Path) -> None:
    data, output = squares(tmp_path / "data"), tmp_path / "m.safetensors"
    run(train(TrainRequest(tiny_recipe(), data, output, False, "cpu")))
    with pytest.raises(BadInputError, match="another version of the recipe"):
        run(train(TrainRequest(_recipe(), data, output, True, "cpu")))
