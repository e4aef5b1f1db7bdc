"""Job: score a model on images with known truth."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import PixelSize, UmSource
from napari_selfreg.engine.events import Event, Notice, Progress, retold
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict
from napari_selfreg.engine.protocols import (
    Comparison,
    Protocol,
    check_protocol,
    compare_classes,
    compare_native,
    compare_uctransnet224,
)
from napari_selfreg.engine.scores import (
    METRICS,
    Evaluation,
    EvaluationDocument,
    ImageScores,
    score,
    write_scores,
)
from napari_selfreg.engine.volume.evaluate import evaluate_volumes
from napari_selfreg.engine.volume.segment import require_picture_file, spacing_of
from napari_selfreg.io.apart import read_in, require_apart
from napari_selfreg.io.atomic import write_error
from napari_selfreg.io.images import ImageSource, PixelSizeChoice, open_image
from napari_selfreg.io.label_files import read_labels, read_mask8
from napari_selfreg.io.outputs import check_writable
from napari_selfreg.io.pairs import Pair, find_pairs
from napari_selfreg.io.pixel_size import Um

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

__all__ = [
    "METRICS",
    "EvaluateRequest",
    "Evaluation",
    "EvaluationDocument",
    "ImageScores",
    "LabelledImage",
    "check_table",
    "evaluate",
    "evaluate_pairs",
    "score_folders",
    "write_scores",
]


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What to score, on what.

    Parameters
    ----------
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    images, labels : str or Path
        Folders, which may be the same; paired by stem, see `io.pairs`.
    um_per_px : float or (float, float), optional
        Pixel size of all images in µm, one number or y and x; wins over what the files state. Of
        volumes the edge of a voxel, for files that do not state their place in space.
    protocol : {"native", "uctransnet224"}
        See `engine.protocols`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    output : str or Path, optional
        CSV to write, one row for each image.
    """

    model: Model | str | Path
    images: str | Path
    labels: str | Path
    um_per_px: Um | None = None
    protocol: str = "native"
    device: str = "auto"
    output: str | Path | None = None


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


