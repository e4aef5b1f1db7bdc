"""An opened image: its pyramid levels, its pixel size and what to tell the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.pixel_size import PixelSizeChoice, Um, plausible, resolve_pixel_size
from napari_selfreg.io.rgb import Rgb


class Level(Protocol):
    """What numpy arrays and lazy levels have in common: RGB pixels that can be sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(Y, X, 3)``."""

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""

    @property
    def ndim(self) -> int:
        """3."""

    def __getitem__(self, key: Any, /) -> Rgb:
        """Return pixels, for example ``level[y0:y1, x0:x1]``, as an array."""

    def __array__(self, dtype: Any = None, /, *, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return the whole level."""


@dataclass
class ImageSource:
    """An image on disk, opened for reading; use it as a context manager or call `close`.

    Parameters
    ----------
    name : str
        File name without folders, for messages.
    stem : str
        File name without folders and suffix, for names of outputs.
    levels : tuple of Level
        Pyramid, full resolution first. Each is a numpy array or reads from disk when sliced;
        both give uint8 RGB with axes ``(Y, X, 3)``.
    downsamples : tuple of (float, float)
        How many level-0 pixels one pixel of each level spans along y and x.
    stated : PixelSize or None
        Pixel size of level 0 exactly as the file states it, even if it is absurd.
    warnings : tuple of str
        Sentences about what was assumed while reading, pixel size excepted.
    on_close : callable, optional
        Closes the files that levels read from.
    """

    name: str
    stem: str
    levels: tuple[Level, ...]
    downsamples: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    stated: PixelSize | None = None
    warnings: tuple[str, ...] = ()
    on_close: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of level 0 in pixels."""
        height, width = self.levels[0].shape[:2]
        return height, width

    @property
    def pixel_size(self) -> PixelSize | None:
        """Pixel size of level 0, or None where the file states none or an absurd one."""
        return self.stated if self.stated is not None and plausible(self.stated) else None

    @property
    def lazy(self) -> bool:
        """Whether level 0 is read from disk piece by piece."""
        return not isinstance(self.levels[0], np.ndarray)

    def choose_pixel_size(self, option_um: Um | None, model_um: Um) -> PixelSizeChoice:
        """Choose between option, file and model; see `resolve_pixel_size`."""
        return resolve_pixel_size(self.stated, option_um, model_um, self.name)

    def read(self, box: Box | None = None, level: int = 0) -> Rgb:
        """Read pixels into memory.

        Parameters
        ----------
        box : Box, optional
            Rectangle in pixels of that level, cut at its border; the whole level by default.
        level : int
            Index into `levels`.

        Returns
        -------
        ndarray of uint8, shape (Y, X, 3)

        Raises
        ------
        BadInputError
            If the pixels do not fit into memory, cannot be decoded or the image was closed.
        """
        pixels = self.levels[level]
        whole = Box(0, 0, *pixels.shape[:2])
        wanted = whole if box is None else whole.intersect(box)
        if not isinstance(pixels, np.ndarray):
            height, width = wanted.shape
            require_memory(height * width * 3, self.name)
        rgb: Rgb = pixels[wanted.slices]
        return rgb

    def close(self) -> None:
        """Release the file; lazy levels cannot be read any more."""
        if self.on_close is not None:
            self.on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def one_level(
    name: str,
    stem: str,
    pixels: npt.NDArray[np.uint8],
    stated: PixelSize | None = None,
    warnings: tuple[str, ...] = (),
) -> ImageSource:
    """Return a source for a picture that is already in memory, ``(Y, X, 3)`` uint8."""
    if 0 in pixels.shape:
        raise BadInputError(f"{name} has no pixels: choose an image that is not empty.")
    return ImageSource(name, stem, (pixels,), stated=stated, warnings=warnings)
