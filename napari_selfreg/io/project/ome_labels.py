"""Label arrays as OME-Zarr 0.5 labels: one group per set, one single-scale image per field.

https://ngff.openmicroscopy.org/0.5/ (labels and image-label metadata). Written with zarr itself:
the set has no picture beside it, which is what the libraries for OME-Zarr expect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.io.atomic import flush_folder, write_error
from napari_selfreg.io.project.records import Labels

VERSION = "0.5"

_CHUNK = 1024

_WHOLE = "napari-selfreg: every chunk is written"
"""Zarr takes a chunk that is missing for background; with this one knows it was lost."""


def write_group(folder: Path, names: list[str]) -> None:
    """Make a folder the group of labels that it holds.

    Parameters
    ----------
    folder : Path
        New or empty.
    names : list of str
        Of the label images inside.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    import zarr

    with _telling(folder):
        zarr.create_group(folder, attributes={"ome": {"version": VERSION, "labels": names}})


def write_labels(
    folder: Path, labels: Labels, pixel_size: PixelSize, offset_um: tuple[float, float]
) -> None:
    """Write one label image.

    Parameters
    ----------
    folder : Path
        Inside a folder of `write_group`, named after the labels.
    labels : ndarray of int32, shape (Y, X)
        Object ids.
    pixel_size : PixelSize
        Of the labels, in micrometres.
    offset_um : (float, float)
        Where they begin on the image, along y and x.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    import zarr
    from zarr.codecs import ZstdCodec

    attributes = {"ome": _metadata(pixel_size, offset_um), _WHOLE: True}
    with _telling(folder):
        group = zarr.create_group(folder, attributes=attributes)
        chunks = (min(_CHUNK, labels.shape[0]), min(_CHUNK, labels.shape[1]))
        group.create_array(
            "0",
            data=np.ascontiguousarray(labels, np.int32),
            chunks=chunks,
            compressors=ZstdCodec(level=1, checksum=True),
            dimension_names=("y", "x"),
            config={"write_empty_chunks": True},
        )


def read_labels(folder: Path, shape: tuple[int, int]) -> Labels:
    """Read the label image that `write_labels` wrote.

    Parameters
    ----------
    folder : Path
        Of the label image.
    shape : (int, int)
        Rows and columns that it must have.

    Returns
    -------
    ndarray of int32, shape (Y, X)

    Raises
    ------
    FileNotFoundError
        If there is none.
    BadInputError
        If it is damaged.
    """
    import zarr

    if not (folder / "0" / "zarr.json").is_file():
        raise FileNotFoundError(folder)
    try:
        array: Any = zarr.open_array(folder / "0", mode="r")
        if array.shape != shape or array.dtype != np.int32:
            raise ValueError("the labels have another shape")
        told = zarr.open_group(folder, mode="r").attrs.get(_WHOLE)
        if told and array.nchunks_initialized != array.nchunks:
            raise ValueError("a part of the labels is missing")
        return np.array(array[...], np.int32)
    except Exception as error:  # whatever the codecs raise
        raise BadInputError(
            f"The labels in {folder.parent.name}/{folder.name} are damaged: put back a copy of the "
            "project."
        ) from error


def flush_tree(folder: Path) -> None:
    """Have the disk store everything in a folder; raises WriteError."""
    with _telling(folder):
        for place, _, names in os.walk(folder):
            for name in names:
                with (Path(place) / name).open("rb+") as stream:
                    os.fsync(stream.fileno())
            flush_folder(Path(place))
        flush_folder(folder.parent)


@contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """Turn the system's errors into sentences."""
    try:
        yield
    except OSError as error:
        raise write_error(folder, error) from error


def _metadata(pixel_size: PixelSize, offset_um: tuple[float, float]) -> Mapping[str, Any]:
    return {
        "version": VERSION,
        "multiscales": [
            {
                "axes": [
                    {"name": name, "type": "space", "unit": "micrometer"} for name in ("y", "x")
                ],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [
                            {"type": "scale", "scale": [pixel_size.y, pixel_size.x]},
                            {"type": "translation", "translation": list(offset_um)},
                        ],
                    }
                ],
            }
        ],
        "image-label": {"version": VERSION},
    }