def evaluate(request: EvaluateRequest) -> Generator[Event, None, EvaluationDocument]:
    """Score a model on two folders of images and label files.

    With a model for volumes the folders hold volumes, and the scores are those of
    `napari_selfreg.engine.volume.scoring.volume_scores`.

    Dice and IoU compare the foregrounds, the other metrics the objects. Where neither prediction
    nor truth holds anything an image scores 1 (a Hausdorff distance of 0); means are over images.
    With a model of several classes label files hold class ids, and the score of an image is the
    mean over the classes that are there or were found (``uctransnet224`` knows one foreground).

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
    if request.output is not None:
        check_table(Path(request.output), request.images, request.labels)
    model = _loaded(request.model)
    if model.card.spatial_dims == 3:
        return (yield from _of_volumes(request, model))
    for file in sorted(Path(request.images).glob("*")):
        require_picture_file(file, model)
    [evaluation] = yield from score_folders(
        [model],
        request.images,
        request.labels,
        um_per_px=request.um_per_px,
        protocol=protocol,
        device=request.device,
    )
    if request.output is not None:
        write_scores(request.output, evaluation)
    return evaluation.document()


def _of_volumes(
    request: EvaluateRequest, model: Model
) -> Generator[Event, None, EvaluationDocument]:
    if request.protocol != "native":
        raise BadInputError("Volumes are scored with the protocol native: choose that one.")
    spacing = spacing_of(request.um_per_px)
    evaluation = yield from evaluate_volumes(
        model, request.images, request.labels, request.device, spacing
    )
    if request.output is not None:
        evaluation.write(request.output)
    return evaluation.document()


def score_folders(
    models: Sequence[Model | str | Path],
    images: str | Path,
    labels: str | Path,
    *,
    um_per_px: Um | None = None,
    protocol: Protocol = "native",
    device: str = "auto",
) -> Generator[Event, None, list[Evaluation]]:
    """Score models on two folders, all of them on one image before the next is opened.

    Parameters
    ----------
    models : sequence of Model, str or Path
        Each works at its own pixel size.
    images, labels, um_per_px, protocol, device
        As in `EvaluateRequest`.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    list of Evaluation
        One for each model, in order; all hold the same images in the same order.

    Raises
    ------
    BadInputError
        If files do not pair, cannot be read, or an image and its label file differ in size.
    BadModelError
        If a bundle cannot be used.
    """
    pairing = find_pairs(images, labels)
    loaded = [_loaded(model) for model in models]
    if pairing.unlabelled:
        yield Notice(f"{len(pairing.unlabelled)} images have no label file and are left out.")
    scores: list[list[ImageScores]] = [[] for _ in loaded]
    warned: set[PixelSize] = set()
    for number, pair in enumerate(pairing.pairs):
        done = Progress(number, len(pairing.pairs), "Comparing with the truth")
        with open_image(pair.image) as source:
            for sentence in source.warnings:
                yield Notice(sentence)
            for model, rows in zip(loaded, scores, strict=True):
                choice = source.choose_pixel_size(um_per_px, model.card.pixel_size)
                if choice.warning is not None and choice.pixel_size not in warned:
                    warned.add(choice.pixel_size)
                    yield Notice(f"{choice.warning} This holds for every image without one.")
                image = _labelled(pair, source, choice, protocol)
                rows.append((yield from _score(model, image, protocol, device, done)))
    return [Evaluation(protocol, tuple(rows)) for rows in scores]


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
    _check_truth(image, model.card.n_classes if protocol == "native" else 1)
    yield done
    prediction = yield from _predicted(model, image, device, done)
    compared = _compare(model, image, protocol, prediction)
    return ImageScores(image.stem, score(*compared), image.pixel_size, image.source)


def _check_truth(image: LabelledImage, n_classes: int) -> None:
    """Refuse labels of another size, or object ids where several classes are asked for."""
    if tuple(image.rgb.shape[:2]) != image.truth.shape:
        raise BadInputError(
            f"{image.stem} and its labels differ in size: give labels of {image.rgb.shape[1]} x "
            f"{image.rgb.shape[0]} pixels."
        )
    top = int(image.truth.max(initial=0))
    if n_classes > 1 and top > n_classes:
        raise BadInputError(
            f"The labels of {image.stem} hold the value {top}, but the model knows {n_classes} "
            f"classes: give label files of class ids from 1 to {n_classes}."
        )


def _predicted(
    model: Model, image: LabelledImage, device: str, done: Progress
) -> Generator[Event, None, Prediction]:
    """Predict an image; its tiles become the progress of the whole."""
    job = predict(PredictRequest(image.rgb, image.pixel_size, model, device=device))
    return (yield from retold(job, lambda event: event if isinstance(event, Notice) else done))


def _compare(
    model: Model, image: LabelledImage, protocol: Protocol, prediction: Prediction
) -> tuple[Comparison, ...]:
    """Return one comparison, or one for each of several classes."""
    card, probability = model.card, prediction.probability
    classes: npt.NDArray[Any] = probability[: card.n_classes]
    if protocol == "uctransnet224":
        mask = image.mask8
        if mask is None:
            mask = np.where(image.truth > 0, 255, 0).astype(np.uint8)
        foreground = classes.sum(axis=0)
        return (compare_uctransnet224(foreground, mask, card.postprocessing.threshold),)
    contour = probability[card.n_classes] if card.separation == "contour" else None
    rest = contour, image.truth, card.postprocessing, image.pixel_size
    if len(classes) > 1:
        return compare_classes(classes, *rest)
    return (compare_native(classes[0], *rest),)


def _loaded(model: Model | str | Path) -> Model:
    if isinstance(model, str | Path):
        from napari_selfreg.engine.bundles import load_model

        return load_model(model)
    return model


def check_table(path: Path, *folders: str | Path) -> None:
    """Find out before the work whether the table can be written after it (WriteError if not).

    It must not be one of the files that are read in the folders (BadInputError).
    """
    require_apart([path], read_in(*folders))
    check_writable(path.parent)
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
