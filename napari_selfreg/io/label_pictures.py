"""Pictures that hold labels, decoded without losing a bit: values as the file stores them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.io.bitmaps import decode_bitmap, is_misread

_PNG_16_BIT_COLOUR = {2, 4, 6}
_GREY_STEP = {2: 85, 4: 17}


def read_values(file: Path) -> npt.NDArray[np.generic]:
    """Decode a picture of labels; the content is not judged.

    Grey values stay as stored, also those of 1, 2, 4 and 16 bits. A paletted picture gives its grey
    values if the whole palette is grey and not all one, else its palette indices.

    Parameters
    ----------
    file : Path
        TIFF by its suffix, else PNG, BMP or WebP.

    Returns
    -------
    ndarray of bool, int or float, shape (y, x) or (y, x, channels)

    Raises
    ------
    BadInputError
        If the file is missing, empty, damaged, no picture, or has several planes.
    """
    tiff = file.suffix.lower() in {".tif", ".tiff"}
    try:
        if file.stat().st_size == 0:
            raise BadInputError(f"{file.name} is empty: save the label file again.")
        return _read_tiff(file) if tiff else _read_picture(file)
    except BadInputError:
        raise
    except FileNotFoundError:
        raise BadInputError(f"{file.name} does not exist: check the path.") from None
    except (PermissionError, IsADirectoryError) as error:
        raise BadInputError(f"{file.name} cannot be read ({error.strerror}).") from error
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise BadInputError(
            f"{file.name} is damaged or no label picture: save it again as PNG or TIFF."
        ) from error


def _read_tiff(file: Path) -> npt.NDArray[np.generic]:
    with tifffile.TiffFile(file) as tiff:
        series, *others = tiff.series
        if any(_size(other) == _size(series) for other in others):
            raise _several_planes(file)
        array, axes = series.asarray(), series.axes
        inverted = _zero_is_white(tiff.pages.first, array)
    for axis in reversed(range(array.ndim)):
        if array.shape[axis] == 1 and axes[axis] not in "YX":
            array, axes = array.squeeze(axis), axes[:axis] + axes[axis + 1 :]
    if axes in {"SYX", "CYX"}:
        array = np.moveaxis(array, 0, -1)
    elif axes not in {"YX", "YXS"}:
        raise _several_planes(file)
    return ~array if inverted else array


def _several_planes(file: Path) -> BadInputError:
    return BadInputError(f"{file.name} holds several planes: save one label picture per file.")


def _size(series: tifffile.TiffPageSeries) -> list[int]:
    """Return rows and columns: pages of other sizes are previews or levels of a pyramid."""
    return [n for n, axis in zip(series.shape, series.axes, strict=True) if axis in "YX"]


def _zero_is_white(page: tifffile.TiffPage, array: npt.NDArray[np.generic]) -> bool:
    """Whether the highest value of a page is black: what is foreground, then, is the rest.

    Of masks only: ids stay what they are, however a program shows them.
    """
    if page.photometric != tifffile.PHOTOMETRIC.MINISWHITE:
        return False
    if array.dtype == np.bool_:
        # tifffile itself states this of every boolean array it writes, and means nothing by it
        return not page.software.startswith("tifffile")
    # ImageJ shows masks so, black on white, and yet means 255 by an object
    mask = array.dtype == np.uint8 and bool(np.isin(array, (0, 255)).all())
    return mask and not page.is_imagej


def _read_picture(file: Path) -> npt.NDArray[np.generic]:
    depth, colour = _png_header(file)
    if depth == 16 and colour in _PNG_16_BIT_COLOUR:
        import imagecodecs  # Pillow would cut these to 8 bits and merge ids

        decoded: npt.NDArray[np.generic] = imagecodecs.png_decode(file.read_bytes())
        return decoded
    with Image.open(file, formats=("PNG", "BMP", "WEBP")) as picture:
        if is_misread(picture, file):
            return decode_bitmap(file)
        if picture.mode in {"P", "PA"}:
            return _paletted(picture)
        array = np.asarray(picture)
    if colour == 0 and depth in _GREY_STEP:  # Pillow stretches 2- and 4-bit values to 0…255
        return array // np.uint8(_GREY_STEP[depth])
    return array


def _png_header(file: Path) -> tuple[int, int]:
    """Return bit depth and colour type of a PNG, or (0, -1) for other files."""
    with file.open("rb") as stream:
        head = stream.read(26)
    if len(head) < 26 or not head.startswith(b"\x89PNG"):
        return 0, -1
    return head[24], head[25]


def _paletted(picture: Image.Image) -> npt.NDArray[np.generic]:
    array = np.asarray(picture)
    index: npt.NDArray[np.generic] = array[..., 0] if array.ndim == 3 else array
    palette = np.array(picture.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    grey = len(palette) > index.max() and not np.any(palette != palette[:, :1])
    if grey and np.ptp(palette):  # a palette of one colour is none: some programs write no colours
        index = palette[index, 0]
    return index
