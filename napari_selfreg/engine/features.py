"""Job: what one or two models see in an image file, written as maps, numbers and a figure."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.channels import channel_similarity, halves, ifd_order
from napari_selfreg.core.map_grid import MapGrid, mean_onto
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Notice, Progress
from napari_selfreg.engine.inside import chosen_blocks, compare_blocks, look, map_of
from napari_selfreg.engine.inside_types import Attention, BlockMaps, Inside, InsideRequest, Kind
from napari_selfreg.engine.predict import model_for_pictures
from napari_selfreg.engine.segment import working_level
from napari_selfreg.io.apart import require_apart
from napari_selfreg.io.feature_files import (
    NUMBERS,
    NumbersRow,
    maps_path,
    numbers_document,
    write_maps,
    write_numbers,
)
from napari_selfreg.io.images import open_image
from napari_selfreg.io.inside_figure import (
    FigureSide,
    check_figure,
    figure_paths,
    write_inside_figure,
)
from napari_selfreg.io.outputs import check_writable, um_value
from napari_selfreg.io.pixel_size import Um


@dataclass(frozen=True)
class FeaturesRequest:
    """Which file to look at, with what, and where the results go.

    Parameters
    ----------
    image_path : str or Path
        An image or slide.
    models : tuple of Model
        One or two; each works at its own pixel size.
    output_dir : str or Path
        Folder for the results; made if it is missing.
    um_per_px : float, (float, float) or PixelSize, optional
        Pixel size in µm, one number or y and x; wins over what the file states.
    blocks : tuple of str, optional
        Names such as ``("E1", "B", "D1")``; all by default.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    width_mm, dpi : float
        Of the figure.
    """

    image_path: str | Path
    models: tuple[Model, ...]
    output_dir: str | Path
    um_per_px: Um | None = None
    blocks: tuple[str, ...] | None = None
    device: str = "auto"
    width_mm: float = 180.0
    dpi: float = 300.0


def features(request: FeaturesRequest) -> Generator[Event, None, dict[str, Any]]:
    """Look inside one or two models and write what was seen.

    Attention is asked for the model's first class, where the model predicts it; the figure shows
    it, or the energy of the blocks if a model finds nothing.

    Yields
    ------
    Progress or Notice
        As `look`.

    Returns
    -------
    dict
        ``image``; its ``um_per_px`` and ``um_per_px_source``; ``models``, each with ``model``,
        ``um_per_px``, ``maps`` (file by block) and ``numbers`` (by block, as in the table);
        ``outputs``: files ``numbers`` and ``figure``.

    Raises
    ------
    BadInputError
        If the image cannot be read or is too large for the memory, or the figure cannot be drawn.
    BadModelError, DeviceError, WriteError
        If a model is for volumes, or a model, the device or the folder cannot be used. Whether
        every model has the blocks is known before anything is computed.
    """
    for model in request.models:
        model_for_pictures(model)
    names = distinct_names([model.card.name for model in request.models])
    _check_outputs(request, names)  # before the first model has computed for minutes
    with open_image(request.image_path) as source:
        card = request.models[0].card
        choice = source.choose_pixel_size(request.um_per_px, card.pixel_size)
        for sentence in (*source.warnings, *filter(None, [choice.warning])):
            yield Notice(sentence)
        finest = min((model.card.pixel_size for model in request.models), key=lambda um: um.mean)
        level = working_level(source, choice.pixel_size, finest)  # coarser ones lose nothing
        y, x = source.downsamples[level]
        size = PixelSize(choice.pixel_size.y * y, choice.pixel_size.x * x)
        picture = np.asarray(source.read(level=level))
        insides: dict[str, Inside] = {}
        for name, model in zip(names, request.models, strict=True):
            insides[name] = yield from look(_question(request, picture, size, model))
        stem = source.stem
    maps: dict[str, dict[str, str]] = {}
    for name, inside in insides.items():
        yield Progress(len(maps), len(insides), "Writing the maps")
        maps[name] = _write_blocks(request.output_dir, name, inside)
    rows = _rows(insides)
    yield Progress(0, 0, "Drawing the figure")
    sides = figure_sides(insides, picture)
    figure = write_inside_figure(request.output_dir, sides, request.width_mm, request.dpi)
    table = write_numbers(request.output_dir, stem, choice, rows)
    return {
        "image": str(request.image_path),
        "um_per_px": um_value(choice.pixel_size),
        "um_per_px_source": choice.source,
        "models": [_described(name, insides[name], maps[name], rows) for name in names],
        "outputs": {
            "numbers": str(table),
            "figure": {kind: str(path) for kind, path in figure.items()},
        },
    }


def _check_outputs(request: FeaturesRequest, names: Sequence[str]) -> None:
    """Refuse a figure that cannot be drawn, blocks that a model lacks, files out of bounds."""
    check_figure(request.width_mm, request.dpi)
    folder, files = request.output_dir, [Path(request.output_dir) / NUMBERS]
    for name, model in zip(names, request.models, strict=True):
        blocks = chosen_blocks(model, request.blocks)
        files += [maps_path(folder, name, block) for block in blocks]
    require_apart([*files, *figure_paths(folder)], [request.image_path])
    check_writable(folder)


def _question(request: FeaturesRequest, image: Any, size: PixelSize, model: Model) -> InsideRequest:
    return InsideRequest(
        image=image,
        pixel_size=size,
        model=model,
        blocks=request.blocks,
        device=request.device,
        attention=Attention(class_index=1),
    )


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return names for files: versions of one model are counted."""
    return [
        name if name not in names[:i] else f"{name}-{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]


def _write_blocks(folder: str | Path, name: str, inside: Inside) -> dict[str, str]:
    um = inside.pixel_size.y, inside.pixel_size.x
    written = {}
    for block, seen in inside.blocks.items():
        (high, wide), (y, x) = seen.scale[-2:], seen.translate[-2:]
        path = maps_path(folder, name, block)
        write_maps(path, seen.maps, (high * um[0], wide * um[1]), (y * um[0], x * um[1]))
        written[block] = str(path)
    return written


def _rows(insides: dict[str, Inside]) -> list[NumbersRow]:
    alike = compare_blocks(*insides.values()) if len(insides) == 2 else {}
    return [
        NumbersRow(name, inside.um_per_px.mean, numbers, alike.get(block))
        for name, inside in insides.items()
        for block, numbers in inside.numbers.items()
    ]


def _described(
    name: str, inside: Inside, maps: dict[str, str], rows: Sequence[NumbersRow]
) -> dict[str, Any]:
    numbers = {row.numbers.block: numbers_document(row) for row in rows if row.model == name}
    return {"model": name, "um_per_px": inside.um_per_px.mean, "maps": maps, "numbers": numbers}


def figure_sides(insides: dict[str, Inside], picture: npt.NDArray[np.uint8]) -> list[FigureSide]:
    """Return the rows of the figure.

    Parameters
    ----------
    insides : dict
        What was seen, by the name that is shown.
    picture : ndarray of uint8, shape (y, x, 3)
        All of what was looked at.

    Returns
    -------
    list of FigureSide
        With attention if every model has some, else with energy.
    """
    attended = all(_attends(inside) for inside in insides.values())
    shown: Kind = "attention" if attended else "energy"
    sides = []
    for name, inside in insides.items():
        overlays, shallow, deep = {}, {}, {}
        for block, maps in inside.blocks.items():
            plane = map_of(shown, inside, block)
            overlays[block] = _covering(plane, maps, inside)
            similarity = channel_similarity(maps.maps)
            shallow[block], deep[block] = halves(similarity, ifd_order(maps.maps))
        sides.append(FigureSide(name, picture, overlays, shallow, deep, shown))
    return sides


def _attends(inside: Inside) -> bool:
    found = [maps.attention for maps in inside.blocks.values()]
    return all(one is not None for one in found) and any(np.any(one) for one in found)


def _covering(plane: npt.NDArray[Any], maps: BlockMaps, inside: Inside) -> npt.NDArray[np.float32]:
    """Return a picture of a block whose pixels cover the region evenly, none hanging over."""
    region = inside.region
    scale = tuple(side / n for side, n in zip(region.shape, plane.shape, strict=True))
    corner = (region.y0, region.x0)
    translate = tuple(at + step / 2 - 0.5 for at, step in zip(corner, scale, strict=True))
    target = MapGrid(plane.shape, scale, translate)
    covering: npt.NDArray[np.float32] = mean_onto(plane[None], maps.grid, target)[0]
    return covering
