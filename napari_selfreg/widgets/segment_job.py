"""What the Segment panel asks for, and the job that does it in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.widgets.layers import Picture

if TYPE_CHECKING:
    from napari_selfreg.engine.segment import ObjectsResult

_WINDOWS_DLL_FAILED = 1114


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
    """

    picture: Picture
    box: Box
    mask: npt.NDArray[np.bool_] | None
    pixel_size: PixelSize
    model: Path
    device: str
    focus: Box | None = None


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
    yield Progress(0, 0, "Starting the engine, which takes some seconds the first time")
    try:
        from napari_selfreg.engine.segment import ArraySegmentRequest, segment_array
    except OSError as error:
        raise _explained(error) from error
    yield Progress(0, 0, "Reading the image")
    image = request.picture.colours()
    return (
        yield from segment_array(
            ArraySegmentRequest(
                image=image,
                pixel_size=request.pixel_size,
                model=request.model,
                region=request.box,
                mask=request.mask,
                device=request.device,
                focus=request.focus,
            )
        )
    )


def _explained(error: OSError) -> Exception:
    """Name the remedy for torch's libraries that do not load after Qt's on Windows."""
    if getattr(error, "winerror", None) != _WINDOWS_DLL_FAILED:
        return error
    return DeviceError(
        "PyTorch cannot be loaded after the window on this Windows: close napari and start it "
        "with the command “napari-selfreg”, which loads PyTorch's libraries first."
    )
