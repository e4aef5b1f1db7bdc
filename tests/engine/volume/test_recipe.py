from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.recipe import Recipe
from napari_selfreg.engine.volume.recipe import VolumeRecipe, load_any_recipe
from napari_selfreg.engine.volume.train import new_volume_network
from tests.engine.volume.blobs import blob_recipe

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
VOLUMES = [RECIPES / "hippocampus.toml", *sorted((RECIPES / "volumes").glob("*.toml"))]
PICTURES = sorted(RECIPES.glob("[gn]*.toml"))


@pytest.mark.parametrize("path", VOLUMES, ids=lambda path: path.stem)
def test_our_recipes_for_volumes_are_valid(path: Path) -> None:
    recipe = load_any_recipe(path)
    assert isinstance(recipe, VolumeRecipe)
    assert recipe.name == path.stem
    assert VolumeRecipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_recipes_for_pictures_stay_what_they_are(path: Path, tmp_path: Path) -> None:
    recipe = load_any_recipe(path)
    assert isinstance(recipe, Recipe)
    said = path.read_text("utf-8").replace("[network]\n", "[network]\nspatial_dims = 2\n")
    (tmp_path / path.name).write_text(said, encoding="utf-8")
    assert load_any_recipe(tmp_path / path.name) == recipe


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("spatial_dims = 3", "spatial_dims = 4", "spatial_dims"),
        ("steps = ", "stepps = ", "stepps"),
        ("[regularization.dsd]", "[regularization.dsdd]", "there is no regularizer 'dsdd'"),
        ("[regularization.dsd]", "[regularization.dsd]\nalfa = 1", "no option 'alfa'"),
        (
            "[regularization.dsd]",
            "[regularization.scr]\npairing = 'foo'\n[regularization.dsd]",
            "SCR pairing is random, first or mean, not 'foo'",
        ),
        ("patch = [40, 56, 40]", "patch = [40, 56]", "train.patch"),
        ("patch = [40, 56, 40]", "crop = 40", "train.patch: Field required"),
        ('classes = ["anterior", "posterior"]', "classes = []", "data.classes"),
        ("flip = [0.0, 0.0, 0.5]", "flip = [0.0, 0.0, 5.0]", "augment.flip"),
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = VOLUMES[0].read_text("utf-8")
    assert old in text
    changed = tmp_path / "mine.toml"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInputError, match=reason):
        load_any_recipe(changed)


def test_regularizers_are_named_in_one_line() -> None:
    assert blob_recipe().summary() == "none"
    both = {"dsd": {"alpha": 0.5}, "scr": {"weight": 0.1}}
    assert blob_recipe(regularization=both).summary() == "dsd + scr"


@pytest.mark.parametrize(
    ("network", "patch", "reason"),
    [
        ({"arguments": {"filters": [4, 8, 8]}}, [16, 18, 16], "multiples of 4 from 8 on"),
        (
            {"architecture": "unetr", "arguments": {"img_size": [16, 16, 32]}},
            [16, 16, 16],
            "16 x 16 x 32 voxels only",
        ),
    ],
)
def test_patches_the_network_cannot_take_are_refused(
    network: dict[str, object], patch: list[int], reason: str
) -> None:
    with pytest.raises(BadInputError, match=reason):
        new_volume_network(blob_recipe(network=network, train={"patch": patch}))
