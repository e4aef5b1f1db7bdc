"""Numbers and matrices as files, with where they come from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QBuffer, QIODevice, QRectF, QSize
from qtpy.QtGui import QColor, QImage, QPainter
from qtpy.QtSvg import QSvgGenerator

from napari_selfreg import __version__
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.atomic import atomic_write
from napari_selfreg.io.bundle import sha256
from napari_selfreg.widgets.inside.fields_job import FieldNumbers
from napari_selfreg.widgets.inside.looking import Looked, Source
from napari_selfreg.widgets.inside.matrices import MatrixSettings
from napari_selfreg.widgets.inside.matrix_picture import MatrixPicture
from napari_selfreg.widgets.inside.numbers_table import CKA, COLUMNS

SUFFIXES = (".csv", ".png", ".svg")
_DIGITS = 12
_WIDTH, _MARGIN, _ENLARGED = 400, 6, 4
_PAPER, _INK = QColor("white"), QColor("black")


def save(path: Path, looked: Looked, picture: MatrixPicture, settings: MatrixSettings) -> Path:
    """Write numbers (CSV) or matrices (PNG, SVG), as the suffix says.

    Raises
    ------
    BadInputError
        If the suffix is another one.
    WriteError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInputError(f"Choose a name that ends in {', '.join(SUFFIXES)}.")
    if suffix == ".csv":
        data = numbers_csv(looked).encode()
    else:
        words = f"{provenance(looked)} {matrix_words(settings)}"
        data = png(picture, words) if suffix == ".png" else svg(picture, words)
    with atomic_write(path) as file:
        file.write(data)
    return path


def save_means(path: Path, measured: FieldNumbers) -> Path:
    """Write means over fields, a row per model, block and number; raises WriteError."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    head = ["model", "block", "number", "mean", "low", "high", "fields", "model_sha256"]
    table.writerow([*head, "software"])
    versions = dict(zip(measured.names, map(version_of, measured.sources), strict=False))
    groups = [*zip(measured.names, measured.means, strict=True)]
    alike = {block: {CKA.field: each} for block, each in measured.alike.items()}
    for name, means in [*groups, *([(" and ".join(measured.names), alike)] if alike else [])]:
        for block, numbers in means.items():
            for number, each in numbers.items():
                values = [f"{value:.6g}" for value in (each.mean, each.low, each.high)]
                row = [name, block, number, *values, measured.n, versions.get(name, "")]
                table.writerow([*row, f"napari-selfreg {__version__}"])
    with atomic_write(path) as file:
        file.write(stream.getvalue().encode())
    return path


def provenance(looked: Looked) -> str:
    """Return what was looked at, with what, in one line without paths."""
    request = looked.request
    models = " and ".join(
        f"{name} ({version_of(source)})"
        for name, source in zip(request.names, request.sources, strict=True)
    )
    box = request.box
    return (
        f"napari-selfreg {__version__}; {models}; image {Path(request.picture.name).name}, rows "
        f"{box.y0} to {box.y1}, columns {box.x0} to {box.x1}, "
        f"{request.pixel_size.mean:.4g} µm per pixel;"
    )


def version_of(source: Source) -> str:
    """Return the start of the SHA-256 of a bundle; a network that is no file has none."""
    return sha256(source.model)[:_DIGITS] if isinstance(source.model, Path) else "no file"


def matrix_words(settings: MatrixSettings) -> str:
    """Return how matrices were made."""
    measure = "correlation" if settings.centred else "cosine"
    order = {"ifd": "sorted as IFD does", "cluster": "alike ones together"}.get(
        settings.order, "as in the network"
    )
    return f"block {settings.block}, {measure} of channels, {order}."


def numbers_csv(looked: Looked) -> str:
    """Return a table with a row per model and block."""
    stream = io.StringIO()
    fields = ["channels", *(column.field for column in COLUMNS)]
    head = ["model", "model_sha256", "image", "y0", "x0", "y1", "x1", "um_per_px", "software"]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["block", *fields, CKA.field, *head])
    request, box = looked.request, looked.request.box
    for name, source, inside in zip(request.names, request.sources, looked.insides, strict=True):
        facts: list[Any] = [name, version_of(source), Path(request.picture.name).name]
        facts += [box.y0, box.x0, box.y1, box.x1, f"{request.pixel_size.mean:.6g}"]
        facts.append(f"napari-selfreg {__version__}")
        for row in _rows(inside.numbers, fields, looked.alike):
            table.writerow([*row, *facts])
    return stream.getvalue()


def _rows(
    numbers: Mapping[str, Any], fields: Sequence[str], alike: Mapping[str, float]
) -> list[list[Any]]:
    return [
        [
            block,
            *(_text(getattr(each, field)) for field in fields),
            _text(alike.get(block)),
        ]
        for block, each in numbers.items()
    ]


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.6g}"


def png(picture: MatrixPicture, words: str) -> bytes:
    """Return the matrices as a PNG file that says in its text where they come from."""
    size = _size(picture)
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(_PAPER)
    _paint(picture, image, size)
    image.setText("Description", words)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # PyQt takes no bytes
    return bytes(buffer.data().data())


def svg(picture: MatrixPicture, words: str) -> bytes:
    """Return the matrices as an SVG file with text that can be edited."""
    size = _size(picture)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    made = QSvgGenerator()
    made.setOutputDevice(buffer)
    made.setSize(size)
    made.setViewBox(QRectF(0, 0, size.width(), size.height()))
    made.setTitle("Similarity of channels")
    made.setDescription(words)
    _paint(picture, made, size)
    return bytes(buffer.data().data())


def _size(picture: MatrixPicture) -> QSize:
    return QSize(_WIDTH, picture.heightForWidth(_WIDTH) + 2 * _MARGIN) * _ENLARGED


def _paint(picture: MatrixPicture, device: Any, size: QSize) -> None:
    painter = QPainter(device)
    try:
        painter.scale(_ENLARGED, _ENLARGED)  # letters keep their size beside the squares
        inner = QRectF(0, 0, size.width() / _ENLARGED, size.height() / _ENLARGED)
        picture.draw(painter, inner.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), _INK)
    finally:
        painter.end()
