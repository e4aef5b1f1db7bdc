"""Objects of the rows that are predicted, while the network works on the next ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event as Flag
from types import TracebackType

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.labelling_bands import BandLabeller
from napari_selfreg.core.types import PostProcessing
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.engine.growing import GrowingPlanes, ObjectPlanes
from napari_selfreg.engine.predict import Prediction, PredictRequest, region_of
from napari_selfreg.engine.stoppable import predict_until

THREAD_NAME = "labelling"

_PAUSE = 0.1
"""Seconds between two chances to cancel, while only labelling is left."""

Labels = npt.NDArray[np.int32]


def predict_and_label(
    request: PredictRequest,
    model: Model,
    settings: PostProcessing,
    mask: npt.NDArray[np.bool_] | None = None,
    enough: Callable[[], bool] | None = None,
) -> Generator[Event, None, tuple[Prediction, Labels]]:
    """Predict, and label what is complete in a thread of its own.

    Parameters
    ----------
    request : PredictRequest
        Without `out`.
    model : Model
        The one of the request, loaded.
    settings : PostProcessing
        How probabilities become objects.
    mask : ndarray of bool, shape of the region, optional
        Pixels that may belong to objects; all by default.
    enough : callable, optional
        Asked after every tile: whether to stop there and keep what is finished.

    Yields
    ------
    Event
        As `predict`, then `Progress` until the last objects are labelled.

    Returns
    -------
    prediction : Prediction
    labels : ndarray of int32, shape (y, x)
        As `label_objects` gives for all of the prediction, bit for bit.

    Raises
    ------
    SelfRegError
        As `predict`; an error of the thread is raised here.
    """
    box = region_of(request.image, request.region)
    n_classes = model.card.n_classes
    channels = n_classes + (model.card.separation == "contour")
    values = np.zeros((channels, *box.shape), np.float32)
    planes = ObjectPlanes(values, n_classes, mask)
    labeller = BandLabeller(planes, box.shape, settings, request.pixel_size)
    with LabellingThread(labeller, box.shape[0]) as thread:
        growing = GrowingPlanes(values, thread.tell)
        request = replace(request, out=growing)
        prediction: Prediction = yield from predict_until(request, model, enough)
        labels: Labels = yield from thread.finish()
    return replace(prediction, probability=values), labels


class LabellingThread:
    """A thread that labels the rows it is told of; leaving the context ends it.

    Parameters
    ----------
    labeller : BandLabeller
        Used by this thread alone.
    height : int
        Rows of the image.
    """

    def __init__(self, labeller: BandLabeller, height: int) -> None:
        self._labeller, self._height = labeller, height
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=THREAD_NAME)
        self._tasks: deque[Future[None]] = deque()
        self._stopped = Flag()

    def tell(self, rows: int) -> None:
        """Say that the first `rows` rows are final; raise what has gone wrong in the thread."""
        self._collect()
        self._tasks.append(self._pool.submit(self._work, rows))

    def finish(self) -> Generator[Event, None, Labels]:
        """Wait for the objects of the whole image; closing this cancels."""
        self.tell(self._height)
        while self._tasks:
            yield Progress(0, 0, "Separating objects")
            wait([self._tasks[-1]], timeout=_PAUSE)
            self._collect()
        return self._labeller.result()

    def __enter__(self) -> LabellingThread:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _collect(self) -> None:
        while self._tasks and self._tasks[0].done():
            self._tasks.popleft().result()

    def _work(self, rows: int) -> None:
        steps = self._labeller.advance(rows)
        try:
            while not self._stopped.is_set():
                next(steps)
        except StopIteration:
            return
        except BaseException:
            self._stopped.set()  # what was left half-done must not be carried on
            raise
