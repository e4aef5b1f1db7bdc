from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from napari_selfreg.engine.recipe import load_recipe
from napari_selfreg.engine.sampling import Field
from napari_selfreg.engine.validation import Normalizer
from napari_selfreg.io.datasets import open_dataset
from napari_selfreg.nets.registry import build_network, tap_spec
from tests.engine.recipes import squares

FEATURES = (4, 4, 4, 8, 8, 4)
BLOCKS = ["E1", "E2", "E3", "E4", "B", "D4", "D3", "D2", "D1"]
GREY = Normalizer((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def recipes(experiment: ModuleType) -> dict[str, Any]:
    return {arm: load_recipe(experiment.RECIPES / f"{arm}.toml") for arm in experiment.ARMS}


def test_the_recipes_differ_in_their_regularization_alone(experiment: ModuleType) -> None:
    def rest(recipe: Any) -> dict[str, Any]:
        card = recipe.card.model_dump(exclude={"title"})
        return recipe.model_dump(exclude={"name", "regularization", "card"}) | card

    found = recipes(experiment)
    assert all(rest(recipe) == rest(found["plain"]) for recipe in found.values())
    weights = {
        arm: (section.lambda_scr, section.lambda_ifd, section.lambda_decorrelation)
        for arm, recipe in found.items()
        if (section := recipe.regularization)
    }
    assert weights == {
        "plain": (0, 0, 0),
        "scr": (0.015, 0, 0),
        "ifd": (0, 0.015, 0),
        "both": (0.015, 0.015, 0),
        "decorrelation": (0, 0, 0.1),
    }
    assert not any(recipe.plain_twin or recipe.selection.lambdas for recipe in found.values())


def test_no_checkpoint_is_chosen(experiment: ModuleType) -> None:
    for recipe in recipes(experiment).values():
        assert recipe.train.validate_every == recipe.train.steps
        options = experiment.arguments(["--data", "d", "--output", "o", "--steps", "7"])
        short = experiment.with_schedule(recipe, options).train
        assert (short.steps, short.validate_every, short.batch) == (7, 7, recipe.train.batch)


def test_a_repetition_is_one_start_and_one_split_for_all_arms(experiment: ModuleType) -> None:
    seeded = [experiment.seeded(recipe, 4) for recipe in recipes(experiment).values()]
    assert {(recipe.train.seed, recipe.data.split_seed) for recipe in seeded} == {(4, 4)}


def test_what_was_published_is_compared_first(experiment: ModuleType) -> None:
    runs = list(experiment.planned(2))
    assert runs[:5] == [("plain", 0), ("both", 0), ("plain", 1), ("both", 1), ("scr", 0)]
    assert set(runs) == {(arm, seed) for arm in experiment.ARMS for seed in (0, 1)}
    assert len(runs) == 10


@pytest.fixture
def network() -> Any:
    torch.manual_seed(0)
    return build_network("basic_unet", in_channels=3, out_channels=3, features=FEATURES)


def field(height: int = 70, width: int = 50) -> Field:
    rng = np.random.default_rng(0)
    targets = np.zeros((2, height, width), np.uint8)
    targets[0, 10:40, 10:30] = 1
    targets[0, 0] = 255
    return Field("a", rng.integers(0, 255, (height, width, 3), np.uint8), targets)


def test_the_middle_of_an_image_is_looked_at(experiment: ModuleType) -> None:
    whole, spec = field(), tap_spec("basic_unet", features=FEATURES)
    picture, mask = experiment.middle(whole, GREY, spec, torch.device("cpu"))
    assert picture.shape == (1, 3, 64, 48)
    assert mask.shape == (64, 48)
    expected = (whole.rgb[3:67, 1:49] / 255 - 0.5) / 0.25
    assert np.allclose(picture[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)
    assert np.array_equal(mask.numpy(), whole.targets[0, 3:67, 1:49] == 1)  # unknown is no gland


def test_every_number_of_every_block_is_measured(
    experiment: ModuleType, tables: ModuleType, network: Any
) -> None:
    spec = tap_spec("basic_unet", features=FEATURES)
    found = experiment.measure(network, spec, [field(), field(48, 64)], GREY)
    assert list(found) == BLOCKS
    assert all(list(values) == list(tables.METRICS) for values in found.values())
    assert all(np.isfinite(list(values.values())).all() for values in found.values())
    assert all(0 <= values["attention_overlap"] <= 1 for values in found.values())
    assert all(1 <= values["effective_rank"] <= 8 for values in found.values())
    alone = experiment.measure(network, spec, [field()], GREY)["B"]["ifd"]
    other = experiment.measure(network, spec, [field(48, 64)], GREY)["B"]["ifd"]
    assert found["B"]["ifd"] == pytest.approx((alone + other) / 2)


def test_overlap_is_the_share_of_attention_inside(experiment: ModuleType) -> None:
    mask = torch.zeros(8, 8)
    mask[:, :4] = 1
    assert experiment.overlap(torch.ones(2, 2), mask) == 0.5
    assert experiment.overlap(torch.tensor([[3.0, 1.0], [0.0, 0.0]]), mask) == 0.75
    assert experiment.overlap(mask, mask) == 1
    assert experiment.overlap(torch.zeros(2, 2), mask) == 0


def test_test_images_of_the_contest_stay_unseen(experiment: ModuleType, tmp_path: Path) -> None:
    folder = squares(tmp_path, 3)
    for part in ("images", "labels"):
        (folder / part / "2.png").rename(folder / part / "testA_2.png")
    kept = experiment.training_images(open_dataset(folder))
    assert [sample.stem for sample in kept.samples] == ["0", "1"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The smallest experiment: two steps of a tiny network on squares."""
    data = squares(tmp_path / "data", 3, 48)
    schedule = ["--steps", "2", "--batch", "2", "--crop", "32", "--features", *map(str, FEATURES)]
    return ["--data", str(data), "--output", str(tmp_path / "out"), "--seeds", "1", *schedule]


def test_two_steps_of_every_arm_and_none_of_them_twice(
    experiment: ModuleType,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    experiment.main(words)
    out = tmp_path / "out"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{arm} 0" for arm in experiment.ARMS]
    with (out / "results.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5 * (1 + len(BLOCKS))
    starts = {row["similarity"] for row in rows if row["block"] == "B"}
    assert len(starts) > 1  # the arms do differ after two steps
    page = (out / "table.md").read_text("utf-8")
    assert "2 steps of 2 crops of 32² px" in page
    assert "5 networks (seeds 0), 1 held-out images each" in page
    assert not list(out.glob("*.state"))

    first = (out / "results.csv").read_bytes()
    monkeypatch.setattr(experiment, "fit", lambda request: pytest.fail("trained again"))
    experiment.main(words)
    assert (out / "results.csv").read_bytes() == first

    record = json.loads((out / "plain-0.json").read_text())
    assert list(record["blocks"]) == BLOCKS
    with pytest.raises(SystemExit, match="another schedule"):
        experiment.main([*words, "--steps", "3"])


def test_an_interrupted_run_goes_on(
    experiment: ModuleType, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    experiment.main([*words, "--output", str(whole)])
    steps: list[int] = []

    def interrupted(job: Any) -> Any:
        for event in job:
            steps.append(getattr(event, "step", 0))
            if steps[-1] == 1:
                job.close()
                raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(experiment, "run_job", interrupted)
        experiment.main(words)
    assert steps == [1]
    assert not (tmp_path / "out" / "plain-0.json").exists()
    experiment.main(words)
    for arm in experiment.ARMS:
        name = f"{arm}-0.json"
        assert (tmp_path / "out" / name).read_text() == (whole / name).read_text()
