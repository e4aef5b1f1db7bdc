"""Recipes: the shipped ones are valid, the misspelt ones are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.recipe import load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_choose_lambda(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert 0.0 in recipe.selection.lambdas
    assert recipe.plain_twin
    assert recipe.train.crop % 16 == 0


def test_recipes_exist() -> None:
    assert {path.stem for path in RECIPES} >= {"glands", "glands-glas", "nuclei-monuseg"}


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
