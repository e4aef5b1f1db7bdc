"""Running pieces of work on all cores, each piece on one.

PyTorch shares every single operation among its threads and waits for all of them each time. For
a chain of short operations it is faster to give each core a chain of its own: nothing is waited
for in between, and what one operation wrote is still in the core's cache for the next. That also
suffers least from other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

import torch

from napari_selfreg.engine.openmp import can_compute_alone, compute_alone

Item = TypeVar("Item")


class SideBySide:
    """As many threads as PyTorch uses in the calling thread, while a ``with`` block lasts.

    With one thread, or where PyTorch cannot be told to compute on one, the calling thread does
    all the work.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self.threads = 1
        """How many pieces are done at a time."""

    def for_each(self, task: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Call `task` for every item and wait for all.

        PyTorch's modes belong to a thread: a task enters ``inference_mode`` by itself.

        Parameters
        ----------
        task : callable
            Must not depend on the order of the items.
        items : sequence
            A single one is done by the calling thread, which shares out its operations as usual.

        Raises
        ------
        BaseException
            What the first failing task raised; tasks that have not begun are left out.
        """
        if self._pool is None or len(items) == 1:
            for item in items:
                task(item)
            return
        futures = [self._pool.submit(task, item) for item in items]
        _, left = wait(futures, return_when=FIRST_EXCEPTION)
        for future in left:
            future.cancel()
        wait(left)
        for future in futures:
            if not future.cancelled():
                future.result()

    def __enter__(self) -> SideBySide:
        threads = torch.get_num_threads()
        if threads > 1 and can_compute_alone():
            self._pool = ThreadPoolExecutor(threads, "block", initializer=compute_alone)
            self.threads = threads
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool, self.threads = None, 1
