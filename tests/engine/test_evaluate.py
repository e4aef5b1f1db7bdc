from __future__ import annotations

import csv
import json
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError, BadModelError, WriteError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine import evaluate as module
from napari_selfreg.engine.evaluate import (
    METRICS,
    EvaluateRequest,
    LabelledImage,
    evaluate,
    evaluate_pairs,
)
from napari_selfreg.engine.events import Event, Notice, Progress, TileDone, run
from napari_selfreg.engine.predict import Prediction, PredictRequest
from tests.bundles import tiny_bundle

UM = PixelSize(1.0, 1.0)
RED_IS_TISSUE = SimpleNamespace(
    card=SimpleNamespace(
        n_classes=1,
        separation=None,
        postprocessing=PostProcessing(),
        pixel_size=UM,
        spatial_dims=2,
        name="red",
    )
)


@pytest.fixture
def red_model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model that finds what is red, without a network."""

    def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
        image = np.asarray(request.image[:, :])
        whole = Box(0, 0, *image.shape[:2])
        yield TileDone(whole, image[..., 0], 1, 1)
        yield Notice("predicted")
        return Prediction((image[None, ..., 0] > 127).astype(np.float32), whole)

    monkeypatch.setattr(module, "predict", predict)
    return RED_IS_TISSUE


def labels(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    made = np.zeros((40, 50), np.int32)
    for number, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        made[y0:y1, x0:x1] = number
    return made


def red(mask: np.ndarray) -> np.ndarray:
    picture = np.zeros((*mask.shape, 3), np.uint8)
    picture[..., 0] = np.where(mask > 0, 255, 0)
    return picture


TRUTH = labels((2, 2, 12, 12), (20, 20, 30, 40))
HALF = labels((2, 2, 12, 7))


def folders(tmp_path: Path, **fields: tuple[np.ndarray, np.ndarray]) -> dict[str, Path]:
    """Write image (what the red model finds) and truth of every field."""
    where = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    for folder in where.values():
        folder.mkdir()
    for stem, (found, truth) in fields.items():
        Image.fromarray(red(found)).save(where["images"] / f"{stem}.png")
        Image.fromarray(truth.astype(np.uint8)).save(where["labels"] / f"{stem}_anno.png")
    return where


def test_scores_are_those_of_the_metrics(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, good=(TRUTH, TRUTH), half=(HALF, TRUTH))
    result = run(evaluate(EvaluateRequest(red_model, **where)))
    assert result["n"] == 2
    assert result["protocol"] == "native"
    # half: 50 of 100 + 200 pixels; the object is covered by exactly half
    dice_half = 2 * 50 / (50 + 300)
    assert result["metrics"]["dice"]["mean"] == pytest.approx((1 + dice_half) / 2)
    assert result["metrics"]["dice"]["low"] == pytest.approx(dice_half)
    assert result["metrics"]["dice"]["high"] == 1.0
    assert result["metrics"]["object_f1"]["mean"] == pytest.approx((1 + 2 / 3) / 2)
    assert result["metrics"]["aji"]["mean"] == pytest.approx((1 + 50 / 300) / 2)


def test_the_document_is_exactly_the_promised_json(tmp_path: Path, red_model: Any) -> None:
    result = run(evaluate(EvaluateRequest(red_model, **folders(tmp_path, a=(TRUTH, TRUTH)))))
    read = json.loads(json.dumps(result, allow_nan=False))
    assert list(read) == ["n", "protocol", "metrics"]
    assert list(read["metrics"]) == [
        "dice",
        "iou",
        "object_f1",
        "object_dice",
        "object_hausdorff",
        "aji",
        "pq",
    ]
    assert all(list(value) == ["mean", "low", "high"] for value in read["metrics"].values())


def test_nothing_found_where_nothing_is_counts_as_right(red_model: Any) -> None:
    image = LabelledImage("empty", red(labels()), labels(), UM)
    values = run(evaluate_pairs(red_model, [image])).images[0].values
    assert values.pop("object_hausdorff") == 0.0
    assert set(values.values()) == {1.0}


def test_a_mask_of_one_value_is_compared_by_components(red_model: Any) -> None:
    image = LabelledImage("mask", red(TRUTH), (TRUTH > 0).astype(np.int32), UM)
    assert run(evaluate_pairs(red_model, [image])).images[0].values["object_f1"] == 1.0


def test_the_table_names_stems_and_sources(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH), b=(HALF, TRUTH))
    resolution = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    (where["images"] / "a.png").unlink()
    tifffile.imwrite(where["images"] / "a.tif", red(TRUTH), **resolution)
    output = tmp_path / "new" / "scores.csv"
    texts = {name: str(path) for name, path in where.items()}
    run(evaluate(EvaluateRequest(red_model, **texts, output=str(output))))
    assert str(tmp_path) not in output.read_text()
    with output.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["image", "protocol", "um_per_px", "um_per_px_source", *METRICS]
    told = [(r["image"], r["protocol"], r["um_per_px"], r["um_per_px_source"]) for r in rows]
    assert told == [("a", "native", "0.5", "file"), ("b", "native", "1", "model")]
    assert [float(row["iou"]) for row in rows] == [1.0, pytest.approx(50 / 300, rel=1e-5)]


def test_a_table_that_cannot_be_made_is_told_before_the_work(
    tmp_path: Path, red_model: Any
) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH))
    (tmp_path / "file").touch()
    job = evaluate(
        EvaluateRequest(red_model, **where, output=tmp_path / "file" / "new" / "scores.csv")
    )
    with pytest.raises(WriteError):
        next(job)


def test_the_option_wins_and_silences_the_warning(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH), b=(TRUTH, TRUTH))
    notices: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Notice) and event.message != "predicted":
            notices.append(event.message)

    run(evaluate(EvaluateRequest(red_model, **where)), note)
    assert len(notices) == 1
    assert "a.png states no pixel size" in notices.pop()
    output = tmp_path / "scores.csv"
    run(evaluate(EvaluateRequest(red_model, **where, um_per_px=0.62005, output=output)), note)
    assert notices == []
    assert "a,native,0.62005,option,1" in output.read_text()


def test_images_without_labels_are_left_out_and_counted(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH), b=(TRUTH, TRUTH))
    (where["labels"] / "b_anno.png").unlink()
    events: list[Event] = []
    assert run(evaluate(EvaluateRequest(red_model, **where)), events.append)["n"] == 1
    assert events[0] == Notice("1 images have no label file and are left out.")


def test_what_was_assumed_while_reading_is_told(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH))
    deep = np.where(TRUTH > 0, 4000, 0).astype(np.uint16)  # grey: shown stretched to 8 bits
    tifffile.imwrite(where["images"] / "a.tif", deep)
    (where["images"] / "a.png").unlink()
    events: list[Event] = []
    run(evaluate(EvaluateRequest(red_model, **where, um_per_px=1.0)), events.append)
    assert any("a.tif" in event.message for event in events if isinstance(event, Notice))


def test_progress_counts_images_and_passes_notices(red_model: Any) -> None:
    images = [LabelledImage(stem, red(TRUTH), TRUTH, UM) for stem in "ab"]
    events: list[Event] = []
    run(evaluate_pairs(red_model, images), events.append)
    assert [e.done for e in events if isinstance(e, Progress)] == [0, 0, 1, 1]
    assert all(e.total == 2 for e in events if isinstance(e, Progress))
    assert events.count(Notice("predicted")) == 2


def test_closing_ends_the_prediction_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def predict(_: PredictRequest) -> Generator[Event, None, Prediction]:
        try:
            while True:
                yield Progress(0, 1)
        finally:
            ended.append(True)

    monkeypatch.setattr(module, "predict", predict)
    job = evaluate_pairs(RED_IS_TISSUE, [LabelledImage("a", red(TRUTH), TRUTH, UM)])
    next(job)
    next(job)
    job.close()
    assert ended == [True]


def test_224_dilates_prediction_and_truth_alike(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, ids=(TRUTH, TRUTH), mask=(TRUTH, (TRUTH > 0) * 255))
    output = tmp_path / "scores.csv"
    request = EvaluateRequest(red_model, **where, protocol="uctransnet224", output=output)
    result = run(evaluate(request))
    assert result["protocol"] == "uctransnet224"
    with output.open(newline="") as stream:
        ids, mask = list(csv.DictReader(stream))
    assert float(mask["dice"]) == 1.0
    assert float(ids["dice"]) > 0.97  # small ids round away where a trace of 255 stays


def test_in_memory_truth_counts_as_0_and_255(red_model: Any) -> None:
    images = [
        LabelledImage("a", red(TRUTH), TRUTH, UM),
        LabelledImage("b", red(TRUTH), TRUTH, UM, mask8=np.uint8(255) * (TRUTH > 0)),
    ]
    a, b = run(evaluate_pairs(red_model, images, "uctransnet224")).images
    assert a.values == b.values


def test_images_may_be_loaded_one_by_one(red_model: Any) -> None:
    class Lazy:
        loaded = 0

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> LabelledImage:
            if index == 3:
                raise IndexError
            self.loaded += 1
            return LabelledImage(str(index), red(TRUTH), TRUTH, UM)

    lazy = Lazy()
    job = evaluate_pairs(red_model, lazy)
    next(job)
    assert lazy.loaded == 1
    assert [image.stem for image in run(job).images] == ["0", "1", "2"]


def test_bad_requests_are_told_in_one_sentence(tmp_path: Path, red_model: Any) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH))
    with pytest.raises(BadInputError, match="choose native or uctransnet224"):
        run(evaluate(EvaluateRequest(red_model, **where, protocol="mine")))
    with pytest.raises(WriteError, match="labels could not be written"):
        run(evaluate(EvaluateRequest(red_model, **where, output=where["labels"])))
    with pytest.raises(BadModelError, match="nowhere"):
        run(evaluate(EvaluateRequest("nowhere", **where)))
    with pytest.raises(BadInputError, match="no image to score"):
        run(evaluate_pairs(red_model, []))
    with pytest.raises(BadInputError, match="a and its labels differ in size"):
        run(evaluate_pairs(red_model, [LabelledImage("a", red(TRUTH), TRUTH[1:], UM)]))


def test_files_that_do_not_fit_are_named_and_nothing_is_written(
    tmp_path: Path, red_model: Any
) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH), b=(TRUTH, TRUTH[:30]))
    output = tmp_path / "scores.csv"
    with pytest.raises(BadInputError, match=r"b_anno\.png is 50 x 30 pixels but its image is 50 x"):
        run(evaluate(EvaluateRequest(red_model, **where, output=output)))
    assert not output.exists()
    (where["images"] / "b.png").unlink()
    with pytest.raises(BadInputError, match=r"b_anno\.png has no image"):
        run(evaluate(EvaluateRequest(red_model, **where)))
    Image.fromarray(TRUTH.astype(np.uint8)).save(where["labels"] / "b_anno.png")
    (where["images"] / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(BadInputError, match=r"b\.png"):
        run(evaluate(EvaluateRequest(red_model, **where)))


@pytest.mark.parametrize("changes", [{}, {"separation": "contour"}, {"classes": ["a", "b"]}])
def test_a_real_network_from_a_bundle(tmp_path: Path, changes: dict[str, Any]) -> None:
    where = folders(tmp_path, a=(TRUTH, TRUTH))
    bundle = tiny_bundle(tmp_path / "tiny.safetensors", **changes)
    for protocol in ("native", "uctransnet224"):
        request = EvaluateRequest(bundle, **where, protocol=protocol, device="cpu", um_per_px=1.0)
        values = run(evaluate(request))["metrics"]
        assert 0 <= values["iou"]["mean"] <= values["dice"]["mean"] <= 1


def test_real_glands_are_read_and_compared(
    shared_data: Path, tmp_path: Path, red_model: Any
) -> None:
    for name in ("train_1.bmp", "train_1_anno.bmp", "train_10.webp", "train_10_anno.png"):
        (tmp_path / name).symlink_to(shared_data / "glas" / name)
    result = run(evaluate(EvaluateRequest(red_model, tmp_path, tmp_path, um_per_px=0.62005)))
    assert result["n"] == 2
    assert 0 < result["metrics"]["iou"]["mean"] < 1


def test_of_several_classes_labels_hold_class_ids(
    monkeypatch: pytest.MonkeyPatch, red_model: Any
) -> None:
    def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
        yield Notice("predicted")
        picture = np.asarray(request.image[:, :]) > 127
        return Prediction(np.moveaxis(picture[..., :2], 2, 0).astype(np.float32), Box(0, 0, 40, 50))

    monkeypatch.setattr(module, "predict", predict)
    model = SimpleNamespace(card=SimpleNamespace(**{**vars(red_model.card), "n_classes": 2}))
    truth = np.minimum(labels((2, 2, 12, 12), (20, 20, 30, 40), (32, 2, 38, 12)), 2)
    picture = np.stack([truth == 1, truth == 2, truth < 0], axis=2) * np.uint8(255)
    right = run(evaluate_pairs(model, [LabelledImage("a", picture, truth, UM)])).images[0].values
    assert [right[name] for name in METRICS if "haus" not in name] == [1.0] * 6
    swapped = LabelledImage("a", picture[..., [1, 0, 2]], truth, UM)
    wrong = run(evaluate_pairs(model, [swapped])).images[0].values
    assert [wrong[name] for name in METRICS if "haus" not in name] == [0.0] * 6
    small = run(evaluate_pairs(model, [LabelledImage("a", picture, truth, UM)], "uctransnet224"))
    assert small.images[0].values["dice"] == 1.0
    run(evaluate_pairs(model, [LabelledImage("a", picture, truth * 3, UM)], "uctransnet224"))
    with pytest.raises(BadInputError, match="of b hold the value 3, but the model knows 2 classes"):
        run(evaluate_pairs(model, [LabelledImage("b", picture, truth + 1, UM)]))


@pytest.mark.parametrize("name", ["a.png", "a_mask.png"])
def test_the_table_never_replaces_what_is_scored(tmp_path: Path, red_model: Any, name: str) -> None:
    for file in ("a.png", "a_mask.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / file)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(BadInputError, match="would be replaced"):
        run(evaluate(EvaluateRequest(red_model, tmp_path, tmp_path, output=tmp_path / name)))
    assert (tmp_path / name).read_bytes() == before
