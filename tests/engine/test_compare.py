from __future__ import annotations

import csv
import json
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.errors import BadInputError, BadModelError, WriteError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine import evaluate as scoring
from napari_selfreg.engine.compare import CompareRequest, compare
from napari_selfreg.engine.comparison import TITLES, ComparisonDocument, latex_table, p_text
from napari_selfreg.engine.evaluate import METRICS, EvaluateRequest, evaluate
from napari_selfreg.engine.events import Event, Notice, Progress, run
from napari_selfreg.engine.predict import Prediction, PredictRequest
from tests.bundles import tiny_bundle
from tests.engine.volume.models import volume_bundle

NAMES = ["dice", "iou", "object_f1", "object_dice", "object_hausdorff", "aji", "pq"]


def model_of_channel(channel: int, um: float = 1.0) -> Any:
    card = SimpleNamespace(
        n_classes=1,
        spatial_dims=2,
        in_channels=3,
        um_per_px=(um, um),
        separation=None,
        postprocessing=PostProcessing(),
        pixel_size=PixelSize(um, um),
        channel=channel,
    )
    return SimpleNamespace(card=card)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, list[PredictRequest]]:
    """Return two models without a network, one sees red and one green, and what they were asked."""
    asked: list[PredictRequest] = []

    def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
        asked.append(request)
        image = np.asarray(request.image[:, :])
        yield Progress(0, 1)
        seen = image[None, ..., request.model.card.channel] > 127
        return Prediction(seen.astype(np.float32), Box(0, 0, *image.shape[:2]))

    monkeypatch.setattr(scoring, "predict", predict)
    return model_of_channel(0), model_of_channel(1, um=0.5), asked


def half(share: float) -> np.ndarray:
    """Return a mask of 20 × 20 px of which the left share is left."""
    mask = np.zeros((40, 50), bool)
    mask[10:30, 10 : 10 + round(20 * share)] = True
    return mask


@pytest.fixture
def where(tmp_path: Path) -> dict[str, Path]:
    """Three fields: red sees 50, 60, 100 % of the object, green 60, 80, 100 %."""
    folders = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    for folder in folders.values():
        folder.mkdir()
    for number, (red, green) in enumerate([(0.5, 0.6), (0.6, 0.8), (1, 1)]):
        picture = np.zeros((40, 50, 3), np.uint8)
        picture[half(red), 0] = picture[half(green), 1] = 255
        Image.fromarray(picture).save(folders["images"] / f"f{number}.png")
        Image.fromarray(np.uint8(255) * half(1)).save(folders["labels"] / f"f{number}_mask.png")
    return folders


def dice(share: float) -> float:
    return 2 * share / (1 + share)


def test_differences_are_b_minus_a_per_image(models: Any, where: dict[str, Path]) -> None:
    red, green, _ = models
    found = run(compare(CompareRequest(red, green, **where)))
    values = found["metrics"]["dice"]
    steps = [dice(0.6) - dice(0.5), dice(0.8) - dice(0.6), 0]
    assert found["n"] == 3
    assert values["a"] == pytest.approx((dice(0.5) + dice(0.6) + 1) / 3)
    assert values["b"] == pytest.approx((dice(0.6) + dice(0.8) + 1) / 3)
    assert values["difference"] == pytest.approx(sum(steps) / 3)
    assert values["low"] == pytest.approx(0)
    assert values["high"] == pytest.approx(max(steps))
    assert values["p"] == 0.5
    assert found["metrics"]["object_hausdorff"]["difference"] < 0  # a distance: less is better


def test_the_document_is_exactly_the_promised_json(models: Any, where: dict[str, Path]) -> None:
    found = run(compare(CompareRequest(*models[:2], **where)))
    read = json.loads(json.dumps(found, allow_nan=False))
    assert list(read) == ["n", "metrics"]
    assert list(read["metrics"]) == NAMES
    keys = ["a", "b", "difference", "low", "high", "p"]
    assert all(list(value) == keys for value in read["metrics"].values())


def test_each_model_scores_as_it_does_alone(models: Any, where: dict[str, Path]) -> None:
    found = run(compare(CompareRequest(*models[:2], **where)))["metrics"]
    for side, model in zip("ab", models, strict=False):
        alone = run(evaluate(EvaluateRequest(model, **where)))["metrics"]
        assert {name: value["mean"] for name, value in alone.items()} == {
            name: value[side] for name, value in found.items()
        }


def test_a_model_does_not_differ_from_itself(models: Any, where: dict[str, Path]) -> None:
    found = run(compare(CompareRequest(models[0], models[0], **where)))["metrics"]
    for value in found.values():
        assert (value["difference"], value["low"], value["high"], value["p"]) == (0, 0, 0, 1)


def test_one_image_has_no_width_and_p_1(models: Any, where: dict[str, Path]) -> None:
    for stem in ("f1", "f2"):
        (where["images"] / f"{stem}.png").unlink()
        (where["labels"] / f"{stem}_mask.png").unlink()
    value = run(compare(CompareRequest(*models[:2], **where)))["metrics"]["dice"]
    assert value["low"] == value["high"] == value["difference"] > 0
    assert value["p"] == 1


