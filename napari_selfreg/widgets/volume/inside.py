"""Look inside for volumes: the job, and where its maps lie on the layer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.volume.grid import Spacing
from napari_selfreg.widgets.inside.looking import Looked, LookRequest, Source, Target, names_of
from napari_selfreg.widgets.segment_job import start_engine
from napari_selfreg.widgets.volume.layers import VolumeView, in_words, place_on, volume_of

if TYPE_CHECKING:
    from napari_selfreg.engine.inside_types import BlockMaps, Inside

NO_FOLLOWING = "A volume is looked at whole: there is nothing to follow."

_UM_PER_MM = 1000.0


def take_look(
    layer: Any, sources: tuple[Source, ...], device: str, *, numbers: bool, attention: bool
) -> LookRequest:
    """Return the snapshot for a look at a volume.

    Raises
    ------
    BadInputError
        If the layer is no volume.
    """
    view = volume_of(layer)
    _, rows, columns = view.shape
    size = PixelSize(view.spacing[1] * _UM_PER_MM, view.spacing[2] * _UM_PER_MM)
    return LookRequest(
        layer.unique_id,
        view,
        Box(0, 0, rows, columns),
        size,
        sources,
        names_of(sources),
        device,
        numbers=numbers,
        target=Target() if attention else None,
    )


def run_volume_look(request: LookRequest) -> Generator[Event, None, Looked]:
    """Look inside the models at a volume, one after the other.

    Returns
    -------
    Looked
        Its maps lie on the voxels of the layer, whatever the models' own voxel size is.
    """
    yield from start_engine()
    from napari_selfreg.core.volume.intensity import normalise
    from napari_selfreg.engine.inside import compare_blocks, look
    from napari_selfreg.engine.inside_types import Attention, InsideRequest

    view = request.picture
    assert isinstance(view, VolumeView)
    yield Progress(0, 0, "Reading the volume")
    voxels = normalise(view.read())
    insides: list[Inside] = []
    for source in request.sources:
        seen = as_seen(voxels, view.spacing, voxel_size(source))
        asked = InsideRequest(
            image=seen,
            pixel_size=request.pixel_size,
            model=source.model,
            device=request.device,
            numbers=request.numbers,
            attention=None if request.target is None else Attention(request.target.class_index),
            normalised=True,  # before it was resampled, as in a segmentation
        )
        found = yield from look(asked)
        blocks = {name: on_layer(maps, seen.shape, view.shape)
                  for name, maps in found.blocks.items()}  # fmt: skip
        insides.append(replace(found, blocks=blocks))
    alike: dict[str, float] = {}
    if len(insides) == 2 and request.numbers:
        yield Progress(0, 0, "Comparing both models")
        alike = compare_blocks(insides[0], insides[1])
    return Looked(request, tuple(insides), alike)


def voxel_size(source: Source) -> Spacing:
    """Return the millimetres per voxel that a network works at, along z, y and x."""
    z, y, x = (size / _UM_PER_MM for size in source.card.um_per_px)
    return z, y, x


def as_seen(
    voxels: npt.NDArray[np.float32], spacing: Spacing, wanted: Spacing
) -> npt.NDArray[np.float32]:
    """Return a volume at the voxel size of a network."""
    from napari_selfreg.core.volume.resample import resample

    return resample(voxels, spacing, wanted, 1)


def on_layer(maps: BlockMaps, seen: tuple[int, ...], shape: tuple[int, ...]) -> BlockMaps:
    """Place maps on the voxels of the layer instead of those that the network has seen."""
    ratio = [own / other for own, other in zip(shape, seen, strict=True)]
    scale = tuple(size * step for size, step in zip(maps.scale, ratio, strict=True))
    translate = tuple(
        (at + 0.5) * step - 0.5 for at, step in zip(maps.translate, ratio, strict=True)
    )
    return replace(maps, scale=scale, translate=translate)


def volume_map(
    layer: Any, view: VolumeView, values: npt.NDArray[Any], maps: BlockMaps
) -> dict[str, Any]:
    """Return data and place of a map, in the axes of its volume's layer.

    Parameters
    ----------
    layer : napari.layers.Image
        The volume as it lies now.
    view : VolumeView
    values : ndarray, shape (z, y, x) or (z, y, x, colours)
        The map.
    maps : BlockMaps
        Says where it lies on the voxels.
    """
    placed = place_on(layer, view.order, maps.scale, maps.translate)
    return {"data": view.as_layer(values), **placed}


def require_volume(image: Any) -> None:
    """Refuse what `look_inside` cannot show as a volume.

    Raises
    ------
    BadInputError
        If an array has not three axes of real numbers, or a layer is no volume.
    """
    if hasattr(image, "data_to_world"):
        volume_of(image)
        return
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if len(shape) != 3 or min(shape) < 2 or np.dtype(image.dtype).kind not in "biuf":
        raise BadInputError(
            "A network of three dimensions looks at a volume: give an array of numbers with the "
            "shape (slices, rows, columns)."
        )


def um_of(layer: Any) -> tuple[float, ...]:
    """Return the micrometres per voxel of a volume layer, along z, y and x."""
    return tuple(size * _UM_PER_MM for size in volume_of(layer).spacing)


def voxel_at(layer: Any, view: VolumeView, position: Any) -> tuple[float, float, float] | None:
    """Return the voxel (z, y, x) at a place of the world, None outside of the volume."""
    data = np.asarray(layer.world_to_data(np.asarray(position, np.float64)[-3:]))
    z, y, x = (float(data[axis]) for axis in view.order)
    inside = all(-0.5 <= at < n - 0.5 for at, n in zip((z, y, x), view.shape, strict=True))
    return (z, y, x) if inside else None


def scale_words(looked: Looked) -> str:
    """Return at which voxel size the models looked, each size once."""
    sizes = dict.fromkeys(in_words(voxel_size(each)) for each in looked.request.sources)
    return f"Seen at {' and '.join(sizes)} per voxel; each cube is one value of a block."
