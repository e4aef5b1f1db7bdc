"""Running a plan: read ahead, batch, skip glass, and survive a lack of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.tiles import Tile
from napari_selfreg.core.types import Box
from napari_selfreg.engine.batching import TOO_SMALL, BatchSize, is_out_of_memory
from napari_selfreg.engine.events import Notice
from napari_selfreg.engine.forward import Pixels

Values = TypeVar("Values")
Compute = Callable[[Sequence[Pixels], Sequence[Box]], list[Values]]
"""Makes something of the wanted part of each window; `Forward` makes probabilities."""


@dataclass(frozen=True)
class Step(Generic[Values]):
    """A tile that is done; `values` of `box`, or None where there is only glass.

    Parameters
    ----------
    tile : Tile
        The tile.
    values : object or None
        What was computed; of a prediction the probabilities (C, y, x), float32.
    box : Box
        Where they lie, in model pixels.
    remaining : int
        Tiles still to come.
    """

    tile: Tile
    values: Values | None
    box: Box
    remaining: int


@dataclass(frozen=True)
class Plan:
    """What `run_tiles` needs to know.

    Parameters
    ----------
    tiles : tuple of Tile
        In the order wanted.
    read : callable
        Gives the pixels (y, x, 3) of a window; called in a thread of its own, one at a time.
    wanted : callable
        The part of a tile's window whose probabilities are kept, in model pixels.
    skip : callable
        Whether pixels need no network.
    split : callable
        Smaller tiles that cover the same core; empty if that is not possible.
    """

    tiles: tuple[Tile, ...]
    read: Callable[[Box], Pixels]
    wanted: Callable[[Tile], Box]
    skip: Callable[[Pixels], bool]
    split: Callable[[Tile], list[Tile]]


def run_tiles(
    plan: Plan, forward: Compute[Values], batch: BatchSize
) -> Generator[Step[Values] | Notice, None, None]:
    """Predict all tiles of a plan.

    Yields
    ------
    Step or Notice
        One step per tile; a notice when memory ran out and batches or tiles became smaller.

    Raises
    ------
    DeviceError
        If memory does not even suffice for the smallest tile.
    """
    queue = deque(plan.tiles)
    with _ReadAhead(plan.read) as reader:
        while queue:
            group: list[Tile] = []
            pixels: list[Pixels] = []
            while queue and len(group) < batch.size and _same_shape(group, queue[0]):
                tile = queue.popleft()
                reader.expect(t.window for t in list(queue)[: batch.size])
                window = reader.take(tile.window)
                if plan.skip(window):
                    yield Step(tile, None, plan.wanted(tile), len(queue) + len(group))
                else:
                    group.append(tile)
                    pixels.append(window)
            if not group:
                continue
            values = _attempt(forward, plan, group, pixels)
            if values is None:
                yield _make_room(plan, batch, queue, group)
                continue
            batch.grow()
            for i, (tile, part) in enumerate(zip(group, values, strict=True), start=1):
                yield Step(tile, part, plan.wanted(tile), len(queue) + len(group) - i)


def _attempt(
    forward: Compute[Values], plan: Plan, group: list[Tile], pixels: list[Pixels]
) -> list[Values] | None:
    """Return what was computed, or None if memory ran out."""
    crops = [plan.wanted(t).shift(-t.window.y0, -t.window.x0) for t in group]
    try:
        return forward(pixels, crops)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _make_room(plan: Plan, batch: BatchSize, queue: deque[Tile], group: list[Tile]) -> Notice:
    """Put the group back with a smaller batch, or as smaller tiles."""
    batch.release()
    if batch.shrink():
        queue.extendleft(reversed(group))
        return Notice(f"Memory ran out: {batch.size} tile(s) are now predicted at a time.")
    pieces = [piece for tile in group for piece in plan.split(tile)]
    if not pieces:
        raise DeviceError(TOO_SMALL)
    rest = [piece for tile in queue for piece in (plan.split(tile) or [tile])]
    queue.clear()
    queue.extend([*pieces, *rest])
    height, width = pieces[0].window.shape
    return Notice(f"Memory ran out: tiles are now {height} x {width} pixels.")


def _same_shape(group: list[Tile], tile: Tile) -> bool:
    return not group or group[0].window.shape == tile.window.shape


class _ReadAhead:
    """Reads the next windows while the network computes."""

    def __init__(self, read: Callable[[Box], Pixels]) -> None:
        self._read = read
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._waiting: dict[Box, Future[Pixels]] = {}

    def expect(self, windows: Iterable[Box]) -> None:
        for window in windows:
            if window not in self._waiting:
                self._waiting[window] = self._pool.submit(self._read, window)

    def take(self, window: Box) -> Pixels:
        self.expect([window])
        return self._waiting.pop(window).result()

    def __enter__(self) -> _ReadAhead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
