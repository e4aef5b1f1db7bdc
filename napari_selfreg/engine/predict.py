"""Job: probabilities of each class for an image, on the image's own grid.

The image is resampled to the model's pixel size, cut into tiles, predicted, and the
**probabilities** are resampled back. Each tile is written as soon as it is done.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import (
    ArrayLike,
    model_shape,
    resample_region,
    resample_window,
)
from napari_selfreg.core.tiles import Tile, order_tiles, padded_shape, plan_tiles
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, TileDone
from napari_selfreg.nets.outputs import to_probabilities

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model

Floats = npt.NDArray[np.floating[Any]]

HALO = 64
TILE = 512


@dataclass(frozen=True)
class PredictRequest:
    """What to predict, with what.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        RGB; numpy, or anything sliced into numpy (read tile by tile).
    pixel_size : PixelSize
        Micrometres per pixel of `image`.
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    region : Box, optional
        The part to predict, in image pixels; all of it by default.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    focus : Box, optional
        The part on screen, in image pixels: predicted first.
    out : array-like, shape (K[+1], y, x), optional
        Where to write; a new float32 array by default. A memmap or zarr array keeps memory flat.
    """

    image: ArrayLike
    pixel_size: PixelSize
    model: Model | str | Path
    region: Box | None = None
    device: str = "auto"
    focus: Box | None = None
    out: Any = None


@dataclass(frozen=True)
class Prediction:
    """The result.

    Parameters
    ----------
    probability : ndarray of float, shape (K[+1], y, x)
        Probability of each foreground class, then of the contour where the model has one;
        on the image's grid, of `region`.
    region : Box
        What was predicted, in image pixels.
    notes : tuple of str
        What the person should know.
    """

    probability: Any
    region: Box
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Grid:
    """The two grids of a job: the image's and the model's."""

    image: tuple[int, int]
    model: tuple[int, int]

    def to_model(self, box: Box) -> Box:
        """Return the smallest box of model pixels that covers `box`."""
        y0, y1 = _scaled_range(box.y0, box.y1, self.image[0], self.model[0])
        x0, x1 = _scaled_range(box.x0, box.x1, self.image[1], self.model[1])
        return Box(y0, x0, y1, x1)

    def to_image(self, box: Box) -> Box:
        """Return the image pixels whose centre lies in a box of model pixels."""
        y0, y1 = (_first_inside(v, self.image[0], self.model[0]) for v in (box.y0, box.y1))
        x0, x1 = (_first_inside(v, self.image[1], self.model[1]) for v in (box.x0, box.x1))
        return Box(y0, x0, y1, x1)

    @property
    def margin(self) -> int:
        """Model pixels beyond a core that its image pixels are interpolated from."""
        if self.image == self.model:
            return 0
        ratios = [m / i for m, i in zip(self.model, self.image, strict=True)]
        return int(np.ceil(max(1.0, *ratios))) + 1


def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
    """Predict an image; yields `TileDone` for every tile.

    Returns
    -------
    Prediction

    Raises
    ------
    BadInputError
        If the image is not (Y, X, 3) or the region lies outside it.
    DeviceError
        If the device does not exist.
    """
    shape = _image_shape(request.image)
    region = Box(0, 0, *shape) if request.region is None else request.region
    region = region.intersect(Box(0, 0, *shape))
    if region.empty:
        raise BadInputError("The region lies outside the image: choose a part of the image.")
    device = resolve_device(request.device)
    model = _loaded(request.model)
    card = model.card
    grid = _Grid(shape, model_shape(shape, request.pixel_size, PixelSize(*card.um_per_px)))
    stride = int(model.tapspec.size_multiple)
    limits = padded_shape(grid.model, stride)
    tiles = plan_tiles(
        limits, grid.to_model(region), tile=(TILE, TILE), halo=HALO + grid.margin, stride=stride
    )
    focus = None if request.focus is None else grid.to_model(request.focus)
    n_classes = len(card.classes)
    channels = n_classes + (card.separation == "contour")
    out = request.out
    if out is None:
        out = np.zeros((channels, *region.shape), np.float32)
    network = model.network.to(device).eval()
    for done, tile in enumerate(order_tiles(tiles, focus), start=1):
        pixels = _read_window(request.image, grid, tile.window)
        values = _forward(network, pixels, card, device)
        box = grid.to_image(tile.core).intersect(region)
        if box.empty:
            continue
        part = _to_image_grid(values, tile, grid, box)
        target = box.shift(-region.y0, -region.x0)
        out[:, target.slices[0], target.slices[1]] = part
        preview = np.clip(part[:n_classes].sum(axis=0) * 255 + 0.5, 0, 255).astype(np.uint8)
        yield TileDone(box, preview, done, len(tiles))
    return Prediction(out, region)


def _forward(network: torch.nn.Module, pixels: Floats, card: Any, device: torch.device) -> Floats:
    with torch.inference_mode():
        mean = np.asarray(card.normalisation.mean, np.float32)
        std = np.asarray(card.normalisation.std, np.float32)
        values = (pixels.astype(np.float32) / 255 - mean) / std
        batch = torch.from_numpy(values).permute(2, 0, 1)[None].contiguous().to(device)
        logits = network(batch)
        return to_probabilities(logits, len(card.classes), card.separation)[0].cpu().numpy()


def _to_image_grid(values: Floats, tile: Tile, grid: _Grid, box: Box) -> Floats:
    """Cut or resample a window's probabilities (C, y, x) to the image pixels of `box`."""
    if grid.image == grid.model:
        rows, columns = box.shift(-tile.window.y0, -tile.window.x0).slices
        return values[:, rows, columns]
    return np.stack([resample_window(v, tile.window, grid.model, grid.image, box) for v in values])


def _read_window(image: ArrayLike, grid: _Grid, window: Box) -> npt.NDArray[Any]:
    """Return the model-grid pixels of a window, reflected beyond the image."""
    inside = window.intersect(Box(0, 0, *grid.model))
    pixels = resample_region(image, grid.model, inside)
    pad = ((0, window.y1 - inside.y1), (0, window.x1 - inside.x1), (0, 0))
    return np.pad(pixels, pad, mode="reflect") if any(p[1] for p in pad) else pixels


def _loaded(model: Model | str | Path) -> Model:
    if isinstance(model, str | Path):
        from napari_selfreg.engine.bundles import load_model

        return load_model(model)
    return model


def _image_shape(image: ArrayLike) -> tuple[int, int]:
    if len(image.shape) != 3 or image.shape[2] != 3:
        raise BadInputError(
            f"An RGB image (Y, X, 3) is needed, this one has shape {tuple(image.shape)}."
        )
    if 0 in image.shape:
        raise BadInputError("The image has no pixels.")
    return image.shape[0], image.shape[1]


def _scaled_range(start: int, stop: int, n_from: int, n_to: int) -> tuple[int, int]:
    """Return the range of the other grid that the pixels lie in."""
    first = start * n_to // n_from
    last = -(-stop * n_to // n_from)
    return max(0, first), min(n_to, max(last, first + 1))


def _first_inside(edge: int, n_image: int, n_model: int) -> int:
    """Return the first image pixel whose centre is at or beyond a model pixel's edge."""
    # centre (i + 0.5) * n_model / n_image >= edge, in whole numbers
    return max(0, -(-(2 * edge * n_image - n_model) // (2 * n_model)))
