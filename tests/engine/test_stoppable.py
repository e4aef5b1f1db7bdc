from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.bundles import Model, load_model
from napari_selfreg.engine.events import Event, TileDone, run
from napari_selfreg.engine.predict import PredictRequest, predict
from napari_selfreg.engine.stoppable import NOTHING, predict_until
from tests.bundles import tiny_bundle

IMAGE = np.random.default_rng(0).integers(0, 255, (320, 384, 3), np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(tiny_bundle(tmp_path_factory.mktemp("m") / "tiny.safetensors"))


def request(model: Model, **changes: object) -> PredictRequest:
    size = PixelSize(*model.card.um_per_px)
    return PredictRequest(IMAGE, size, model, device="cpu", tile=96, halo=16, **changes)  # type: ignore[arg-type]


def test_without_a_stop_it_is_a_prediction(model: Model) -> None:
    expected = run(predict(request(model))).probability
    for enough in (None, lambda: False):
        found = run(predict_until(request(model), model, enough))
        np.testing.assert_array_equal(found.probability, expected)
        assert found.notes == ()


def test_what_is_finished_is_kept(model: Model) -> None:
    tiles: list[TileDone] = []

    def note(event: Event) -> None:
        if isinstance(event, TileDone):
            tiles.append(event)

    whole = run(predict(request(model))).probability
    region = Box(0, 0, 320, 384)
    found = run(predict_until(request(model), model, lambda: len(tiles) >= 2), note)
    assert len(tiles) == 2 < tiles[0].total
    assert found.region == region
    finished = np.zeros(region.shape, bool)
    for tile in tiles:
        finished[tile.box.slices] = True
    np.testing.assert_array_equal(found.probability[:, finished], whole[:, finished])
    assert not found.probability[:, ~finished].any()
    assert f"{round(100 * finished.mean())} %" in found.notes[0]


def test_a_stop_before_the_first_tile_waits_for_it(model: Model) -> None:
    found = run(predict_until(request(model), model, lambda: True))
    assert found.probability.any()
    assert found.notes[0] != NOTHING


def test_closing_it_closes_the_prediction(model: Model) -> None:
    steps: Iterator[Event] = predict_until(request(model), model, lambda: False)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(steps)
