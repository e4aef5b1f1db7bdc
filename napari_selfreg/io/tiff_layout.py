"""How the samples of a TIFF picture are ordered, and how they become ``(Y, X, C)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.rgb import wrong_channels

if TYPE_CHECKING:
    from tifffile import TiffPageSeries

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_KNOWN = (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR)
_CHANNEL_AXES = "SCQ"
_DECODED_TO_RGB = (6, 7, 33003, 33004, 33005, 33007, 34712, 34892)
_APERIO_YCBCR = 33003
_BYTE = 255
_ALPHA = (1, 2)
"""Values of tag 338 (ExtraSamples) for alpha; 0 leaves open what a sample means."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where y, x and the channels are in one level, and what its samples mean.

    Parameters
    ----------
    axes : str
        Letters of the stored axes, as tifffile gives them: a permutation of Y, X and at most
        one channel axis.
    shape : (int, int)
        Height and width in pixels.
    photometric : int
        TIFF tag 262.
    ycbcr : bool
        Whether decoded samples are still YCbCr.
    palette : ndarray of uint8, shape (3, N), or None
        Colours of a palette picture.
    bytes_already : bool
        Whether `cut` gives uint8, so that no range must be guessed.
    notes : tuple of str
        Half sentences about what was assumed.
    surplus : int
        Samples at the end that are neither colours nor declared as alpha; `cut` leaves them out.
    alpha : bool
        Whether the last sample that `cut` gives is alpha.
    bits : int
        Of a sample; 0 = all of its type.
    """

    axes: str
    shape: tuple[int, int]
    photometric: int
    ycbcr: bool = False
    palette: npt.NDArray[np.uint8] | None = None
    bytes_already: bool = False
    notes: tuple[str, ...] = ()
    surplus: int = 0
    alpha: bool = False
    bits: int = 0

    def cut(self, array: Any, y0: int, y1: int, x0: int, x1: int) -> npt.NDArray[Any]:
        """Read a rectangle as ``(Y, X, C)`` with 1 to 4 channels, colours decoded."""
        spans = {"Y": slice(y0, y1), "X": slice(x0, x1)}
        raw = np.asarray(array[tuple(spans.get(axis, slice(None)) for axis in self.axes)])
        order = [self.axes.index(axis) for axis in "YX"]
        order += [index for index in range(raw.ndim) if index not in order]
        picture = np.transpose(raw, order)
        if picture.ndim == 2:
            picture = picture[..., np.newaxis]
        return self._decoded(picture[..., : picture.shape[2] - self.surplus])

    def chunk(self, chunks: tuple[int, ...]) -> tuple[int, int]:
        """Return height and width of stored pieces."""
        return chunks[self.axes.index("Y")], chunks[self.axes.index("X")]

    def _decoded(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.palette is not None:
            colours: npt.NDArray[Any] = self.palette.T[picture[..., 0]]
            return colours
        if self.ycbcr:
            return _rgb_from_ycbcr(picture)
        if self.photometric == _SEPARATED:
            return _rgb_from_cmyk(picture)
        if picture.dtype == np.bool_:
            return ~picture if self.photometric == _MINISWHITE else picture
        if picture.dtype.kind == "u":
            return self._with_black_at_0(picture)
        return picture

    def _with_black_at_0(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return whole numbers with white as the highest; bytes of a few bits use all of them."""
        top = 2 ** (self.bits or 8 * picture.itemsize) - 1
        if self.photometric == _MINISWHITE:
            picture = np.asarray(top, picture.dtype) - picture
        if picture.dtype == np.uint8 and top < _BYTE:
            spread = (picture.astype(np.uint16) * _BYTE + top // 2) // top
            return np.asarray(spread, np.uint8)
        return picture


def layout_of(level: TiffPageSeries, name: str) -> Layout:
    """Describe one level.

    Raises
    ------
    BadInputError
        If it is a stack, has a number of channels that is no colour picture, or colours of a
        kind that no microscope writes.
    """
    sizes = dict(zip(level.axes, level.shape, strict=True))
    _require_single_plane(sizes, name)
    page = level.keyframe
    channel_axis = next((axis for axis in _CHANNEL_AXES if axis in sizes), "")
    n_channels = sizes.get(channel_axis, 1)
    photometric = int(page.photometric)
    _require_colours(n_channels, photometric, channel_axis, name)
    compression = int(page.compression)
    # Aperio's 33003 is always YCbCr without the codec's own transform, whatever tag 262 says.
    ycbcr = compression == _APERIO_YCBCR or (
        photometric == _YCBCR and compression not in _DECODED_TO_RGB
    )
    extra = n_channels in (2, 4) and photometric != _SEPARATED
    alpha = extra and bool(page.extrasamples) and int(page.extrasamples[0]) in _ALPHA
    notes: tuple[str, ...] = ()
    if extra and not alpha:
        notes = ("has a channel beside its colours that is not declared as alpha; it is left out",)
    if n_channels == 3 and channel_axis in ("C", "Q") and photometric == _MINISBLACK:
        notes = ("stores three separate channels; they are taken as red, green and blue",)
    return Layout(
        level.axes,
        (sizes["Y"], sizes["X"]),
        photometric,
        ycbcr,
        _palette(page.colormap) if photometric == _PALETTE else None,
        photometric == _PALETTE or level.dtype == np.uint8,
        notes,
        int(extra and not alpha),
        alpha,
        page.bitspersample if isinstance(page.bitspersample, int) else 0,  # 5-6-5 is spread
    )


def _require_single_plane(sizes: dict[str, int], name: str) -> None:
    if "Y" not in sizes or "X" not in sizes:
        raise BadInputError(f"{name} holds no picture: choose another file.")
    extra = {axis: size for axis, size in sizes.items() if axis not in "YX"}
    channel = next((axis for axis in _CHANNEL_AXES if axis in extra), "")
    planes = {axis: size for axis, size in extra.items() if axis != channel}
    if planes:
        axis, size = next(iter(planes.items()))
        raise BadInputError(
            f"{name} is a stack of {size} planes (axis {axis}): save the one plane you need as a "
            "picture of its own."
        )


def _require_colours(n_channels: int, photometric: int, channel_axis: str, name: str) -> None:
    if photometric not in _KNOWN:
        raise BadInputError(f"{name} stores its colours in a rare way: save it as RGB.")
    allowed = {_RGB: (3, 4), _SEPARATED: (4,), _PALETTE: (1,), _YCBCR: (3,)}
    grey = (1, 2, 3) if channel_axis == "S" else (1, 3)  # beside grey, only a sample is alpha
    if n_channels not in allowed.get(photometric, grey):
        raise wrong_channels(n_channels, name)


def _palette(colours: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8] | None:
    if colours is None:
        return None
    depth = 8 if colours.max(initial=0) > 255 else 0  # some writers store bytes in the words
    table: npt.NDArray[np.uint8] = (colours >> depth).astype(np.uint8)
    return table


def _rgb_from_cmyk(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if picture.dtype.kind != "u":
        return picture[..., :3]
    white = np.iinfo(picture.dtype).max
    ink = picture.astype(np.float32) / white
    rgb = (1 - ink[..., :3]) * (1 - ink[..., 3:])
    result: npt.NDArray[Any] = np.rint(rgb * white).astype(picture.dtype)
    return result


def _rgb_from_ycbcr(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert full-range BT.601 YCbCr of 8 bit, as JFIF and Aperio use it."""
    luma, blue, red = np.moveaxis(picture.astype(np.float32), 2, 0)
    blue -= 128
    red -= 128
    rgb = np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=2
    )
    result: npt.NDArray[Any] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return result
