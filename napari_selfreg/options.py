"""Options that several commands of the shell take."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated

import typer


class Protocol(StrEnum):
    """On which pixels a model is scored; it always sees an image at its own scale."""

    NATIVE = "native"
    UCTRANSNET224 = "uctransnet224"


class Precision(StrEnum):
    """How exactly a model computes."""

    AUTO = "auto"
    FULL = "fp32"


def positive(value: float | None) -> float | None:
    """Refuse what is no number above 0; a callback of typer."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter("give a number above 0")
    return value


JsonOption = Annotated[
    bool, typer.Option("--json", help="Write one JSON document to stdout, all else to stderr.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")
]
ModelOption = Annotated[
    str,
    typer.Option("--model", metavar="NAME|PATH", help="A bundled model or a .safetensors file."),
]
UmOption = Annotated[
    float | None,
    typer.Option(
        "--um-per-px",
        metavar="X",
        callback=positive,
        help="Micrometres per pixel of the images; wins over what the files state. Of volumes only "
        "where they do not state their place in space.",
    ),
]
OffsetOption = Annotated[
    str | None,
    typer.Option(
        "--offset",
        metavar="X,Y",
        help="Pixel of the slide at the upper left corner of the image: outlines are written in "
        "pixels of the slide. Tiles that QuPath has named are placed without it.",
    ),
]
DownsampleOption = Annotated[
    float | None,
    typer.Option(
        "--downsample",
        metavar="D",
        callback=positive,
        help="Pixels of the slide per pixel of the image.",
    ),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="Half precision where a short trial says it is faster (auto), or full precision "
        "always (fp32).",
    ),
]
