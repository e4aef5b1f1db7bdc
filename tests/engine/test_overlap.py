"""Labelling beside inference: the same objects, sooner, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.labelling_bands import BandLabeller
from napari_selfreg.core.objects import label_objects
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.events import Event, Progress, TileDone, run
from napari_selfreg.engine.growing import ObjectPlanes
from napari_selfreg.engine.overlap import THREAD_NAME, LabellingThread, predict_and_label
from napari_selfreg.engine.predict import PredictRequest
from napari_selfreg.engine.segment import ArraySegmentRequest, segment_array
from tests.engine.models import MEAN, STD, SmallNet, shake
from tests.engine.models import model_of as small_model_of

Rgb = npt.NDArray[np.uint8]
ONE = PixelSize.isotropic(1.0)
TILED = {"tile": 48, "halo": 8, "precision": "fp32", "device": "cpu"}


class Lazy:
    """A picture that is not in memory."""

    def __init__(self, pixels: Rgb) -> None:
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype

    def __getitem__(self, place: Any) -> Rgb:
        return self.pixels[place]


def labelling_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(THREAD_NAME)]


@pytest.fixture(autouse=True)
def _no_thread_survives() -> Iterator[None]:
    yield
    assert labelling_threads() == []


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "napari_selfreg.engine.segment.PredictRequest", partial(PredictRequest, tile=48, halo=8)
    )


def blobs(height: int = 230, width: int = 150, seed: int = 0) -> Rgb:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((height, width)), 4)
    grey = (128 + 90 * noise / noise.std()).clip(0, 255).astype(np.uint8)
    return np.stack([grey, 255 - grey, grey // 2], axis=-1)


def centred(network: nn.Module, classes: int) -> nn.Module:
    """Let about half of `blobs` be foreground, surely."""
    head = network.head
    head.weight.data *= 20
    pixels = torch.from_numpy(blobs().astype(np.float32) / 255).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    with torch.no_grad():
        head.bias.data -= network((pixels - mean) / std).mean((0, 2, 3))
    head.bias.data[1 : classes + 1] -= float(np.log(classes))
    return network


def model_of(
    norm: type[nn.Module] = nn.BatchNorm2d, *, classes: int = 1, contour: bool = True
) -> Any:
    torch.manual_seed(0)
    network = centred(shake(SmallNet(norm, channels=classes + 1 + contour)), classes)
    model = small_model_of(network, 2, classes=classes, contour=contour)
    model.card.n_classes = classes
    model.card.postprocessing = CHOSEN
    model.card.pixel_size = ONE
    return model


CHOSEN = PostProcessing(threshold=0.5, min_area_um2=4, max_hole_um2=30, separation=0.7)


def both(image: Rgb, model: Any, **options: Any) -> tuple[Any, Any]:
    """Return what the eager and the lazy way give."""
    eager, lazy = (
        run(segment_array(ArraySegmentRequest(source, ONE, model, device="cpu", **options)))
        for source in (image, Lazy(image))
    )
    return eager, lazy


def assert_same(eager: Any, lazy: Any) -> None:
    np.testing.assert_array_equal(lazy.probability, eager.probability)
    np.testing.assert_array_equal(lazy.labels, eager.labels)
    assert lazy.labels.dtype == np.int32
    assert lazy.box == eager.box
    assert eager.table.keys() == lazy.table.keys()
    for name, column in eager.table.items():
        np.testing.assert_array_equal(lazy.table[name], column)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, lambda n: nn.GroupNorm(2, n)])
@pytest.mark.parametrize("contour", [True, False])
def test_a_lazy_picture_has_the_objects_of_the_same_one_in_memory(norm: Any, contour: bool) -> None:
    """Also where tiles are averaged, so that rows become final only at the end."""
    model = model_of(norm, contour=contour)
    eager, lazy = both(blobs(), model)
    assert eager.labels.max() > 5
    assert_same(eager, lazy)


@pytest.mark.parametrize(
    "options",
    [
        {"focus": Box(150, 60, 220, 140)},
        {"region": Box(31, 20, 199, 141)},
        {"region": Box(31, 20, 199, 141), "focus": Box(150, 60, 220, 140)},
        {"tta": True, "uncertainty": True},
        {"settings": PostProcessing(separation=0, max_hole_um2=1e6)},
    ],
)
def test_options_change_nothing_about_that(options: dict[str, Any]) -> None:
    eager, lazy = both(blobs(), model_of(), **options)
    assert eager.labels.max() > 1
    assert_same(eager, lazy)
    if "uncertainty" in options:
        np.testing.assert_array_equal(lazy.uncertainty, eager.uncertainty)


def test_a_mask_and_several_classes() -> None:
    image = blobs()
    mask = np.random.default_rng(0).random(image.shape[:2]) < 0.9
    eager, lazy = both(image, model_of(classes=3), mask=mask)
    assert_same(eager, lazy)
    with pytest.raises(BadInputError, match="mask has"):
        both(image, model_of(), mask=mask[1:])


@pytest.mark.parametrize("um", [0.5, 1.3, 3.0])
def test_other_pixel_sizes_are_final_row_by_row_too(um: float) -> None:
    """Probabilities are resampled back before they count as final."""
    image, model, size = blobs(), model_of(), PixelSize.isotropic(um)
    request = PredictRequest(Lazy(image), size, model, **{**TILED, "tile": 40})  # type: ignore[arg-type]
    found, labels = run(predict_and_label(request, model, CHOSEN))
    planes = ObjectPlanes(found.probability, 1)(slice(None))
    np.testing.assert_array_equal(labels, label_objects(*planes, CHOSEN, size))
    assert labels.max() > 1


def test_a_prediction_that_was_ended_early_keeps_the_objects_of_its_rows() -> None:
    model, tiles = model_of(), 0

    def enough() -> bool:
        return tiles >= 6

    def count(event: Event) -> None:
        nonlocal tiles
        tiles += isinstance(event, TileDone)

    request = PredictRequest(Lazy(blobs()), ONE, model, **TILED)  # type: ignore[arg-type]
    found, labels = run(predict_and_label(request, model, CHOSEN, enough=enough), count)
    assert "Stopped early" in found.notes[0]
    planes = ObjectPlanes(found.probability, 1)(slice(None))
    np.testing.assert_array_equal(labels, label_objects(*planes, CHOSEN, ONE))
    assert labels.any()
    assert not labels[-20:].any()


def test_objects_are_labelled_while_tiles_are_still_to_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labelled: list[tuple[int, str]] = []
    label = BandLabeller._label

    def noted(self: BandLabeller, top: int, wanted: Any) -> None:
        labelled.append((top, threading.current_thread().name))
        label(self, top, wanted)

    monkeypatch.setattr(BandLabeller, "_label", noted)
    model, seen = model_of(), 0
    request = PredictRequest(Lazy(blobs()), ONE, model, **TILED)  # type: ignore[arg-type]
    for event in (job := predict_and_label(request, model, CHOSEN)):
        if isinstance(event, TileDone) and event.done == event.total - 1:
            deadline = time.monotonic() + 20
            while not labelled and time.monotonic() < deadline:
                time.sleep(0.005)
            seen = len(labelled)
    job.close()
    assert seen > 0
    assert len(labelled) > seen
    assert [top for top, _ in labelled] == sorted(top for top, _ in labelled)
    assert all(name.startswith(THREAD_NAME) for _, name in labelled)


@pytest.mark.parametrize("tiles", [1, 8, 15])
def test_cancelling_ends_the_thread(tiles: int) -> None:
    model = model_of()
    job = predict_and_label(PredictRequest(Lazy(blobs()), ONE, model, **TILED), model, CHOSEN)  # type: ignore[arg-type]
    for _ in range(tiles):
        next(job)
    job.close()
    assert labelling_threads() == []


class Slow:
    """A labeller that is never finished by itself."""

    def __init__(self) -> None:
        self.steps = 0

    def advance(self, known: int) -> Iterator[None]:
        while True:
            self.steps += 1
            time.sleep(0.002)
            yield

    def result(self) -> npt.NDArray[np.int32]:
        raise AssertionError("never finished")


def test_cancelling_while_only_labelling_is_left() -> None:
    labeller: Any = Slow()
    with LabellingThread(labeller, 10) as thread:
        thread.tell(5)
        job = thread.finish()
        assert next(job) == Progress(0, 0, "Separating objects")
        assert next(job) == Progress(0, 0, "Separating objects")
        job.close()
        assert labelling_threads()
    assert labelling_threads() == []
    steps = labeller.steps
    time.sleep(0.02)
    assert labeller.steps == steps > 0


class Failing:
    """A labeller that fails at its first rows."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.calls = error, 0

    def advance(self, known: int) -> Iterator[None]:
        self.calls += 1
        yield
        raise self.error

    def result(self) -> npt.NDArray[np.int32]:
        raise AssertionError("never finished")


