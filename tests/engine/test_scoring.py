"""Scores of a fresh network, as its card tells them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine import scoring
from napari_selfreg.engine.events import Event, Notice, run
from napari_selfreg.engine.scoring import PROTOCOLS, note_of, score_held_out
from napari_selfreg.io.datasets import Dataset, open_dataset
from tests.engine.recipes import squares, tiny_recipe

DICE = [0.5, 0.75, 1.0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Answer for the evaluation; return what it was asked."""
    calls: list[Any] = []

    def evaluate_pairs(
        model: Any, images: Any, protocol: str, *, device: str
    ) -> Generator[Event, None, Any]:
        calls.append(SimpleNamespace(model=model, images=images, protocol=protocol, device=device))
        yield Notice(protocol)
        return SimpleNamespace(images=images, intervals={"dice": mean_interval(DICE)})

    monkeypatch.setattr(scoring, "evaluate_pairs", evaluate_pairs)
    return calls


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return open_dataset(squares(tmp_path / "data"))


def records(dataset: Dataset, *, plain: bool = False, **sections: Any) -> list[Any]:
    recipe = tiny_recipe(regularization={"lambda_scr": 0.2, "lambda_ifd": 0.1}, **sections)
    return run(score_held_out("model", dataset.samples, dataset, recipe, plain=plain, device="cpu"))


def test_both_protocols_are_reported(dataset: Dataset, asked: list[Any]) -> None:
    found = records(dataset)
    assert tuple(each.protocol for each in found) == PROTOCOLS
    assert [(call.protocol, call.device) for call in asked] == [(p, "cpu") for p in PROTOCOLS]
    for record in found:
        assert record.n == 3
        interval = mean_interval(DICE)
        assert record.values["dice"].mean == 0.75
        assert record.values["dice"].low == round(interval.low, 5)
        assert record.values["dice"].high == round(interval.high, 5)
        assert "held-out patients" in record.split


@pytest.mark.parametrize(("plain", "weights"), [(False, (0.2, 0.1)), (True, (0.0, 0.0))])
def test_the_twin_says_that_it_is_plain(
    dataset: Dataset, asked: list[Any], plain: bool, weights: tuple[float, float]
) -> None:
    for record in records(dataset, plain=plain):
        assert (record.lambda_scr, record.lambda_ifd) == weights
        assert record.note.startswith("plain twin") is plain


@pytest.mark.parametrize(("scr", "without"), [(0.0, "decorrelation"), (0.2, "SCR, IFD and deco")])
def test_decorrelation_is_told_from_its_plain_twin(
    dataset: Dataset, asked: list[Any], scr: float, without: str
) -> None:
    weights = {"lambda_scr": scr, "lambda_ifd": 0.0, "lambda_decorrelation": 0.3}
    recipe = tiny_recipe(regularization=weights)
    for plain, own in ((False, 0.3), (True, 0.0)):
        job = score_held_out("model", dataset.samples, dataset, recipe, plain=plain, device="cpu")
        for record in run(job):
            assert record.lambda_decorrelation == own
            assert (f"and split without {without}" in record.note) is plain


@pytest.mark.parametrize("plain", [False, True])
def test_scale_and_start_are_told(dataset: Dataset, asked: list[Any], plain: bool) -> None:
    start = {"start_from": "earlier"}
    for record in records(dataset, plain=plain, network=start):
        assert "images at 1 µm per pixel" in record.note
        assert ("both start from the weights of earlier" in record.note) is plain
    sizes = {PixelSize.isotropic(1.0), PixelSize.isotropic(2.0)}
    assert note_of(tiny_recipe(), sizes, plain=False) == ""


def test_pictures_and_truths_are_those_of_the_files(dataset: Dataset, asked: list[Any]) -> None:
    records(dataset)
    for sample, image in zip(dataset.samples, asked[0].images, strict=True):
        assert image.stem == sample.stem
        np.testing.assert_array_equal(image.rgb, np.asarray(Image.open(sample.image)))
        np.testing.assert_array_equal(image.truth, np.asarray(Image.open(sample.label)))
        assert image.mask8 is not None
        assert image.mask8.shape == image.truth.shape


@pytest.mark.parametrize(
    ("sections", "size"),
    [({}, 1.0), ({"data": {"source_um_per_px": 0.25}}, 0.25)],
)
def test_the_recipe_says_how_large_pixels_are(
    dataset: Dataset, asked: list[Any], sections: dict[str, Any], size: float
) -> None:
    records(dataset, **sections)
    assert asked[0].images[0].pixel_size == PixelSize(size, size)


def test_a_data_set_that_knows_its_pixels_is_believed(dataset: Dataset, asked: list[Any]) -> None:
    known = Dataset(dataset.kind, dataset.samples, PixelSize(0.62, 0.62))
    records(known)
    assert asked[0].images[0].pixel_size == PixelSize(0.62, 0.62)
