"""What *Run on all* is asked and what it tells; loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_selfreg.core.types import PixelSize, PostProcessing
from napari_selfreg.engine.events import Event

if TYPE_CHECKING:
    from napari_selfreg.engine.segment_types import FileResult


@dataclass(frozen=True, slots=True)
class BatchField:
    """One image of a batch.

    Parameters
    ----------
    path : Path
        The file.
    pixel_size : PixelSize or None
        What a person has chosen; None where the file states it.
    spacing : (float, float, float) or None
        Of a volume that states no place: millimetres per voxel along z, y and x, as chosen.
    """

    path: Path
    pixel_size: PixelSize | None = None
    spacing: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Which fields to segment, with what, and where the results go.

    Parameters
    ----------
    fields : tuple of BatchField
        In the order of work.
    model : Path, str or Model
        Loaded once.
    output_dir : Path or None
        One folder for all; None puts them into ``results`` beside each image.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    tta : bool
        Average over eight turned and mirrored views.
    settings : PostProcessing or None
        How probabilities become objects; the model's own way without it.
    current : callable, optional
        Returns the field that a person looks at, which comes next; called between fields, from
        the thread of the job.
    precision : str
        ``fp32`` or ``auto``.
    skip_glass : bool
        Leave out windows that surely show nothing but glass; of pictures.
    """

    fields: tuple[BatchField, ...]
    model: Any
    output_dir: Path | None = None
    device: str = "auto"
    tta: bool = False
    settings: PostProcessing | None = None
    current: Callable[[], Path | None] | None = None
    precision: str = "auto"
    skip_glass: bool = True


@dataclass(frozen=True, slots=True)
class FieldStarted(Event):
    """A field has its turn."""

    path: Path


@dataclass(frozen=True, slots=True)
class FieldDone(Event):
    """The files of a field are written.

    Parameters
    ----------
    path : Path
        The image.
    result : FileResult or None
        Objects, and where they come from; None of a volume, whose classes its files hold.
    version : str
        First digits of the bundle's SHA-256; empty for a model without a file.
    """

    path: Path
    result: FileResult | None
    version: str = ""


@dataclass(frozen=True, slots=True)
class FieldFailed(Event):
    """A field could not be segmented; the others go on.

    Parameters
    ----------
    path : Path
        The image.
    reason : str
        One sentence.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch has ended.

    Parameters
    ----------
    done : tuple of Path
        Images with results, in the order of work.
    failed : tuple of (Path, str)
        The others, and why.
    notes : tuple of str
        What a person should know of ``summary.csv``: it was set aside, or could not be written.
    """

    done: tuple[Path, ...]
    failed: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...] = ()
