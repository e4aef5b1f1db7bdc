"""Job: score a model on images with known truth."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import numpy.typing as npt

from napari_selfreg.core import metrics
from napari_selfreg.core.bootstrap import Interval, mean_interval
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict
from napari_selfreg.engine.protocols import (
    Comparison,
    Protocol,
    check_protocol,
    compare_native,
    compare_uctransnet224,
)
from napari_selfreg.io.atomic import atomic_write, write_error
from napari_selfreg.io.images import ImageSource, PixelSizeChoice, open_image
from napari_selfreg.io.label_files import read_labels, read_mask8
from napari_selfreg.io.pairs import Pair, find_pairs

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

METRICS: Mapping[str, Callable[[npt.NDArray[np.int32], npt.NDArray[np.int32]], float]] = {
    "dice": metrics.dice,
    "iou": metrics.iou,
    "object_f1": metrics.object_f1,
    "object_dice": metrics.object_dice,
    "object_hausdorff": metrics.object_hausdorff,
    "aji": metrics.aji,
    "pq": metrics.pq,
}
"""Scores of one image by name; object_hausdorff in pixels of the evaluated grid."""


class IntervalDocument(TypedDict):
    """A mean over images with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class EvaluationDocument(TypedDict):
    """What `evaluate` returns, and the shell prints with ``--json``."""

    n: int
    protocol: str
    metrics: dict[str, IntervalDocument]


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What to score, on what.

    Parameters
    ----------
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    images, labels : Path
        Folders, which may be the same; paired by stem, see `io.pairs`.
    um_per_px : float, optional
        Pixel size of all images in µm; wins over what the files state.
    protocol : {"native", "uctransnet224"}
        See `engine.protocols`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    output : Path, optional
        CSV to write, one row for each image.
    """

    model: Model | str | Path
    images: Path
    labels: Path
    um_per_px: float | None = None
    protocol: str = "native"
    device: str = "auto"
    output: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image with its truth, in memory.

    Parameters
    ----------
    stem : str
        Name without folder and suffix.
    rgb : array-like of uint8, shape (y, x, 3)
        Numpy, or anything sliced into numpy.
    truth : ndarray of int32, shape (y, x)
        As `read_labels` gives it: nonzero = foreground, ids = objects.
    pixel_size : PixelSize
        Of the image.
    source : {"option", "file", "model"}
        Where the pixel size came from.
    mask8 : ndarray of uint8, shape (y, x), optional
        As `read_mask8` gives it, for ``uctransnet224``; by default 0 and 255.
    """

    stem: str
    rgb: ArrayLike
    truth: npt.NDArray[np.int32]
    pixel_size: PixelSize
    source: UmSource = "option"
    mask8: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class ImageScores:
    """All `METRICS` of one image, with the pixel size they were reached at."""

    stem: str
    values: Mapping[str, float]
    pixel_size: PixelSize
    source: UmSource


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of a model on a set of images, under one protocol."""

    protocol: Protocol
    images: tuple[ImageScores, ...]

    @property
    def intervals(self) -> dict[str, Interval]:
        """Mean over images with its 95 % bootstrap interval, for each of `METRICS`."""
        return {
            name: mean_interval([image.values[name] for image in self.images]) for name in METRICS
        }

    def document(self) -> EvaluationDocument:
        """Return plain numbers and texts, ready for JSON."""
        values: dict[str, IntervalDocument] = {
            name: {"mean": interval.mean, "low": interval.low, "high": interval.high}
            for name, interval in self.intervals.items()
        }
        return {"n": len(self.images), "protocol": self.protocol, "metrics": values}


def evaluate(request: EvaluateRequest) -> Generator[Event, None, EvaluationDocument]:
    """Score a model on two folders of images and label files.

    Dice and IoU compare the foregrounds, the other metrics the objects. Where neither prediction
    nor truth holds anything an image scores 1 (a Hausdorff distance of 0); means are over images.

    Parameters
    ----------
    request : EvaluateRequest

    Yields
    ------
    Progress, Notice

    Returns
    -------
    EvaluationDocument
        ``{"n", "protocol", "metrics": {name: {"mean", "low", "high"}}}``.

    Raises
    ------
    BadInputError
        If files do not pair, cannot be read, or an image and its label file differ in size.
    BadModelError
        If the bundle cannot be used.
    WriteError
        If the CSV cannot be written.
    """
    protocol = check_protocol(request.protocol)
    pairing = find_pairs(request.images, request.labels)
    if request.output is not None:
        _check_writable(request.output)
    model = _loaded(request.model)
    if pairing.unlabelled:
        yield Notice(f"{len(pairing.unlabelled)} images have no label file and are left out.")
    scores: list[ImageScores] = []
    warned = False
    for pair in pairing.pairs:
        with open_image(pair.image) as source:
            choice = source.choose_pixel_size(request.um_per_px, model.card.pixel_size)
            if choice.warning is not None and not warned:
                warned = True
                yield Notice(f"{choice.warning} This holds for every image without one.")
            image = _labelled(pair, source, choice, protocol)
            done = Progress(len(scores), len(pairing.pairs), "Comparing with the truth")
            scores.append((yield from _score(model, image, protocol, request.device, done)))
    evaluation = Evaluation(protocol, tuple(scores))
    if request.output is not None:
        write_scores(request.output, evaluation)
    return evaluation.document()


def evaluate_pairs(
    model: Model,
    images: Sequence[LabelledImage],
    protocol: Protocol = "native",
    *,
    device: str = "auto",
) -> Generator[Event, None, Evaluation]:
    """Score a model on images in memory.

    Parameters
    ----------
    model : Model
        Its network is moved to the device and put into evaluation mode.
    images : sequence of LabelledImage
        At least one; may load each item only when asked for it.
    protocol : {"native", "uctransnet224"}
        See `engine.protocols`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    Evaluation

    Raises
    ------
    BadInputError
        If there is no image, or an image and its truth differ in size.
    """
    if not len(images):
        raise BadInputError("There is no image to score: give at least one with its labels.")
    scores: list[ImageScores] = []
    for image in images:
        done = Progress(len(scores), len(images), "Comparing with the truth")
        scores.append((yield from _score(model, image, protocol, device, done)))
    return Evaluation(protocol, tuple(scores))


def write_scores(path: str | Path, evaluation: Evaluation) -> None:
    """Write the scores of every image as CSV; images are named by stem.

    Parameters
    ----------
    path : str or Path
        The table; replaced as a whole.
    evaluation : Evaluation

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "protocol", "um_per_px", "um_per_px_source", *METRICS])
        for image in evaluation.images:
            um = _um_text(image.pixel_size)
            values = [f"{image.values[name]:.6g}" for name in METRICS]
            writer.writerow([image.stem, evaluation.protocol, um, image.source, *values])