@pytest.mark.parametrize("error", [BadInputError("One sentence."), MemoryError(), ValueError("v")])
def test_what_fails_in_the_thread_is_raised_by_the_job(error: BaseException) -> None:
    labeller: Any = Failing(error)
    with pytest.raises(type(error)) as caught, LabellingThread(labeller, 10) as thread:
        thread.tell(3)
        thread.tell(6)
        run(thread.finish())
    assert caught.value is error
    assert labeller.calls == 1  # nothing goes on after it


def test_a_failure_ends_the_prediction_at_the_next_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: BandLabeller, top: int, wanted: Any) -> None:
        raise BadInputError("These objects cannot be labelled: choose another model.")

    monkeypatch.setattr(BandLabeller, "_label", fails)
    model, done = model_of(), 0
    request = PredictRequest(Lazy(blobs(900, 60)), ONE, model, **TILED)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="choose another model"):
        for event in predict_and_label(request, model, CHOSEN):
            if isinstance(event, TileDone):
                done, total = event.done, event.total
                time.sleep(0.02)
    assert done < total


def test_a_failure_of_the_network_ends_the_thread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of()
    job = predict_and_label(PredictRequest(Lazy(blobs()), ONE, model, **TILED), model, CHOSEN)  # type: ignore[arg-type]
    next(job)
    with pytest.raises(RuntimeError, match="thrown"):
        job.throw(RuntimeError("thrown"))
    assert labelling_threads() == []


def test_a_picture_in_memory_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(LabellingThread, "__init__", never)
    run(segment_array(ArraySegmentRequest(blobs(), ONE, model_of(), device="cpu")))


def test_bad_pictures_are_refused_before_any_thread() -> None:
    model = model_of()
    for pixels, said in (
        (np.zeros((5, 5), np.uint8), "RGB"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
    ):
        with pytest.raises(BadInputError, match=said):
            run(segment_array(ArraySegmentRequest(Lazy(pixels), ONE, model, device="cpu")))
    outside = ArraySegmentRequest(Lazy(blobs()), ONE, model, region=Box(900, 0, 950, 9))
    for request in (outside, replace(outside, image=blobs())):
        with pytest.raises(BadInputError, match="outside"):
            run(segment_array(request))
