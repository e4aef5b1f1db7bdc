"""Draw the figure "what every block of the network sees" from figure.npz, which lies beside it.

    python figure.py            # writes figure.pdf, figure.svg and figure.png anew
    python figure.py --width-mm 85 --dpi 600

Needs numpy and matplotlib, nothing else. Change what you like: sizes, colours, labels.

Rows are models, columns the blocks of the network from the first to the last (E: encoder,
B: bottleneck, D: decoder). Above, the picture and what each block shows on it, relative to nearly
the highest value (the 99.5th percentile) that the block has in any of the models. Below, how
alike the channels of each block are: the first ("shallow") and the second ("deep") half of its
channels, on one scale for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

PERCENTILE = 99.5
"""Of a block's values over all models: the upper end of its colour scale."""

OVERLAY_COLOURS, MATRIX_COLOURS = "inferno", "viridis"
LEFT_MM, RIGHT_MM, GAP_MM, HEAD_MM, NAME_MM, BAR_MM = 5.0, 14.0, 1.0, 6.0, 4.0, 2.5
BAR_LENGTH = 3.6  # millimetres per point of the letters
MM_PER_INCH = 25.4
FORMATS = ("pdf", "svg", "png")
KINDS = ("overlay", "shallow", "deep")
PANELS = ("overlays", "matrices")

Arrays = Mapping[str, Any]
Row = tuple[str, int, float]  # kind, number of the model (of a head: of the panel), height in mm


def main() -> None:
    """Draw the figure of this folder again."""
    folder = Path(__file__).resolve().parent
    with np.load(folder / "figure.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width-mm", type=float, default=float(arrays["width_mm"]))
    parser.add_argument("--dpi", type=float, default=float(arrays["dpi"]))
    options = parser.parse_args()
    figure = draw(arrays, options.width_mm)
    for kind in FORMATS:
        save(figure, folder / f"figure.{kind}", kind, options.dpi)


