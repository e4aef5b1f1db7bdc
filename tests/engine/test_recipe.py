"""Recipes: the shipped ones are valid, the misspelt ones are refused by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.recipe import Recipe, load_recipe
from tests.engine.recipes import tiny_recipe

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(
    path for path in FOLDER.glob("*.toml") if "spatial_dims = 3" not in path.read_text("utf-8")
)
"""Those of pictures; see tests/engine/volume/test_recipe.py for volumes."""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_choose_lambda(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert 0.0 in recipe.selection.lambdas
    assert recipe.plain_twin
    assert recipe.train.crop % 16 == 0


def test_recipes_exist() -> None:
    assert {path.stem for path in RECIPES} == {
        "glands",
        "glands-ebhi",
        "glands-glas",
        "nuclei-monuseg",
    }


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    path = tmp_path / "changed.toml"
    text = RECIPES[0].read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("batch =", "bach =", "bach"),
        ("um_per_px = 1", "um_per_px = -1", "um_per_px"),
        ("lambdas = [0.0,", "lambdas = [0.1,", "lambdas"),
        ('name = "glands', 'name = "../glands', "name"),
        ("[data]", "[data", "TOML"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        load_recipe(_changed(tmp_path, old, new))


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere\.toml"):
        load_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"seed": -1}},
        {"train": {"seed": 2**63}},
        {"train": {"learning_rate": math.inf}},
        {"train": {"steps": 0}},
        {"train": {"crop": 16}},
        {"data": {"split_seed": -1}},
        {"data": {"classes": []}},
        {"data": {"validation_fraction": 0.95}},
        {"data": {"um_per_px": math.nan}},
        {"regularization": {"lambda_ifd": math.inf}},
        {"regularization": {"pairing": "sometimes"}},
        {"selection": {"lambdas": [0.0, -0.1, 0.1]}},
        {"selection": {"lambdas": [0.0, math.nan]}},
        {"selection": {"lambdas": [0.0]}},
        {"selection": {"lambdas": [0.01, 0.02]}},
        {"network": {"start_from": "../glands"}},
        {"postprocessing": {"threshold": 1.0}},
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, Any]) -> None:
    (section,) = change
    with pytest.raises(ValidationError) as caught:
        tiny_recipe(**change)
    assert caught.value.errors()[0]["loc"][0] == section


def test_a_recipe_survives_its_own_json_and_cannot_be_changed() -> None:
    recipe = tiny_recipe(selection={"lambdas": [0.0, 0.01]})
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    with pytest.raises(ValidationError, match="frozen"):
        recipe.train.seed = 3  # type: ignore[misc]
