"""A pyramid level that stays on disk and decodes only what is looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.io.memory import require_memory
from napari_selfreg.io.rgb import Rgb

_CACHE_BYTES = 64 << 20
_BLOCK_SIDE = 512

Index = int | slice


class LazyLevel:
    """An RGB image of which slicing reads just the blocks it touches.

    Looks like an array to napari and dask (`shape`, `dtype`, `ndim`, `chunks`, indexing).
    Decoded blocks are kept up to 64 MB, so neighbouring tiles with halos decode nothing twice.
    Reading from several threads is safe.

    Parameters
    ----------
    read : callable
        Decodes a `Box` inside the level to uint8 ``(Y, X, 3)``.
    shape : (int, int)
        Height and width in pixels.
    chunk : (int, int)
        Size in pixels of the pieces that the file stores (tiles or strips).
    name : str
        File name for errors.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(
        self,
        read: Callable[[Box], Rgb],
        shape: tuple[int, int],
        chunk: tuple[int, int],
        name: str,
    ) -> None:
        self.shape = (*shape, 3)
        self.chunks = (*(_block_side(side, n) for side, n in zip(chunk, shape, strict=True)), 3)
        self._read = read
        self._name = name
        self._blocks: OrderedDict[tuple[int, int], Rgb] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()
        self._closed = False

    @property
    def size(self) -> int:
        """Number of values, as for an array."""
        return self.shape[0] * self.shape[1] * 3

    @property
    def nbytes(self) -> int:
        """Bytes of the whole level once decoded."""
        return self.size

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyLevel({self._name!r}, shape={self.shape})"

    def __getitem__(self, key: Any, /) -> Rgb:
        """Read pixels; integers, slices (with any step) and an ellipsis work as in numpy."""
        rows, columns, channels = _full_key(key)
        y0, y1, rest_y = _span(rows, self.shape[0])
        x0, x1, rest_x = _span(columns, self.shape[1])
        result: Rgb = self._pixels(Box(y0, x0, y1, x1))[rest_y, rest_x]
        picked: Rgb = result[..., channels]
        return picked

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self._name} lies on disk: its pixels cannot be had without a copy")
        require_memory(self.nbytes, self._name)
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)

    def close(self) -> None:
        """Forget all blocks and refuse further reading."""
        with self._lock:
            self._closed = True
            self._blocks.clear()
            self._read = self._refuse  # lets go of the file, which Windows keeps locked otherwise

    def _refuse(self, box: Box) -> Rgb:
        raise BadInputError(f"{self._name} was closed: open it again.")

    def _pixels(self, box: Box) -> Rgb:
        out = np.empty((*box.shape, 3), np.uint8)
        if box.empty:
            return out
        height, width, _ = self.chunks
        for row in range(box.y0 // height, -(-box.y1 // height)):
            for column in range(box.x0 // width, -(-box.x1 // width)):
                block, place = self._block(row, column)
                part = place.intersect(box)
                target = part.shift(-box.y0, -box.x0)
                out[target.slices] = block[part.shift(-place.y0, -place.x0).slices]
        return out

    def _block(self, row: int, column: int) -> tuple[Rgb, Box]:
        height, width, _ = self.chunks
        place = Box(row * height, column * width, (row + 1) * height, (column + 1) * width)
        place = place.intersect(Box(0, 0, *self.shape[:2]))
        with self._lock:
            block = self._blocks.get((row, column))
            if block is not None:
                self._blocks.move_to_end((row, column))
                return block, place
        block = self._decode(place)
        with self._lock:
            self._keep((row, column), block)
        return block, place

    def _decode(self, place: Box) -> Rgb:
        try:
            return self._read(place)
        except BadInputError:
            raise
        except Exception as error:  # decoders raise what they like on damaged files
            if self._closed:
                self._refuse(place)
            raise BadInputError(
                f"{self._name} is damaged near row {place.y0}, column {place.x0}: copy it again "
                "from its source."
            ) from error

    def _keep(self, index: tuple[int, int], block: Rgb) -> None:
        if self._closed:
            return
        self._held += block.nbytes * (index not in self._blocks)
        self._blocks[index] = block
        while self._held > _CACHE_BYTES and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self._held -= oldest.nbytes


def _block_side(chunk: int, length: int) -> int:
    """Whole chunks, together at least 512 pixels or the image, whichever is smaller."""
    return min(length, chunk * -(-_BLOCK_SIDE // chunk))


def _full_key(key: Any) -> tuple[Index, Index, Index]:
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in [each for each in keys if not isinstance(each, np.ndarray)]:
        at = keys.index(Ellipsis)
        keys = (*keys[:at], *[slice(None)] * (4 - len(keys)), *keys[at + 1 :])
    keys = (*keys, *[slice(None)] * (3 - len(keys)))
    if len(keys) != 3 or not all(isinstance(each, (SupportsIndex, slice)) for each in keys):
        raise IndexError("a lazy level takes integers and slices for y, x and channel")
    return keys


def _span(key: Index, length: int) -> tuple[int, int, Index]:
    """Return the bounds that `key` touches and the key relative to them."""
    if not isinstance(key, slice):
        start = range(length)[key]
        return start, start + 1, 0
    wanted = range(length)[key]
    if not wanted:
        return 0, 0, slice(0, 0)
    ends = (wanted[0], wanted[-1])
    return min(ends), max(ends) + 1, slice(None, None, wanted.step)
