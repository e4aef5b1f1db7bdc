"""What the job `look` takes and gives: the feature maps of a network and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.map_grid import MapGrid
from napari_selfreg.core.redundancy import BlockNumbers
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.bundles import Model

Floats = npt.NDArray[np.float32]
Kind = Literal["channel", "energy", "pca", "attention", "scr"]
KINDS: tuple[Kind, ...] = ("channel", "energy", "pca", "attention", "scr")
"""Pictures that `map_of` makes of a block."""


@dataclass(frozen=True, eq=False)
class Attention:
    """For what Grad-CAM is asked.

    Parameters
    ----------
    class_index : int
        Channel of the network's logits: 0 is the background, 1 the first class.
    mask : ndarray of bool, shape (y, x), optional
        Where that class is (a reviewed mask, one object), on the pixels of the request's region.
        By default where the network predicts it.
    """

    class_index: int = 1
    mask: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class InsideRequest:
    """Which network to look into, on what.

    Parameters
    ----------
    image : array-like of uint8, shape (Y, X, 3)
        RGB; numpy, or anything sliced into numpy. For a 3-D network a volume (Z, Y, X), or
        (Z, Y, X, C), already at the model's pixel size: intensities as stored, of any real type,
        where the model's card says ``intensity: volume`` (they are normalised over the whole
        volume, as in a segmentation), else colours from 0 to 255.
    pixel_size : PixelSize
        Micrometres per pixel of `image`.
    model : Model, str or Path
        A loaded model, or the name or file of a bundle.
    region : Box, optional
        The part to look at, in image pixels; all of it by default. Pixels around it are read too.
    blocks : tuple of str, optional
        Names such as ``("E1", "B", "D1")``; all by default.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    numbers : bool, default True
        Whether the numbers of each block are computed as well.
    attention : Attention, optional
        Ask for Grad-CAM too: needs the gradient, about three times the time.
    normalised : bool, default False
        Whether a volume holds what the network takes, so that nothing is done to its intensities.
        A segmentation normalises before it resamples; who resamples must do so as well.
    """

    image: ArrayLike
    pixel_size: PixelSize
    model: Model | str | Path
    region: Box | None = None
    blocks: tuple[str, ...] | None = None
    device: str = "auto"
    numbers: bool = True
    attention: Attention | None = None
    normalised: bool = False


@dataclass(frozen=True, eq=False)
class BlockMaps:
    """The feature maps of one block, and where they lie on the image.

    Parameters
    ----------
    block : str
        Its name.
    maps : ndarray of float16, shape (C, h, w) or (C, d, h, w)
        Activations; the context that was read around the region is cut off. A map pixel that
        lies in the region only in part is kept.
    scale : tuple of float
        Image pixels per map pixel along each axis, (y, x) or (z, y, x).
    translate : tuple of float
        Centre of the first map pixel, in image pixels; centres of image pixels are whole numbers.
    attention : ndarray of float32, shape (h, w) or (d, h, w), optional
        Grad-CAM, at least 0, not scaled; only if it was asked for.
    importance : ndarray of float32, shape (C,), optional
        Of each channel for the class asked for: its weight in Grad-CAM times its mean.
    mask : ndarray of float32, shape (h, w) or (d, h, w), optional
        Share of each map pixel that attention was asked for.
    last : ndarray of float32, shape (h, w) or (d, h, w), optional
        Mean channel of the last decoder block on this block's grid: what SCR pulls towards.
    """

    block: str
    maps: npt.NDArray[np.float16]
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    attention: Floats | None = None
    importance: Floats | None = None
    mask: Floats | None = None
    last: Floats | None = None

    @property
    def grid(self) -> MapGrid:
        """Where the map pixels lie."""
        return MapGrid(self.maps.shape[1:], self.scale, self.translate)


@dataclass(frozen=True, eq=False)
class Inside:
    """The result of `look`.

    Parameters
    ----------
    name : str
        The model's name.
    um_per_px : PixelSize
        What the network worked at, in micrometres per pixel.
    region : Box
        What was looked at, in image pixels.
    blocks : dict
        Maps by block name, in the order of the forward pass.
    numbers : dict
        Numbers by block name; empty if they were not asked for.
    notes : tuple of str
        What the person should know.
    pixel_size : PixelSize
        Micrometres per pixel of the image.
    classes : tuple of str
        Names of the foreground classes: logit channel 1 is the first.
    """

    name: str
    um_per_px: PixelSize
    region: Box
    blocks: dict[str, BlockMaps]
    numbers: dict[str, BlockNumbers] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pixel_size: PixelSize = field(default_factory=lambda: PixelSize.isotropic(1.0))
    classes: tuple[str, ...] = ()
