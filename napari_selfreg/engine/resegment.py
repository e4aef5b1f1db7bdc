"""Jobs on the fields of a project: two models side by side, and objects found again."""

from __future__ import annotations

from collections.abc import Generator

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.resample import ArrayLike
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, Notice, Progress, retold
from napari_selfreg.engine.predict import model_for_pictures
from napari_selfreg.engine.resegment_types import (
    CompareRequest,
    FieldCompared,
    Labels,
    ResegmentRequest,
)
from napari_selfreg.engine.segment import segment_array
from napari_selfreg.engine.segment_types import ArraySegmentRequest, ObjectsResult
from napari_selfreg.io.project.new_objects import NewObjects
from napari_selfreg.io.project.pictures import read_picture


def compare_models(request: CompareRequest) -> Generator[Event, None, None]:
    """Segment fields with two models.

    Yields
    ------
    FieldCompared, Progress, Notice
        A field that cannot be read is told and passed over.
    """
    before, after = (model_for_pictures(path) for path in (request.before, request.after))
    for number, identity in enumerate(request.fields):
        yield Progress(number, len(request.fields), "Comparing both models on all fields")
        try:
            picture = read_picture(request.project, identity)
        except BadInputError as error:
            yield Notice(str(error))
            continue
        found = []
        for model in (before, after):
            result = yield from _segment(request, identity, picture, model)
            found.append(result.labels)
        yield FieldCompared(identity, found[0], found[1], change_between(*found))


def find_again(request: ResegmentRequest) -> Generator[Event, None, tuple[NewObjects, ...]]:
    """Segment fields of a project; `io.project.new_objects` puts the result into it.

    Returns
    -------
    tuple of NewObjects
        One for each field that could be read.
    """
    model = model_for_pictures(request.model)
    done = []
    for number, identity in enumerate(request.fields):
        yield Progress(number, len(request.fields), "Segmenting what is not reviewed")
        if request.enough is not None and request.enough():
            break
        try:
            picture = read_picture(request.project, identity)
        except BadInputError as error:
            yield Notice(str(error))
            continue
        result = yield from _segment(request, identity, picture, model)
        named = zip(result.table["index"], result.table["class"], strict=True)
        classes = {int(one): str(name) for one, name in named}
        done.append(NewObjects(identity, result.labels, classes))
    return tuple(done)


def change_between(before: Labels, after: Labels) -> float:
    """Return the part of the object pixels of either that are not of both, 0 … 1."""
    one, other = before > 0, after > 0
    either = int((one | other).sum())
    return int((one != other).sum()) / either if either else 0.0


def _segment(
    request: CompareRequest | ResegmentRequest, identity: str, picture: ArrayLike, model: Model
) -> Generator[Event, None, ObjectsResult]:
    """Find the objects of a field as its person had set, so that only the model differs."""
    record = request.project.field(identity)
    asked = ArraySegmentRequest(
        picture,
        record.label_size,
        model,
        device=request.device,
        settings=record.settings,
        skip_glass=record.skip_glass,
    )
    # Only that something goes on: tiles belong to no picture on screen.
    return (yield from retold(segment_array(asked), lambda _: Progress(0, 0)))
