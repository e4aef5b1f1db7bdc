"""Read the files of a result back, as `napari_selfreg.io.outputs` has written them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.totals import Totals
from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.io.fields import results_folder
from napari_selfreg.io.outputs import CORRECTED, output_paths

_TEXTS = ("class",)
_NOT_MEASURED = ("image", "label", "um_per_px", "um_per_px_source", "model_version")


@dataclass(frozen=True, slots=True, eq=False)
class SavedResult:
    """Objects of an image that were saved earlier.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X)
        Object ids.
    table : dict of str to ndarray
        Measurements, one row per object.
    pixel_size : PixelSize
        Of the image at full resolution.
    source : str
        Who stated it.
    model, version : str
        What has found the objects.
    settings : PostProcessing
        How probabilities became objects; the defaults where that was not recorded.
    corrected : bool
        Whether a person has changed the objects by hand.
    """

    labels: npt.NDArray[np.int32]
    table: dict[str, npt.NDArray[Any]]
    pixel_size: PixelSize
    source: str
    model: str
    version: str
    settings: PostProcessing
    corrected: bool = False


def read_saved(image: Path, directory: Path | None = None) -> SavedResult:
    """Read what was saved of an image.

    Parameters
    ----------
    image : Path
        The image.
    directory : Path, optional
        Where results lie; the usual folder beside the image without it.

    Returns
    -------
    SavedResult

    Raises
    ------
    BadInputError
        If there is nothing, or the files are none of ours or do not fit together.
    """
    paths = output_paths(directory or results_folder(image), image.stem)
    try:
        labels, members = _read_labels(paths["objects"])
        table = _read_table(paths["measurements"])
        found = SavedResult(
            labels,
            table,
            _pixel_size(members["um_per_px"]),
            str(members["um_per_px_source"]),
            str(members["model"]),
            str(members.get("model_version", "")),
            _settings(members),
            bool(members.get(CORRECTED)),
        )
    except MemoryError:  # the files are not to blame
        raise
    except Exception as error:  # decoders raise what they like on damaged files
        raise BadInputError(
            f"The saved results of {image.name} cannot be read: rename or delete them and "
            "segment it again."
        ) from error
    if not np.array_equal(np.unique(labels[labels > 0]), np.sort(table["index"])):
        raise BadInputError(
            f"The saved files of {image.name} do not belong together: segment it again."
        )
    return found


def is_saved(image: Path, directory: Path | None = None) -> bool:
    """Tell whether there is a file of saved objects of an image, whatever is in it."""
    return output_paths(directory or results_folder(image), image.stem)["objects"].is_file()


def saved_totals(image: Path, directory: Path | None = None) -> Totals | None:
    """Return the totals of what was saved of an image, without reading its pixels.

    Parameters
    ----------
    image, directory : Path
        As in `read_saved`.

    Returns
    -------
    Totals or None
        Of the whole label image; None where nothing of ours is saved, or it cannot be read.
    """
    import tifffile

    paths = output_paths(directory or results_folder(image), image.stem)
    try:
        with tifffile.TiffFile(paths["objects"]) as tiff:
            page = tiff.pages.first
            across, down = page.get_resolution("micrometer")
            region = page.imagelength * page.imagewidth / (float(across) * float(down))
        areas = np.asarray(_read_table(paths["measurements"])["area_um2"], dtype=np.float64)
    except Exception:  # noqa: BLE001 - damaged files fail in every way, and nothing is known then
        return None
    return Totals(len(areas), region, float(areas.sum()), areas)


def _read_labels(path: Path) -> tuple[npt.NDArray[np.int32], dict[str, Any]]:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        return page.asarray().astype(np.int32), dict(json.loads(page.tags[270].value))


def _read_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    settings = set(PostProcessing.__dataclass_fields__)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        names = list(rows.fieldnames or ())
        columns = list(rows)
    table: dict[str, npt.NDArray[Any]] = {
        "index": np.array([int(row["label"]) for row in columns], dtype=np.int32)
    }
    for name in names:
        if name in _NOT_MEASURED or name in settings:
            continue
        texts = [row[name] for row in columns]
        text = name in _TEXTS
        table[name] = np.array(texts if text else [float(each or "nan") for each in texts],
                               dtype=object if text else np.float64)  # fmt: skip
    return table


def _pixel_size(value: Any) -> PixelSize:
    return PixelSize(*value) if isinstance(value, list) else PixelSize.isotropic(float(value))


def _settings(members: dict[str, Any]) -> PostProcessing:
    known = {name: members[name] for name in PostProcessing.__dataclass_fields__ if name in members}
    return PostProcessing(**known)
