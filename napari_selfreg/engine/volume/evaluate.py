"""Job: score a model for volumes on cases with known truth."""

from __future__ import annotations

import csv
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Notice, Progress, retold
from napari_selfreg.engine.scores import EvaluationDocument
from napari_selfreg.engine.volume.cases import FileNotes
from napari_selfreg.engine.volume.labelling import to_labels
from napari_selfreg.engine.volume.predict import (
    Triple,
    VolumePrediction,
    VolumePredictRequest,
    model_for_volumes,
    predict_volume,
)
from napari_selfreg.engine.volume.scoring import PROTOCOL, volume_scores
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.sniff import PICTURE_SUFFIXES
from napari_selfreg.io.volume.datasets import (
    VolumeCase,
    open_volume_folder,
    pair_volumes,
    read_case,
)
from napari_selfreg.io.volume.grid import SpacingSource, Volume
from napari_selfreg.io.volume.names import VOLUME_SUFFIXES


@dataclass(frozen=True, slots=True)
class CaseScores:
    """Scores of one case, see `napari_selfreg.engine.volume.scoring.volume_scores`."""

    stem: str
    values: dict[str, float]
    spacing: Triple
    source: SpacingSource = "file"


@dataclass(frozen=True, slots=True)
class VolumeEvaluation:
    """Scores of a model on a set of cases."""

    cases: tuple[CaseScores, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, the means over classes first."""
        return tuple(self.cases[0].values)

    def document(self) -> EvaluationDocument:
        """Return means over cases with their 95 % bootstrap intervals, ready for JSON."""
        intervals = {
            name: mean_interval([case.values[name] for case in self.cases]) for name in self.names
        }
        return {
            "n": len(self.cases),
            "protocol": PROTOCOL,
            "metrics": {
                name: {"mean": one.mean, "low": one.low, "high": one.high}
                for name, one in intervals.items()
            },
        }

    def write(self, path: str | Path) -> None:
        """Write the scores of every case as CSV; cases are named by stem.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        with atomic_write(path, "w") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["image", "protocol", "spacing_mm", "spacing_source", *self.names])
            for case in self.cases:
                spacing = " ".join(f"{size:.6g}" for size in case.spacing)
                values = [f"{case.values[name]:.6g}" for name in self.names]
                writer.writerow([case.stem, PROTOCOL, spacing, case.source, *values])


def evaluate_volumes(
    model: Model | str | Path,
    images: str | Path,
    labels: str | Path,
    device: str = "auto",
    spacing: Triple | None = None,
) -> Generator[Event, None, VolumeEvaluation]:
    """Score a model on two folders of volumes and labels.

    Parameters
    ----------
    model : Model, str or Path
        For volumes.
    images, labels : str or Path
        Folders, paired by stem (``.nii.gz`` is one suffix). Where both are the same one it may
        also hold ``imagesTr`` and ``labelsTr``.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    spacing : (float, float, float), optional
        Millimetres per voxel along z, y and x, for files that do not state their place in space.

    Yields
    ------
    Progress, Notice

    Returns
    -------
    VolumeEvaluation

    Raises
    ------
    BadInputError
        If files do not pair, cannot be read, labels do not lie on their image, or hold a class
        that the model does not know.
    BadModelError
        If the bundle cannot be used or is for pictures.
    """
    model = model_for_volumes(model)
    require_volumes(images, model)
    cases, left_out = labelled_cases(images, labels)
    if left_out:
        yield Notice(f"{left_out} images have no label file and are left out.")
    scores, notes = [], FileNotes()
    for number, case in enumerate(cases):
        done = Progress(number, len(cases), "Comparing with the truth")
        yield done
        image, truth, sentences = read_case(case, spacing)
        for sentence in notes.add(case, sentences):
            yield Notice(sentence)
        _check_truth(case, truth, model)
        prediction = yield from _predicted(model, image, device, done)
        found = to_labels(prediction.probability, model.card.n_classes)
        values = volume_scores(found, truth, image.spacing, model.card.classes)
        scores.append(CaseScores(case.stem, values, image.spacing, image.source))
    for sentence in notes.sentences(least=2):
        yield Notice(sentence)
    return VolumeEvaluation(tuple(scores))


def require_volumes(folder: str | Path, model: Model) -> None:
    """Refuse a folder of pictures for a model of volumes.

    Raises
    ------
    BadInputError
        If the folder holds pictures and no volume.
    """
    files = [file for file in Path(folder).glob("*") if not file.name.startswith(".")]
    names = [file.name.lower() for file in files]
    pictures = any(name.endswith(PICTURE_SUFFIXES) for name in names)
    if pictures and not any(name.endswith(VOLUME_SUFFIXES) for name in names):
        raise BadInputError(
            f"{Path(folder).name} holds pictures and the model {model.card.name} is for volumes: "
            "choose a model for pictures, or a folder of volumes."
        )


def labelled_cases(images: str | Path, labels: str | Path) -> tuple[Sequence[VolumeCase], int]:
    """Return the cases of two folders, and how many images have no labels.

    Raises
    ------
    BadInputError
        If files do not pair, or there is none.
    """
    if Path(images).resolve() == Path(labels).resolve():
        return open_volume_folder(images).cases, 0
    cases, unlabelled = pair_volumes(images, labels)
    return cases, len(unlabelled)


def _check_truth(case: VolumeCase, truth: npt.NDArray[np.int32], model: Model) -> None:
    highest = int(truth[truth != IGNORE].max(initial=0))
    if highest > model.card.n_classes:
        raise BadInputError(
            f"{case.labels.name} holds the class {highest} and the model {model.card.name} knows "
            f"{model.card.n_classes}: choose labels of {', '.join(model.card.classes)}."
        )


def _predicted(
    model: Model, image: Volume, device: str, done: Progress
) -> Generator[Event, None, VolumePrediction]:
    """Predict a volume; its parts become the progress of the whole."""
    request = VolumePredictRequest(image.voxels, image.spacing, model, device=device)
    job = predict_volume(request)
    return (yield from retold(job, lambda event: event if isinstance(event, Notice) else done))
