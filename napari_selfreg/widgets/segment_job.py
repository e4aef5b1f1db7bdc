"""What the Segment panel asks for, and the job that does it in a thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.cost import model_pixels
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine.events import Event, Progress, TileDone
from napari_selfreg.io.bundle import read_card, sha256
from napari_selfreg.io.speeds import record_speed
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.preload import importing
from napari_selfreg.widgets.warm_up import warm_labels

if TYPE_CHECKING:
    from napari_selfreg.engine.segment import ObjectsResult

EXACT_PIXELS = 4_000_000
"""Up to this size probabilities are kept as they are, larger ones in half precision."""

VERSION_DIGITS = 12
"""Of the bundle's SHA-256: enough to tell versions of a model apart."""

_WINDOWS_DLL_FAILED = 1114

_LOOK_S = 0.1
"""How long a job waits before it looks whether it was cancelled."""


@dataclass(frozen=True, slots=True)
class PanelRequest:
    """A snapshot of everything the job needs; it never touches a layer.

    Parameters
    ----------
    picture : Picture
        What to segment.
    box : Box
        The part of it to work on, in its pixels.
    mask : ndarray of bool, shape (Y, X), optional
        The pixels of `box` that count; all of them without it.
    pixel_size : PixelSize
        Micrometres per pixel of the picture.
    model : Path
        A bundle.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    focus : Box, optional
        The part in view, which comes first.
    settings : PostProcessing, optional
        How probabilities become objects; the model's own way without it.
    tta : bool
        Average over eight turned and mirrored views.
    uncertainty : bool
        Also find how undecided the model is.
    probability : bool
        Show the probabilities too.
    precision : str
        ``auto`` or ``fp32``.
    skip_glass : bool
        Leave out parts that surely show nothing but glass.
    enough : Event
        Set it to stop early and keep what is finished.
    """

    picture: Picture
    box: Box
    mask: npt.NDArray[np.bool_] | None
    pixel_size: PixelSize
    model: Path
    device: str
    focus: Box | None = None
    settings: PostProcessing | None = None
    tta: bool = False
    uncertainty: bool = False
    probability: bool = False
    precision: str = "auto"
    skip_glass: bool = True
    enough: threading.Event = field(default_factory=threading.Event)


def run_segment(request: PanelRequest) -> Generator[Event, None, ObjectsResult]:
    """Find the objects in a picture; the engine is first imported here, in the job's thread.

    Returns
    -------
    ObjectsResult

    Raises
    ------
    DeviceError
        If torch cannot be loaded in a running napari on Windows.
    """
    yield from start_engine()
    yield Progress(0, 0, "Reading the image")
    image = request.picture.colours()
    result: ObjectsResult = yield from _timed(request, segment_request(request, image))
    return replace(
        result,
        probability=keep(result.probability, request.mask, len(read_card(request.model).classes)),
        version=sha256(request.model)[:VERSION_DIGITS],
    )


def start_engine() -> Generator[Event, None, None]:
    """Load torch in this thread, if that has not been done.

    Raises
    ------
    DeviceError
        If torch cannot be loaded in a running napari on Windows.
    """
    starting = Progress(0, 0, "Starting the engine, which takes some seconds the first time")
    yield starting
    while not importing.acquire(timeout=_LOOK_S):  # it is being loaded ahead
        yield starting
    try:
        import napari_selfreg.engine.segment  # noqa: F401

        warm_labels()
    except OSError as error:
        raise _explained(error) from error
    finally:
        importing.release()


def segment_request(request: PanelRequest, image: Any) -> Any:
    """Return what the engine is asked; it must have been started."""
    from napari_selfreg.engine.segment import ArraySegmentRequest

    return ArraySegmentRequest(
        image=image,
        pixel_size=request.pixel_size,
        model=request.model,
        region=request.box,
        mask=request.mask,
        device=request.device,
        focus=request.focus,
        tta=request.tta,
        uncertainty=request.uncertainty,
        settings=request.settings,
        precision=request.precision,
        enough=request.enough.is_set,
        skip_glass=request.skip_glass,
    )


def keep(
    probability: npt.NDArray[np.floating[Any]],
    mask: npt.NDArray[np.bool_] | None,
    n_classes: int,
) -> npt.NDArray[np.floating[Any]]:
    """Return probabilities as they are kept for the sliders.

    Parameters
    ----------
    probability : ndarray of float, shape (K[+1], y, x)
        Of the engine.
    mask : ndarray of bool, shape (y, x), optional
        Classes become 0 outside of it.
    n_classes : int
        K.
    """
    if mask is not None:
        probability = probability.copy()
        probability[:n_classes, ~mask] = 0
    if math.prod(probability.shape[1:]) > EXACT_PIXELS:
        return probability.astype(np.float16)
    return probability


def _timed(request: PanelRequest, engine_request: Any) -> Generator[Event, None, ObjectsResult]:
    """Run the engine and note its speed on tissue, from its first tile to its last."""
    from napari_selfreg.engine.segment import segment_array

    began, pixels, ended = 0.0, 0, 0.0
    job = segment_array(engine_request)
    try:
        while True:
            event = next(job)
            if isinstance(event, TileDone) and event.computed:
                ended = time.perf_counter()
                pixels += math.prod(event.box.shape) if began else 0
                began = began or ended  # loading and warming up do not count
            yield event
    except StopIteration as end:
        wanted = read_card(request.model).pixel_size
        seen = model_pixels(pixels, request.pixel_size, wanted, request.tta)
        record_speed(request.device, seen, ended - began)
        result: ObjectsResult = end.value
        return result
    finally:
        job.close()


def _explained(error: OSError) -> Exception:
    """Name the remedy for torch's libraries that do not load after Qt's on Windows."""
    if getattr(error, "winerror", None) != _WINDOWS_DLL_FAILED:
        return error
    return DeviceError(
        "PyTorch cannot be loaded after the window on this Windows: close napari and start it "
        "with the command “napari-selfreg”, which loads PyTorch's libraries first."
    )
