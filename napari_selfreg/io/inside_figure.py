"""The figure "what every block sees", in the manner of Figure 1 of SelfReg-UNet.

Drawn by matplotlib (imported when a figure is drawn): PDF and SVG with text that stays text, and a
script that others can change without this package, are what it is for. The script is
`io.figure_script` itself, so that it draws what was drawn here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io import figure_script
from napari_selfreg.io.atomic import atomic_paths

NARROWEST_MM = 60.0
"""Below this width the letters would overlap."""

WIDEST_MM = 1000.0
"""More than the poster of a conference."""

_MOST_PIXELS = 24_000
"""From left to right; twice as many would need 2 GB and more."""

_SUFFIXES = (*figure_script.FORMATS, "npz", "py")

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class FigureSide:
    """What is shown of one model.

    Parameters
    ----------
    name : str
        Of the model.
    picture : ndarray of uint8, shape (y, x, 3)
        Where it looks.
    overlays : mapping of str to ndarray of float, shape (h, w)
        By block, 0 or more (energy, attention), each covering all of the picture.
    shallow, deep : mapping of str to ndarray of float, shape (c, c)
        By block, similarity of the channels of the first and of the second half, from -1 to 1.
    shown : str, optional
        What the overlays are, such as ``"energy"``; the same for all models of a figure.
    """

    name: str
    picture: npt.NDArray[np.uint8]
    overlays: Mapping[str, Floats]
    shallow: Mapping[str, Floats] = field(default_factory=dict)
    deep: Mapping[str, Floats] = field(default_factory=dict)
    shown: str = "value"


def check_figure(width_mm: float, dpi: float) -> None:
    """Refuse a figure that cannot be drawn.

    Parameters
    ----------
    width_mm, dpi : float
        As for `write_inside_figure`.

    Raises
    ------
    BadInputError
        Saying what can be.
    """
    within = NARROWEST_MM <= width_mm <= WIDEST_MM and 0 < dpi <= 2400
    if not within or width_mm / figure_script.MM_PER_INCH * dpi > _MOST_PIXELS:
        raise BadInputError(
            f"A figure of {width_mm:g} mm at {dpi:g} dpi cannot be drawn: give {NARROWEST_MM:g} to "
            f"{WIDEST_MM:g} mm, and up to 2400 dpi and {_MOST_PIXELS} pixels from left to right."
        )


def write_inside_figure(
    folder: str | Path, sides: Sequence[FigureSide], width_mm: float = 180.0, dpi: float = 300.0
) -> dict[str, Path]:
    """Draw and write the figure, what it was drawn from and how.

    Parameters
    ----------
    folder : str or Path
        Gets figure.pdf, .svg, .png, .npz and .py; made if it does not exist.
    sides : sequence of FigureSide
        One row each; blocks of one name share a column and a colour scale.
    width_mm : float, optional
        Of the figure; 180 is two columns of most journals. The height follows.
    dpi : float, optional
        Of the PNG and of the pictures inside PDF and SVG.

    Returns
    -------
    dict of str to Path
        The files by suffix: ``pdf``, ``svg``, ``png``, ``npz``, ``py``.

    Raises
    ------
    BadInputError
        If there is nothing to draw, or width or dpi cannot be.
    WriteError
        If a file cannot be written; then none is.
    """
    if not sides or not any(side.overlays for side in sides):
        raise BadInputError("There is nothing to draw: look at one block at least.")
    check_figure(width_mm, dpi)
    arrays = figure_arrays(sides, width_mm, dpi)
    figure = figure_script.draw(arrays, width_mm)
    targets = figure_paths(folder)
    with atomic_paths(targets) as (*drawn, data, script):
        for kind, temporary in zip(figure_script.FORMATS, drawn, strict=True):
            figure_script.save(figure, temporary, kind, dpi)
        with data.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        script.write_text(inspect.getsource(figure_script), "utf-8")
    return dict(zip(_SUFFIXES, targets, strict=True))


def figure_paths(folder: str | Path) -> list[Path]:
    """Return the files that `write_inside_figure` writes."""
    return [Path(folder) / f"figure.{suffix}" for suffix in _SUFFIXES]


def figure_arrays(
    sides: Sequence[FigureSide], width_mm: float, dpi: float
) -> dict[str, npt.NDArray[Any]]:
    """Return what figure.npz holds, see `io.figure_script.draw`."""
    blocks = dict.fromkeys(block for side in sides for block in side.overlays)
    arrays: dict[str, npt.NDArray[Any]] = {
        "names": np.array([side.name for side in sides]),
        "blocks": np.array(list(blocks)),
        "shown": np.array(sides[0].shown),
        "width_mm": np.array(width_mm),
        "dpi": np.array(dpi),
    }
    for number, side in enumerate(sides):
        arrays[f"picture_{number}"] = np.asarray(side.picture, np.uint8)
        parts = zip(figure_script.KINDS, (side.overlays, side.shallow, side.deep), strict=True)
        for kind, maps in parts:
            for block, values in maps.items():
                if block in blocks and values.size:
                    arrays[f"{kind}_{number}_{block}"] = np.asarray(values, np.float32)
    return arrays
