"""What the panel asks the engine, and the job that looks inside one or two models."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress
from napari_selfreg.io.card import Card
from napari_selfreg.widgets.layers import Picture
from napari_selfreg.widgets.segment_job import start_engine
from napari_selfreg.widgets.volume.layers import VolumeView

if TYPE_CHECKING:
    from napari_selfreg.engine.bundles import Model
    from napari_selfreg.engine.inside_types import Inside


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A network to look into.

    Parameters
    ----------
    label : str
        In lists.
    card : Card
        Names the model and its blocks.
    model : Path or Model
        A bundle, or a network that is already there.
    """

    label: str
    card: Card
    model: Path | Model

    @property
    def name(self) -> str:
        """In names of layers."""
        return self.card.name

    @property
    def blocks(self) -> tuple[str, ...]:
        """``E1…En, B, Dn…D1`` as far as the network has them."""
        taps: Any = self.card.taps.get("taps", ())
        return tuple(str(tap["block"]) for tap in taps)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What attention asks for.

    Parameters
    ----------
    class_index : int
        1 is the first class of the card, 0 the background.
    mask : ndarray of bool, shape (y, x), optional
        Of the region; what the model finds there without it.
    """

    class_index: int = 1
    mask: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LookRequest:
    """A snapshot of everything a look needs; it never touches a layer.

    Parameters
    ----------
    layer_id : Hashable
        Of the image layer.
    picture : Picture or VolumeView
        Its plane and resolution, or all of its voxels.
    box : Box
        The part of it to look at; rows and columns of a volume.
    pixel_size : PixelSize
        Micrometres per pixel of the picture.
    sources : tuple of Source
        One or two.
    names : tuple of str
        Of the sources, in names of layers: different ones.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    numbers : bool
        Also measure every block.
    target : Target, optional
        Also find the attention for this.
    """

    layer_id: object
    picture: Picture | VolumeView
    box: Box
    pixel_size: PixelSize
    sources: tuple[Source, ...]
    names: tuple[str, ...]
    device: str = "auto"
    numbers: bool = False
    target: Target | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was seen.

    Parameters
    ----------
    request : LookRequest
    insides : tuple of Inside
        One per source.
    alike : dict of str to float
        Linear CKA per common block of two models.
    """

    request: LookRequest
    insides: tuple[Inside, ...]
    alike: dict[str, float] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, each sentence once."""
        return tuple(dict.fromkeys(note for each in self.insides for note in each.notes))


def run_look(request: LookRequest) -> Generator[Event, None, Looked]:
    """Look inside the models, one after the other; the engine is first imported here.

    Returns
    -------
    Looked
    """
    yield from start_engine()
    from napari_selfreg.engine.inside import compare_blocks, look
    from napari_selfreg.engine.inside_types import InsideRequest

    yield Progress(0, 0, "Reading the image")
    assert isinstance(request.picture, Picture)  # volumes have a job of their own
    image = request.picture.colours()
    insides = []
    for source in request.sources:
        asked = InsideRequest(
            image=image,
            pixel_size=request.pixel_size,
            model=source.model,
            region=request.box,
            device=request.device,
            numbers=request.numbers,
            attention=_attention(request.target),
        )
        insides.append((yield from look(asked)))
    alike: dict[str, float] = {}
    if len(insides) == 2 and request.numbers:
        yield Progress(0, 0, "Comparing both models")
        alike = compare_blocks(*insides)
    return Looked(request, tuple(insides), alike)


def _attention(target: Target | None) -> Any:
    if target is None:
        return None
    from napari_selfreg.engine.inside_types import Attention

    return Attention(class_index=target.class_index, mask=target.mask)


def names_of(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """Return a name for each source, all different.

    Two versions of one model are told apart by their labels, two files of one title by numbers.
    """
    names = tuple(source.name for source in sources)
    labels = tuple(source.label for source in sources)
    for told in (names, labels):
        if len(set(told)) == len(told):
            return told
    return tuple(f"{label} ({number})" for number, label in enumerate(labels, 1))