def draw(arrays: Arrays, width_mm: float) -> Any:
    """Return the figure.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``names``, ``blocks`` and ``shown`` (text: what the overlays are), and for model i and
        each block ``picture_i`` (y, x, 3) uint8, ``overlay_i_BLOCK`` (y, x), ``shallow_i_BLOCK``
        and ``deep_i_BLOCK`` (c, c); what a model lacks stays empty.
    width_mm : float
        Of the whole figure; the height follows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    names, blocks = [str(n) for n in arrays["names"]], [str(b) for b in arrays["blocks"]]
    columns = 1 + len(blocks)
    cell = (width_mm - LEFT_MM - RIGHT_MM - GAP_MM * (columns - 1)) / columns
    shapes = [arrays[f"picture_{side}"].shape for side in range(len(names))]
    tall = cell * min(3.0, max(shape[0] / shape[1] for shape in shapes))
    rows = _rows(arrays, len(names), blocks, tall, cell)
    height_mm = sum(height for _, _, height in rows) + GAP_MM
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))
    page = _Page(figure, width_mm, height_mm, cell)
    _draw_rows(page, arrays, names, blocks, rows)
    return figure


def save(figure: Any, target: Any, kind: str, dpi: float) -> None:
    """Write the figure with text as text, and without a date.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    target : path or binary stream
    kind : {"pdf", "svg", "png"}
    dpi : float
        Of the PNG and of the pictures inside the other two.
    """
    import matplotlib

    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
    # Type 42: letters stay letters in a drawing program. The salt makes the ids repeatable.
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "figure"}
    ):
        figure.savefig(target, format=kind, dpi=dpi, metadata=undated)


class _Page:
    """Places axes by millimetres from the upper left corner."""

    def __init__(self, figure: Any, width: float, height: float, cell: float) -> None:
        self.figure, self.width, self.height, self.cell = figure, width, height, cell
        self.points = float(np.clip(0.5 * cell, 4.5, 8.0))  # size of letters

    def axes(self, column: int, top: float, height: float) -> Any:
        """Return axes of one cell, without ticks."""
        left = LEFT_MM + column * (self.cell + GAP_MM)
        axes = self._axes(left, top, self.cell, height)
        axes.set_axis_off()
        return axes

    def bar(self, top: float, height: float, colours: Any, label: str) -> None:
        """Draw a colour bar at the right, no longer than its label needs."""
        left = self.width - RIGHT_MM + GAP_MM
        height = min(height, BAR_LENGTH * self.points)
        bar = self.figure.colorbar(colours, cax=self._axes(left, top, BAR_MM, height))
        bar.ax.tick_params(labelsize=self.points - 1, length=1.5, width=0.4, pad=1)
        bar.outline.set_linewidth(0.4)
        bar.set_label(label, size=self.points - 1, labelpad=1)

    def text(self, x: float, y: float, words: str, **style: Any) -> None:
        """Write words at a place in millimetres."""
        style = {"size": self.points, "ha": "center", "va": "center", **style}
        self.figure.text(x / self.width, 1 - y / self.height, words, **style)

    def _axes(self, left: float, top: float, width: float, height: float) -> Any:
        bottom = 1 - (top + height) / self.height
        box = (left / self.width, bottom, width / self.width, height / self.height)
        return self.figure.add_axes(box)


def _draw_rows(
    page: _Page,
    arrays: Arrays,
    names: Sequence[str],
    blocks: Sequence[str],
    rows: Sequence[Row],
) -> None:
    """Draw heads with their colour bars, names, and one row of pictures after the other."""
    limits = {block: _limit(arrays, len(names), block) for block in blocks}
    lowest = _lowest(arrays, len(names), blocks)
    labels = {"overlays": f"relative {arrays.get('shown', 'value')}", "matrices": "similarity"}
    top = 0.0
    for index, (kind, side, height) in enumerate(rows):
        if kind in PANELS:
            page.text(2.5, top + height / 2, "ab"[side], weight="bold", size=page.points + 2)
            _head(page, top + height / 2, blocks, with_picture=kind == "overlays")
            below = takewhile(lambda row: row[0] not in PANELS, rows[index + 1 :])
            room = sum(row[2] for row in below) - NAME_MM - GAP_MM
            _bar(page, top + height + NAME_MM, room, kind, lowest, labels[kind])
        elif kind == "name":
            page.text(LEFT_MM, top + height / 2, names[side], ha="left")
        elif kind == "overlay":
            page.axes(0, top, height).imshow(arrays[f"picture_{side}"])
        else:
            page.text(LEFT_MM + page.cell - GAP_MM, top + height / 2, kind, ha="right")
        for column, block in enumerate(blocks, start=1):
            values = arrays.get(f"{kind}_{side}_{block}")
            if values is None:
                continue
            axes = page.axes(column, top, height)
            if kind == "overlay":
                _overlay(axes, arrays[f"picture_{side}"], values / limits[block])
            else:
                axes.imshow(values, MATRIX_COLOURS, vmin=lowest, vmax=1, interpolation="nearest")
        top += height


def _rows(arrays: Arrays, sides: int, blocks: Sequence[str], tall: float, cell: float) -> list[Row]:
    """Return what lies below what, with its height in millimetres."""
    rows: list[Row] = []
    parts = zip(PANELS, (KINDS[:1], KINDS[1:]), (tall, cell), strict=True)
    for panel, (title, kinds, height) in enumerate(parts):
        shown = [
            (side, kind)
            for side in range(sides)
            for kind in kinds
            if any(f"{kind}_{side}_{block}" in arrays for block in blocks)
        ]
        if shown:
            rows.append((title, panel, HEAD_MM))
        for side, kind in shown:
            if kind == kinds[0] or (side, kinds[0]) not in shown:
                rows.append(("name", side, NAME_MM))
            rows.append((kind, side, height + GAP_MM))
    return rows


def _head(page: _Page, y: float, blocks: Sequence[str], with_picture: bool) -> None:
    for column, words in enumerate(["image" if with_picture else "", *blocks]):
        page.text(LEFT_MM + column * (page.cell + GAP_MM) + page.cell / 2, y, words)


def _bar(page: _Page, top: float, height: float, panel: str, lowest: float, label: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, colours = {
        "overlays": (0.0, OVERLAY_COLOURS),
        "matrices": (lowest, MATRIX_COLOURS),
    }[panel]
    page.bar(top, height, ScalarMappable(Normalize(low, 1), colours), label)


def _overlay(axes: Any, picture: Any, values: Any) -> None:
    """Show values over the picture in grey, so that colours mean one thing only."""
    height, width = picture.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(picture.mean(2), "gray", vmin=0, vmax=255, extent=extent)
    axes.imshow(values, OVERLAY_COLOURS, vmin=0, vmax=1, alpha=0.6, extent=extent)


def _limit(arrays: Arrays, sides: int, block: str) -> float:
    """Return the upper end of a block's scale, of all models together."""
    found = [arrays.get(f"overlay_{side}_{block}") for side in range(sides)]
    values = [np.asarray(each, np.float64).ravel() for each in found if each is not None]
    limit = float(np.percentile(np.concatenate(values), PERCENTILE)) if values else 0.0
    return limit if limit > 0 else 1.0


def _lowest(arrays: Arrays, sides: int, blocks: Sequence[str]) -> float:
    """Return the lower end of the scale of all matrices: 0, or -1 where one is negative."""
    keys = [f"{k}_{s}_{b}" for k in KINDS[1:] for s in range(sides) for b in blocks]
    negative = any(key in arrays and np.min(arrays[key], initial=0) < 0 for key in keys)
    return -1.0 if negative else 0.0


if __name__ == "__main__":
    main()
