"""From a run to its card: what is said, what is refused early, which weights are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.checkpoint import TrainingProgress
from napari_selfreg.engine.events import run
from napari_selfreg.engine.fit import FitResult
from napari_selfreg.engine.publish import (
    LambdaChoice,
    Publication,
    check_card,
    make_card,
    publish,
    twin_sentence,
    write_bundle_of,
)
from napari_selfreg.engine.starting import new_network
from napari_selfreg.engine.train import TrainRequest, train
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.datasets import open_dataset
from tests.engine.recipes import squares, tiny_recipe

CPU = torch.device("cpu")


def _publication(folder: Path, *, twin: bool = False, **changes: Any) -> Publication:
    recipe = tiny_recipe(**changes)
    dataset = open_dataset(squares(folder, count=2))
    weights = new_network(recipe)[0].state_dict()
    plain = {
        name: tensor + 1 if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
    }
    progress = TrainingProgress(step=7, best_step=5, best_dice=0.123456789, seconds=61.4)
    return Publication(
        recipe=recipe,
        dataset=dataset,
        images=9,
        held_out=dataset.samples[:1],
        normalizer=Normalizer((0.7, 0.5, 0.6), (0.1, 0.2, 0.3)),
        choice=LambdaChoice(0.02, {"0": 0.5, "0.02": 0.4}),
        main=FitResult(weights, progress),
        twin=FitResult(plain, TrainingProgress(best_dice=0.25)) if twin else None,
        device=CPU,
    )


@pytest.mark.parametrize(
    ("chosen", "none", "said"),
    [
        (0.91, 0.90, "was 0.0100 Dice better than lambda = 0"),
        (0.88, 0.90, "was 0.0200 Dice worse than lambda = 0"),
        (0.90, 0.90, "was as good as lambda = 0"),
        (0.90004, 0.90, "was as good as lambda = 0"),
    ],
)
def test_the_choice_is_told_whichever_won(chosen: float, none: float, said: str) -> None:
    sentence = LambdaChoice(0.015, {"0": none, "0.015": chosen}).sentence()
    assert f"lambda = 0.015 {said}" in sentence


@pytest.mark.parametrize(
    ("weight", "said"), [(0.0, "lambda = 0 on"), (0.1, "without decorrelation")]
)
def test_the_choice_says_what_its_run_without_lambda_lacked(
    tmp_path: Path, weight: float, said: str
) -> None:
    changes = {"regularization": {"lambda_decorrelation": weight}}
    card = make_card(_publication(tmp_path, **changes), ())
    assert said in str(card.training["lambda_choice"])


@pytest.mark.parametrize(
    ("regularized", "said"),
    [(0.8, "was 0.0031 Dice worse"), (0.81, "was 0.0069 Dice better"), (0.8031, "was as good")],
)
def test_the_whole_run_is_compared_with_its_twin_whichever_won(
    regularized: float, said: str
) -> None:
    assert said in twin_sentence(regularized, 0.8031)


def test_the_card_states_the_size_the_model_works_at(tmp_path: Path) -> None:
    card = make_card(_publication(tmp_path, data={"working_um_per_px": 1.5}), ())
    assert card.um_per_px == (1.5, 1.5)
    recipe: Any = card.recipe
    assert recipe["data"]["um_per_px"] == 1.0


def test_the_card_says_what_the_run_was(tmp_path: Path) -> None:
    card = make_card(_publication(tmp_path, twin=True), ())
    assert card.um_per_px == (1.0, 1.0)
    assert card.normalisation.mean == (0.7, 0.5, 0.6)
    assert card.data[0].images == 9
    assert card.training["steps"] == 7
    assert card.training["seconds"] == 61
    assert card.training["best_validation_dice"] == 0.12346
    assert card.training["plain_twin_best_validation_dice"] == 0.25
    assert "0.1265 Dice worse than its plain twin" in str(card.training["plain_twin"])
    assert "0.1000 Dice worse" in str(card.training["lambda_choice"])
    assert "card" not in card.recipe
    assert str(tmp_path) not in card.to_json()


def test_a_run_without_grid_and_twin_claims_neither(tmp_path: Path) -> None:
    publication = _publication(tmp_path)
    alone = Publication(
        **{
            name: getattr(publication, name)
            for name in Publication.__dataclass_fields__
            if name != "choice"
        },
        choice=None,
    )
    record = make_card(alone, ()).training
    assert "lambda_choice" not in record
    assert not [key for key in record if "twin" in key]


def test_contours_are_on_the_card_only_if_they_are_learnt(tmp_path: Path) -> None:
    with_contour = make_card(_publication(tmp_path / "a"), ())
    without = make_card(_publication(tmp_path / "b", target={"contour_um": None}), ())
    assert (with_contour.separation, without.separation) == ("contour", None)
    assert with_contour.out_channels == without.out_channels + 1


def test_the_main_run_ships_and_not_its_twin(tmp_path: Path) -> None:
    publication = _publication(tmp_path, twin=True)
    network, spec = new_network(publication.recipe)
    output = tmp_path / "m.safetensors"
    card = run(publish(publication, network, spec, output))
    assert [(m.protocol, "plain twin" in m.note) for m in card.metrics] == [
        ("native", False),
        ("uctransnet224", False),
        ("native", True),
        ("uctransnet224", True),
    ]
    stored = load_model(output)
    assert stored.card == card
    for name, tensor in stored.network.state_dict().items():
        wanted = publication.main.weights[name].to(tensor.dtype)
        torch.testing.assert_close(tensor, wanted, rtol=1e-3, atol=1e-3)


def test_an_interrupted_run_is_written_without_scores(tmp_path: Path) -> None:
    publication = _publication(tmp_path)
    network, spec = new_network(publication.recipe)
    card = write_bundle_of(publication, network, spec, (), tmp_path / "m.safetensors")
    assert card.metrics == ()
    assert load_model(tmp_path / "m.safetensors").card == card


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"card": {"licence": "free for all!"}}, "licence"),
        ({"card": {"title": ""}}, "title"),
        ({"card": {"title": "x" * 201}}, "title"),
        ({"card": {"description": "trained on /home/me/slides"}}, "path"),
        ({"card": {"bad_at": "<b>all</b>"}}, "markup"),
        ({"data": {"classes": ["gland", "gland"]}}, "classes"),
        ({"data": {"classes": [""]}}, "classes"),
    ],
)
def test_a_card_that_would_not_be_valid_is_refused_before_the_training(
    tmp_path: Path, changes: dict[str, Any], where: str
) -> None:
    recipe = tiny_recipe(**changes)
    with pytest.raises(BadInputError, match=rf"card would not be valid.*{where}"):
        check_card(recipe)
    job = train(TrainRequest(recipe, squares(tmp_path / "d"), tmp_path / "m.safetensors"))
    with pytest.raises(BadInputError, match="card would not be valid"):
        next(job)


def test_a_sound_card_is_not_refused() -> None:
    check_card(tiny_recipe())
