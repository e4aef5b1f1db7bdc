"""Job: a surer verdict, by holding out whole regions in turn.

Each run begins with the base, learns from all regions but some, and is scored on those: it has
never seen them. Where the base itself has, as an earlier version of the same project may, the
verdict says so. It takes as long as several fine-tunings, so it runs after the first, in the
background, while the new model is already in use.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from napari_selfreg.core.verdict import Verdict, verdict
from napari_selfreg.engine.allocator import freed_memory_kept
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import Event, Progress, StepDone
from napari_selfreg.engine.finetune import score_base, settings_of
from napari_selfreg.engine.finetune_card import has_seen
from napari_selfreg.engine.finetune_fields import prepare_folds
from napari_selfreg.engine.finetune_fit import FinetuneLoop
from napari_selfreg.engine.finetune_loop import Clock
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.finetune_types import FinetuneRequest
from napari_selfreg.engine.predict import model_for_pictures

MESSAGE = "Comparing region by region"
SEEN = "The model it began with has learned from these pictures already, so both look too good."


@dataclass(frozen=True, slots=True)
class FoldsResult:
    """What holding out whole regions says.

    Parameters
    ----------
    verdict : Verdict
        "Cannot tell" of no pairs where there is only one region.
    base_scores, tuned_scores : tuple of float
        Dice of every region, before and after.
    """

    verdict: Verdict
    base_scores: tuple[float, ...]
    tuned_scores: tuple[float, ...]


def cross_validate(request: FinetuneRequest, steps: int) -> Generator[Event, None, FoldsResult]:
    """Fine-tune without some regions in turn, and score each on those.

    Parameters
    ----------
    request : FinetuneRequest
        Of the fine-tuning in question; its time, plan, output and `start` are not used: what was
        trained before has seen the regions.
    steps : int
        Of each run: as many as that fine-tuning made.

    Yields
    ------
    Progress
        Steps of all runs together.

    Returns
    -------
    FoldsResult
        Of the runs that were finished, if ``request.enough`` ended it early.

    Raises
    ------
    BadInputError, BadModelError, DeviceError
        As `engine.finetune.finetune`.
    """
    request.check()
    device = resolve_device(request.device)
    base = model_for_pictures(request.model)
    yield Progress(0, 0, MESSAGE)
    folds = [] if _is_enough(request) else prepare_folds(request.fields, base.card)
    seen = has_seen(base.card, (picture for fold in folds[:1] for picture in fold.pictures))
    before: list[float] = []
    after: list[float] = []
    for number, material in enumerate(folds):
        if _is_enough(request):
            break
        settings = settings_of(request, base, material)
        plan = Plan(((0, steps),))
        loop = FinetuneLoop(base, base, material, settings, plan, Clock(), device, request.enough)
        scores = score_base(loop)
        with freed_memory_kept():
            for event in loop.run():
                if isinstance(event, StepDone):
                    yield Progress(number * steps + event.step, len(folds) * steps, MESSAGE)
        if loop.stopped:
            break
        before += scores
        after += loop.last_scores  # of the last step: the best would be chosen on what is scored
    judged = verdict(before, after)
    if seen and judged.n:
        judged = replace(judged, sentence=f"{judged.sentence} {SEEN}")
    return FoldsResult(judged, tuple(before), tuple(after))


def _is_enough(request: FinetuneRequest) -> bool:
    """Return whether somebody waits: reading and scoring take their time as well."""
    return request.enough is not None and request.enough()
