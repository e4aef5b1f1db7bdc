"""Job: compare two models on the same labelled images."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_selfreg.engine.comparison import (
    ComparisonDocument,
    ModelComparison,
    write_differences,
)
from napari_selfreg.engine.evaluate import check_table, score_folders
from napari_selfreg.engine.events import Event
from napari_selfreg.engine.predict import model_for_pictures
from napari_selfreg.io.pixel_size import Um

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

__all__ = [
    "TABLE_NAME",
    "CompareRequest",
    "ComparisonDocument",
    "compare",
]

TABLE_NAME = "comparison.csv"


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """Which two models to compare, on what.

    Parameters
    ----------
    a, b : Model, str or Path
        Loaded models, or names or files of bundles. Each works at its own pixel size.
    images, labels : str or Path
        Folders, which may be the same; paired by stem, see `io.pairs`.
    um_per_px : float or (float, float), optional
        Pixel size of all images in µm, one number or y and x; wins over what the files state.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    output : str or Path, optional
        Folder for ``comparison.csv``, one row for each image.
    """

    a: Model | str | Path
    b: Model | str | Path
    images: str | Path
    labels: str | Path
    um_per_px: Um | None = None
    device: str = "auto"
    output: str | Path | None = None


def compare(request: CompareRequest) -> Generator[Event, None, ComparisonDocument]:
    """Compare two models, image by image.

    Scores are those of `evaluate` under the protocol ``native``. A difference is b - a: above 0,
    b scores higher, which is better for every metric but ``object_hausdorff``, a distance. The
    interval is a 95 % bootstrap over images, p that of the Wilcoxon signed-rank test, 1 where the
    models differ on no image or on one only.

    Parameters
    ----------
    request : CompareRequest

    Yields
    ------
    Progress, Notice

    Returns
    -------
    ComparisonDocument
        ``{"n", "metrics": {name: {"a", "b", "difference", "low", "high", "p"}}}``.

    Raises
    ------
    BadInputError
        If files do not pair, cannot be read, or an image and its label file differ in size.
    BadModelError
        If a bundle cannot be used, or is for volumes.
    WriteError
        If the CSV cannot be written.
    """
    table = Path(request.output) / TABLE_NAME if request.output is not None else None
    if table is not None:
        check_table(table, request.images, request.labels)
    a, b = yield from score_folders(
        [model_for_pictures(model) for model in (request.a, request.b)],
        request.images,
        request.labels,
        um_per_px=request.um_per_px,
        device=request.device,
    )
    comparison = ModelComparison(a, b)
    if table is not None:
        write_differences(table, comparison)
    return comparison.document()
