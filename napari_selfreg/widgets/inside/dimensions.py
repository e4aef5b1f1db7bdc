"""What a look at a picture and a look at a volume do differently."""

from __future__ import annotations

from typing import Any

from napari_selfreg.widgets.inside.attention_target import AttentionTarget
from napari_selfreg.widgets.inside.looking import Looked, LookRequest, Source, names_of
from napari_selfreg.widgets.runner import Job
from napari_selfreg.widgets.segment_setup import SegmentSettings, take_request
from napari_selfreg.widgets.volume import inside as volumes
from napari_selfreg.widgets.volume.layers import VolumeView, is_volume


def request_for(
    viewer: Any,
    layer: Any,
    settings: SegmentSettings,
    sources: tuple[Source, ...],
    target: AttentionTarget | None,
    numbers: bool,
) -> LookRequest:
    """Return the snapshot for a look.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
        A picture or a volume.
    settings : SegmentSettings
        Area, pixel size and device.
    sources : tuple of Source
        Whose networks look.
    target : AttentionTarget or None
        What attention is asked for, if it is.
    numbers : bool
        Whether to measure how alike channels are.

    Raises
    ------
    BadInputError
        If something is missing, or the layer has changed.
    """
    if is_volume(layer):
        wants = {"numbers": numbers, "attention": target is not None}
        return volumes.take_look(layer, sources, settings.device, **wants)
    taken = take_request(viewer, layer, settings, sources[0].card)
    return LookRequest(
        layer.unique_id,
        taken.picture,
        taken.box,
        taken.pixel_size,
        sources,
        names_of(sources),
        taken.device,
        numbers=numbers,
        target=target.take(layer, taken.picture, taken.box) if target is not None else None,
    )


def job_for(request: LookRequest, pictures: Job) -> Job:
    """Return the job of a request, given that of pictures."""
    return volumes.run_volume_look if isinstance(request.picture, VolumeView) else pictures


def reason_not_to_follow(layer: Any) -> str:
    """Say why the camera cannot be followed; empty if it can."""
    return volumes.NO_FOLLOWING if is_volume(layer) else ""


def seen_words(looked: Looked) -> str:
    """Return what a person has to know of a look: at which scale, and attention for which class."""
    classes = dict.fromkeys(
        source.card.classes[0] for source in looked.request.sources if len(source.card.classes) > 1
    )
    if looked.request.target is None or not classes:
        return scale_words(looked)
    return f"{scale_words(looked)} Attention is for {' and '.join(classes)}, the first class."


def scale_words(looked: Looked) -> str:
    """Return at which scale the models looked, each scale once."""
    if isinstance(looked.request.picture, VolumeView):
        return volumes.scale_words(looked)
    scales = dict.fromkeys(f"{each.um_per_px.mean:.3g}" for each in looked.insides)
    told = f"Seen at {' and '.join(scales)} µm per pixel; each square is one value of a block."
    # Names on small pictures may be cut, and a person looks for the order once.
    order = f" Of every block, first {' and then '.join(looked.request.names)}."
    return told + order if len(looked.insides) > 1 else told
