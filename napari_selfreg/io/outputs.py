"""The three files of a segmentation: label image, outlines and measurements.

If one of them cannot be written, none is replaced. All of them say which pixel size counted and
who stated it.
"""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize, PostProcessing, UmSource
from napari_selfreg.io.atomic import atomic_paths, write_error
from napari_selfreg.io.geojson import FeatureStyle, features, geojson_steps, six_digits
from napari_selfreg.io.own_files import SOFTWARE, is_own
from napari_selfreg.io.qupath_tiles import SlidePlace

OUTPUT_NAMES = {
    "objects": "{stem}_objects.tif",
    "geojson": "{stem}_objects.geojson",
    "measurements": "{stem}_measurements.csv",
}
"""Kind of output -> file name."""

CORRECTED = "corrected_by_hand"
"""Member of the files of objects that a person has changed."""

_GZIP_LEVEL = 5
_STEP = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result comes from; written into every output.

    Parameters
    ----------
    stem : str
        Name of the image without folders and suffix.
    model : str
        Name of the model.
    pixel_size : PixelSize
        Of the image at full resolution.
    source : {"option", "file", "model"}
        Who stated it.
    classes : sequence of str
        Foreground classes of the model.
    scale : (float, float)
        Full-resolution pixels per label pixel along y and x.
    place : SlidePlace, optional
        Where the image at full resolution lies on a slide, if it was cut from one: outlines are
        then in pixels of the slide.
    settings : PostProcessing, optional
        How probabilities became objects.
    version : str, optional
        Of the model, where one name has several.
    corrected : bool
        Whether a person has changed the objects by hand, or called them done in a project.
    device, precision : str
        What computed the objects, and how: half precision may move an outline by a pixel.
    """

    stem: str
    model: str
    pixel_size: PixelSize
    source: UmSource
    classes: Sequence[str]
    scale: tuple[float, float] = (1.0, 1.0)
    place: SlidePlace | None = None
    settings: PostProcessing | None = None
    version: str = ""
    corrected: bool = False
    device: str = ""
    precision: str = ""

    @property
    def image(self) -> str:
        """The stem as text of a file: names from other systems are not always UTF-8."""
        return self.stem.encode("utf-8", "replace").decode("utf-8")

    @property
    def um_per_px(self) -> float | list[float]:
        """One number for square pixels, else y and x."""
        return um_value(self.pixel_size)

    def members(self) -> dict[str, Any]:
        """Return what all outputs record, JSON-able."""
        return {
            "um_per_px": self.um_per_px,
            "um_per_px_source": self.source,
            "image": self.image,
            "model": self.model,
            "software": SOFTWARE,
            **({CORRECTED: True} if self.corrected else {}),
            **({"device": self.device} if self.device else {}),
            **({"precision": self.precision} if self.precision else {}),
            **self.setting_members(),
            **self._place_members(),
        }

    def setting_members(self) -> dict[str, float | str]:
        """Return how the objects were made: nothing for labels from elsewhere."""
        known: dict[str, float | str] = {"model_version": self.version} if self.version else {}
        settings = asdict(self.settings) if self.settings is not None else {}
        return known | {name: six_digits(value) for name, value in settings.items()}

    def outline_style(self) -> FeatureStyle:
        """Return how outlines are written."""
        place = (self.place or SlidePlace()).of_part(0, 0, self.scale)
        key = f"{self.image}\n{self.model}"
        return FeatureStyle(self.classes, key, place.downsample, (place.x, place.y))

    def _place_members(self) -> dict[str, Any]:
        if self.place is None:
            return {}
        y, x = self.place.downsample
        return {
            "slide_offset": [self.place.x, self.place.y],
            "slide_downsample": y if y == x else [y, x],
        }


def output_paths(directory: str | Path, stem: str, *, compressed: bool = False) -> dict[str, Path]:
    """Return the files that `write_results` makes for an image."""
    folder = Path(directory)
    paths = {kind: folder / name.format(stem=stem) for kind, name in OUTPUT_NAMES.items()}
    if compressed:
        paths["geojson"] = folder / f"{paths['geojson'].name}.gz"
    return paths


def check_distinct_stems(
    paths: Iterable[str | Path], stem_of: Callable[[Path], str] = lambda path: path.stem
) -> None:
    """Refuse images whose results would overwrite each other.

    Parameters
    ----------
    paths : iterable of path-like
        Images meant for one folder.
    stem_of : callable
        Tells what the names of an image's results begin with.

    Raises
    ------
    BadInputError
        Naming the first two of one name (capitals do not count: not every disk keeps them apart).
    """
    seen: dict[str, Path] = {}
    for path in map(Path, paths):
        other = seen.setdefault(stem_of(path).casefold(), path)
        if other is not path:
            raise BadInputError(
                f"{other} and {path} would write the same files: give their results different "
                "folders, or rename one of them."
            )


def check_writable(directory: str | Path) -> None:
    """Refuse a folder in which nothing can be written; make nothing.

    Parameters
    ----------
    directory : path-like
        Need not exist yet.

    Raises
    ------
    WriteError
        If it, or the folder it would be made in, is no folder or may not be written.
    """
    wanted = Path(directory)
    there = wanted.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        error: OSError = NotADirectoryError(errno.ENOTDIR, f"{there.name} is not a folder")
    elif not os.access(there, os.W_OK | os.X_OK):
        error = PermissionError(errno.EACCES, "no permission")
    else:
        return
    raise write_error(wanted, error)


def check_writable_file(path: str | Path) -> None:
    """Refuse a file that cannot be written; make nothing.

    Parameters
    ----------
    path : path-like
        Need not exist yet, nor need its folder.

    Raises
    ------
    WriteError
        If a folder has its name, or `check_writable` refuses the folder it is to lie in.
    """
    file = Path(path)
    if file.is_dir():
        taken = IsADirectoryError(errno.EISDIR, "a folder of that name is in the way")
        raise write_error(file, taken)
    check_writable(file.parent)


def write_results(
    directory: str | Path,
    objects: npt.NDArray[np.int32],
    table: Mapping[str, npt.NDArray[Any]],
    origin: Origin,
    *,
    compressed: bool = False,
) -> dict[str, Path]:
    """Write label image, outlines and measurements; existing ones are replaced together.

    Parameters
    ----------
    directory : path-like
        Made if it is missing.
    objects : ndarray of int32, shape (Y, X)
        Object ids, 0 = background.
    table : mapping of str to ndarray
        Columns of `measure_objects`, one row per id.
    origin : Origin
    compressed : bool
        Write outlines as ``.geojson.gz``.

    Returns
    -------
    dict
        ``objects``, ``geojson`` and ``measurements``: the files.

    Raises
    ------
    WriteError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    steps = results_steps(directory, objects, table, origin, compressed=compressed)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            targets: dict[str, Path] = end.value
            return targets


