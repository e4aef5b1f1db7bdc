"""Job: the packaged samples through the default model, and one picture of the result."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event
from napari_selfreg.engine.segment import SegmentRequest, segment
from napari_selfreg.io.images import open_image
from napari_selfreg.io.preview import PreviewField, write_preview
from napari_selfreg.io.samples import Sample, samples

PREVIEW_NAME = "preview.png"


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """Where to write and with what.

    Parameters
    ----------
    output_dir : Path
        Folder for the results; made if it is missing.
    model : Model, str or Path
        Usually ``"glands"``.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    output_dir: Path
    model: Model | str | Path = "glands"
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was written.

    Parameters
    ----------
    images : list of dict
        Results of `segment`, one for each sample.
    preview : Path
        The picture of all of them.
    """

    images: list[Mapping[str, Any]]
    preview: Path


def demo(request: DemoRequest) -> Generator[Event, None, DemoResult]:
    """Segment every packaged sample and draw the outlines; needs no input.

    Parameters
    ----------
    request : DemoRequest

    Yields
    ------
    Event
        Those of `segment`.

    Returns
    -------
    DemoResult

    Raises
    ------
    BadModelError, DeviceError, WriteError
        As `segment`.
    """
    results: list[Mapping[str, Any]] = []
    fields: list[PreviewField] = []
    for sample in colon_samples():
        segmented = yield from segment(
            SegmentRequest(
                sample.path,
                request.model,
                request.output_dir,
                um_per_px=sample.pixel_size.mean,
                device=request.device,
            )
        )
        results.append(segmented)
        fields.append(_preview_field(sample, segmented))
    preview = request.output_dir / PREVIEW_NAME
    write_preview(preview, fields, "Glands of the colon, found by napari-selfreg")
    return DemoResult(results, preview)


def colon_samples() -> tuple[Sample, ...]:
    """Return the samples of the tissue the default model knows (the slide region is skin)."""
    return tuple(sample for sample in samples() if "colon" in sample.title)


def _preview_field(sample: Sample, segmented: Mapping[str, Any]) -> PreviewField:
    """Read back what was written, so that the picture shows the very files."""
    with open_image(sample.path) as source:
        rgb = source.read()
    objects = tifffile.imread(segmented["outputs"]["objects"])
    count = int(segmented["objects"])
    note = f"{count} gland{'' if count == 1 else 's'} · {sample.attribution}, {sample.licence}"
    return PreviewField(rgb, objects, sample.pixel_size, sample.title, note)