def _labelled(
    pair: Pair, source: ImageSource, choice: PixelSizeChoice, protocol: Protocol
) -> LabelledImage:
    return LabelledImage(
        stem=pair.stem,
        rgb=source.levels[0],
        truth=read_labels(pair.label, source.shape),
        pixel_size=choice.pixel_size,
        source=choice.source,
        mask8=read_mask8(pair.label, source.shape) if protocol == "uctransnet224" else None,
    )


def _score(
    model: Model, image: LabelledImage, protocol: Protocol, device: str, done: Progress
) -> Generator[Event, None, ImageScores]:
    """Score one image; every tile gives a chance to cancel."""
    if tuple(image.rgb.shape[:2]) != image.truth.shape:
        raise BadInputError(
            f"{image.stem} and its labels differ in size: give labels of {image.rgb.shape[1]} x "
            f"{image.rgb.shape[0]} pixels."
        )
    yield done
    prediction = yield from _predicted(model, image, device, done)
    compared = _compare(model, image, protocol, prediction)
    values = {name: metric(compared.prediction, compared.truth) for name, metric in METRICS.items()}
    return ImageScores(image.stem, values, image.pixel_size, image.source)


def _predicted(
    model: Model, image: LabelledImage, device: str, done: Progress
) -> Generator[Event, None, Prediction]:
    """Predict an image; its tiles become the progress of the whole."""
    job = predict(PredictRequest(image.rgb, image.pixel_size, model, device=device))
    with closing(job):
        while True:
            try:
                event = next(job)
            except StopIteration as stop:
                prediction: Prediction = stop.value
                return prediction
            yield event if isinstance(event, Notice) else done


def _compare(
    model: Model, image: LabelledImage, protocol: Protocol, prediction: Prediction
) -> Comparison:
    card, probability = model.card, prediction.probability
    foreground: npt.NDArray[Any] = probability[: card.n_classes].sum(axis=0)
    if protocol == "uctransnet224":
        mask = image.mask8
        if mask is None:
            mask = np.where(image.truth > 0, 255, 0).astype(np.uint8)
        return compare_uctransnet224(foreground, mask, card.postprocessing.threshold)
    contour = probability[card.n_classes] if card.separation == "contour" else None
    return compare_native(foreground, contour, image.truth, card.postprocessing, image.pixel_size)


def _loaded(model: Model | str | Path) -> Model:
    if isinstance(model, str | Path):
        from napari_selfreg.engine.bundles import load_model

        return load_model(model)
    return model


def _check_writable(path: Path) -> None:
    """Find out before the work whether the table can be written after it."""
    if not path.parent.is_dir():  # made together with the table
        return
    try:
        existed = path.exists()
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise write_error(path, error) from error


def _um_text(pixel_size: PixelSize) -> str:
    """Return one number where pixels are square, else "y x"."""
    sides = dict.fromkeys([f"{pixel_size.y:.6g}", f"{pixel_size.x:.6g}"])
    return " ".join(sides)