def results_steps(
    directory: str | Path,
    objects: npt.NDArray[np.int32],
    table: Mapping[str, npt.NDArray[Any]],
    origin: Origin,
    *,
    compressed: bool = False,
) -> Generator[int, None, dict[str, Path]]:
    """Write as `write_results` does; closing the generator leaves every file as it was.

    Yields
    ------
    int
        Outlines written so far, every `_STEP` of them.
    """
    targets = output_paths(directory, origin.stem, compressed=compressed)
    with atomic_paths(list(targets.values())) as (label_file, outline_file, table_file):
        _write_labels(label_file, objects, origin)
        with _text_stream(outline_file, compressed) as stream:
            texts = features(objects, table, origin.outline_style())
            for number in geojson_steps(stream, texts, origin.members()):
                if number % _STEP == 0:
                    yield number
        with table_file.open("w", encoding="utf-8", newline="") as stream:
            _write_table(stream, table, origin)
    _remove_twin(targets["geojson"])
    return targets


def _remove_twin(outlines: Path) -> None:
    """Remove what an earlier run wrote, compressed or not as this one did not: it holds no more."""
    packed = outlines.suffix == ".gz"
    twin = outlines.with_suffix("") if packed else outlines.with_name(f"{outlines.name}.gz")
    if is_own(twin):
        with suppress(OSError):  # the new files are there all the same
            twin.unlink()


@contextmanager
def _text_stream(path: Path, compressed: bool) -> Iterator[IO[str]]:
    """Open a file for text; compressed, it holds neither a time nor a name."""
    if not compressed:
        with path.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
    ):
        yield stream


def _write_labels(path: Path, objects: npt.NDArray[np.int32], origin: Origin) -> None:
    cm_per_px = [
        um * factor * 1e-4
        for um, factor in zip(
            (origin.pixel_size.x, origin.pixel_size.y), origin.scale[::-1], strict=True
        )
    ]
    tifffile.imwrite(
        path,
        np.ascontiguousarray(objects, dtype=np.int32),
        photometric="minisblack",
        compression="zlib",  # tifffile's name for deflate
        predictor=True,  # rows of one label become zeros
        resolution=(1 / cm_per_px[0], 1 / cm_per_px[1]),
        resolutionunit="CENTIMETER",
        description=json.dumps(origin.members()),
        software=SOFTWARE,
        metadata=None,
    )


def _write_table(stream: Any, table: Mapping[str, npt.NDArray[Any]], origin: Origin) -> None:
    """Write one row per object; ``label`` is its value in the label image."""
    writer = csv.writer(stream, lineterminator="\n")
    names = [name for name in table if name != "index"]
    settings = origin.setting_members()
    writer.writerow(["image", "label", *names, "um_per_px", "um_per_px_source", *settings])
    um_text = um_cell(origin.pixel_size)
    columns = [column_texts(table[name]) for name in names]
    for label, *values in zip(table["index"].tolist(), *columns, strict=True):
        writer.writerow([origin.image, label, *values, um_text, origin.source, *settings.values()])


def um_value(pixel_size: PixelSize) -> float | list[float]:
    """Return a pixel size for JSON: one number for square pixels, else y and x."""
    y, x = six_digits(pixel_size.y), six_digits(pixel_size.x)
    return y if y == x else [y, x]


def um_cell(pixel_size: PixelSize) -> str:
    """Return a pixel size for a cell of a table: one number for square pixels, else "y x"."""
    um = um_value(pixel_size)
    return repr(um) if isinstance(um, float) else " ".join(map(repr, um))


def column_texts(column: npt.NDArray[Any]) -> list[Any]:
    """Return the cells of a column: numbers to six digits, nothing where there is none."""
    if column.dtype.kind == "f":
        return [six_digits(value) if math.isfinite(value) else "" for value in column.tolist()]
    return list(column.tolist())
