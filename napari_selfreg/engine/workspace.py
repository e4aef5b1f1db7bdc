"""Memory of one prediction that is used again for every tile.

Large tensors that are freed and allocated anew cost a page fault per 4 kB: as much as a third of
the convolution that fills them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_selfreg.core.types import Box


class Frame:
    """A part of a feature map, channels last, and where it lies.

    Parameters
    ----------
    values : Tensor, shape (1, C, y, x)
        Channels last in memory.
    box : Box
        Place on the map of its level; may hang over the map's border, where it holds zeros.
    """

    def __init__(self, values: Tensor, box: Box) -> None:
        self.values = values
        self.box = box

    def put(self, values: Tensor, place: Box) -> None:
        """Copy in what overlaps of `values` (1, C, y, x), which lie at `place`."""
        common = self.box.intersect(place)
        if common.empty:
            return
        rows, columns = common.shift(-self.box.y0, -self.box.x0).slices
        rows_of, columns_of = common.shift(-place.y0, -place.x0).slices
        self.values[:, :, rows, columns] = values[:, :, rows_of, columns_of]

    def part(self, box: Box) -> Tensor:
        """Return the values inside `box`, a part of the frame, without a copy."""
        rows, columns = box.shift(-self.box.y0, -self.box.x0).slices
        return self.values[:, :, rows, columns]


class Workspace:
    """Named pieces of memory that grow when needed and are never given back.

    Parameters
    ----------
    dtype : torch.dtype
        Of all tensors.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._memory: dict[str, Tensor] = {}

    def frame(self, name: str, channels: int, box: Box, ring: int) -> Frame:
        """Return a frame whose outer `ring` is zero, the rest undefined.

        Parameters
        ----------
        name : str
            Frames of one name share memory: the last one is valid.
        channels : int
            Channels of the map.
        box : Box
            Place and size.
        ring : int
            Rows and columns at each side to be zeroed.

        Returns
        -------
        Frame
        """
        height, width = box.shape
        size = height * width * channels
        memory = self._memory.get(name)
        if memory is None or memory.numel() < size:
            # A little more, which costs nothing before it is used: the next one may be larger.
            memory = torch.empty(size + size // 8, dtype=self._dtype)
            self._memory[name] = memory
        picture = memory[:size].view(height, width, channels)
        _zero_ring(picture, ring)
        return Frame(picture.permute(2, 0, 1)[None], box)


def _zero_ring(picture: Tensor, ring: int) -> None:
    height, width = picture.shape[:2]
    picture[:ring] = 0
    picture[height - ring :] = 0
    picture[:, :ring] = 0
    picture[:, width - ring :] = 0
