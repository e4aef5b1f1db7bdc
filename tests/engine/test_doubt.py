from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.doubt import doubt_map
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.engine.predict import PredictRequest, predict
from napari_selfreg.engine.tta import VIEWS, turn, turn_back
from napari_selfreg.engine.what_next_types import STRATEGIES, PictureRequest
from tests.bundles import tiny_bundle
from tests.engine.models import picture

SIZE = PixelSize(1.0, 1.0)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return load_model(
        tiny_bundle(tmp_path / "two.safetensors", separation="contour", classes=["gland", "stroma"])
    )


def asked(model: Model, **changes: object) -> PictureRequest:
    known = PictureRequest(picture(48, 56), SIZE, model, device="cpu")
    return replace(known, **changes)


def test_entropy_is_the_uncertainty_of_a_prediction(model: Model) -> None:
    request = asked(model, strategy="entropy")
    found = run(doubt_map(request, model))
    known = run(
        predict(PredictRequest(request.picture, SIZE, model, device="cpu", uncertainty=True))
    )
    np.testing.assert_array_equal(found.scores, known.uncertainty)
    np.testing.assert_allclose(found.foreground, known.probability[:2].sum(0), rtol=1e-6)


def test_disagreement_is_the_spread_over_eight_views(model: Model) -> None:
    request = asked(model, strategy="tta")
    events: list[Event] = []
    found = run(doubt_map(request, model), events.append)
    seen = []
    for view in VIEWS:
        image = np.ascontiguousarray(turn(request.picture, view))
        one = run(predict(PredictRequest(image, SIZE, model, device="cpu")))
        seen.append(turn_back(one.probability[:2], view))
    stack = np.stack(seen).astype(np.float64)
    np.testing.assert_allclose(found.scores, np.sqrt(stack.var(0).sum(0)), atol=1e-5)
    np.testing.assert_allclose(found.foreground, stack.mean(0).sum(0), atol=1e-5)
    told = [(event.done, event.total) for event in events if isinstance(event, Progress)]
    assert told == [(number, 8) for number in range(1, 9)]


def test_a_turned_picture_has_the_turned_disagreement(model: Model) -> None:
    request = asked(model, strategy="tta", pixel_size=PixelSize(0.8, 1.25))
    upright = run(doubt_map(request, model))
    image = np.ascontiguousarray(np.rot90(request.picture))
    turned = replace(request, picture=image, pixel_size=PixelSize(1.25, 0.8))
    sideways = run(doubt_map(turned, model))
    np.testing.assert_allclose(sideways.scores, np.rot90(upright.scores), atol=1e-4)


def test_every_block_counts_the_same_in_the_residual(model: Model) -> None:
    found = run(doubt_map(asked(model, strategy="scr"), model))
    assert found.scores.mean() == pytest.approx(1, rel=1e-3)
    assert found.scores.min() >= 0
    assert found.scores.std() > 0


def test_chance_depends_on_the_seed_alone(model: Model) -> None:
    one, same, other = (
        run(doubt_map(asked(model, strategy="random", seed=seed), model)).scores
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "random"])
def test_all_maps_lie_on_the_picture_and_can_be_left_half_way(model: Model, strategy: str) -> None:
    job = doubt_map(asked(model, strategy=strategy, pixel_size=PixelSize(0.5, 0.7)), model)
    assert isinstance(next(job), Progress)
    job.close()
    found = run(doubt_map(asked(model, strategy=strategy, pixel_size=PixelSize(0.5, 0.7)), model))
    assert found.scores.shape == found.foreground.shape == (48, 56)
    assert np.isfinite(found.scores).all()
    assert 0 <= found.foreground.min() <= found.foreground.max() <= 1 + 1e-5