def test_each_model_works_at_its_own_scale(models: Any, where: dict[str, Path]) -> None:
    red, green, asked = models
    notices: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)

    run(compare(CompareRequest(red, green, **where)), note)
    assert [request.pixel_size.y for request in asked] == [1.0, 0.5] * 3
    assert ["1 µm" in text or "0.5 µm" in text for text in notices] == [True, True]  # once each
    asked.clear()
    run(compare(CompareRequest(red, green, **where, um_per_px=0.7)), note)
    assert [request.pixel_size.y for request in asked] == [0.7] * 6  # the image's, stated for both
    assert [request.model for request in asked] == [red, green] * 3
    assert len(notices) == 2


def test_progress_counts_images(models: Any, where: dict[str, Path]) -> None:
    events: list[Event] = []
    run(compare(CompareRequest(*models[:2], **where)), events.append)
    told = [(e.done, e.total) for e in events if isinstance(e, Progress)]
    assert sorted(set(told)) == [(0, 3), (1, 3), (2, 3)]
    assert told == sorted(told)


def test_the_table_has_a_row_per_image(models: Any, where: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "results"
    run(compare(CompareRequest(*models[:2], **where, output=str(folder))))
    assert [path.name for path in folder.iterdir()] == ["comparison.csv"]
    text = (folder / "comparison.csv").read_text()
    assert str(tmp_path) not in text
    rows = list(csv.DictReader(text.splitlines()))
    parts = [f"{name}_{part}" for name in METRICS for part in ("a", "b", "difference")]
    assert list(rows[0]) == ["image", "um_per_px_a", "um_per_px_b", "um_per_px_source", *parts]
    assert [row["image"] for row in rows] == ["f0", "f1", "f2"]
    assert (rows[0]["um_per_px_a"], rows[0]["um_per_px_b"]) == ("1", "0.5")
    assert {row["um_per_px_source"] for row in rows} == {"model"}
    assert float(rows[1]["dice_difference"]) == pytest.approx(dice(0.8) - dice(0.6), abs=1e-5)


def test_faults_come_before_the_work(models: Any, where: dict[str, Path], tmp_path: Path) -> None:
    blocked = tmp_path / "taken"
    (blocked / "comparison.csv").mkdir(parents=True)
    with pytest.raises(WriteError, match=r"comparison\.csv could not be written"):
        run(compare(CompareRequest(*models[:2], **where, output=blocked)))
    (where["labels"] / "f9_mask.png").write_bytes(b"")
    with pytest.raises(BadInputError, match="f9_mask"):
        run(compare(CompareRequest(*models[:2], **where)))
    assert models[2] == []


def test_real_networks_of_two_scales(where: dict[str, Path], tmp_path: Path) -> None:
    a = tiny_bundle(tmp_path / "a.safetensors")
    b = tiny_bundle(tmp_path / "b.safetensors", seed=1, um_per_px=[2.0, 2.0])
    request = CompareRequest(a, b, **where, um_per_px=1.0, device="cpu")
    values = run(compare(request))["metrics"]["dice"]
    assert 0 <= values["a"] <= 1
    assert values["difference"] == pytest.approx(values["b"] - values["a"])


def test_models_for_volumes_are_refused_by_name(where: dict[str, Path], tmp_path: Path) -> None:
    flat = tiny_bundle(tmp_path / "a.safetensors")
    deep = volume_bundle(tmp_path / "deep.safetensors")
    with pytest.raises(BadModelError, match="is not for RGB pictures"):
        run(compare(CompareRequest(flat, deep, **where, output=tmp_path / "out")))
    assert not (tmp_path / "out").exists()


DOCUMENT: ComparisonDocument = {
    "n": 12,
    "metrics": {
        name: {"a": 0.5, "b": 0.4, "difference": -0.1, "low": -0.2, "high": 0.05, "p": 0.0004}
        for name in NAMES
    },
}


def test_latex_names_models_metrics_and_what_is_subtracted() -> None:
    text = latex_table(DOCUMENT, ("glands_v1", "glands_v2"))
    assert set(TITLES) == set(METRICS)
    assert all(title in text for title in TITLES.values())
    assert r"Metric & glands\_v1 & glands\_v2 & Difference" in text
    assert r"Dice & 0.500 & 0.400 & $-0.100$ & $-0.200$ to $+0.050$ & $<0.001$ \\" in text
    comment = " ".join(line[2:] for line in text.splitlines() if line.startswith("% "))
    assert "n = 12 images" in comment
    assert "second model minus the first" in comment


def test_two_versions_of_one_name_are_told_apart() -> None:
    assert "glands (a) & glands (b)" in latex_table(DOCUMENT, ("glands", "glands"))


def test_p_is_never_written_as_zero() -> None:
    assert [p_text(p) for p in (1.0, 0.0123, 0.001, 0.00099)] == [
        "1.000",
        "0.012",
        "0.001",
        "<0.001",
    ]
