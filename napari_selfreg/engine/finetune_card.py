"""The card of a fine-tuned model: base, data, recipe, validation, and the terms it inherits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import BaseModel

from napari_selfreg.core.bootstrap import mean_interval
from napari_selfreg.core.verdict import Verdict
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.finetune_loop import TuningSettings
from napari_selfreg.engine.finetune_titles import making, tuned_title
from napari_selfreg.engine.held_out import STRIPS, STRIPS_PROTOCOL
from napari_selfreg.io.bundle import SUFFIX, sha256
from napari_selfreg.io.card import Card, DataSource, MetricRecord, MetricValue

_MAX_NAME, _MAX_CHECKSUMS = 64, 500


class Learned(Protocol):
    """What a card records of what a run learned from."""

    @property
    def reviewed(self) -> int:
        """Reviewed pixels or voxels of the network's grid."""

    @property
    def checksums(self) -> Sequence[str]:
        """SHA-256 of each field."""

    @property
    def pictures(self) -> Sequence[str]:
        """SHA-256 of each picture, or volume, alone."""


@dataclass(frozen=True)
class Run:
    """What is recorded about a run.

    Parameters
    ----------
    settings : TuningSettings
    material : Learned
    plan : sequence of (int, int)
        See `engine.finetune_plan.Plan`.
    steps, best_step : int
        Steps made, and after how many the weights were best.
    seconds : float
    verdict : Verdict
    base_scores, tuned_scores : sequence of float
        Dice of every strip.
    device : torch.device
    rollbacks : int
    stopped : bool
    continued : bool
        Whether it went on from an earlier fine-tuning.
    held_out, protocol : str
        What the scores were measured on: in a sentence, and in a word.
    """

    settings: TuningSettings
    material: Learned
    plan: Sequence[tuple[int, int]]
    steps: int
    best_step: int
    seconds: float
    verdict: Verdict
    base_scores: Sequence[float]
    tuned_scores: Sequence[float]
    device: torch.device
    rollbacks: int = 0
    stopped: bool = False
    continued: bool = False
    held_out: str = STRIPS
    protocol: str = STRIPS_PROTOCOL


def tuned_card(base: Model, run: Run, name: str | None = None, title: str | None = None) -> Card:
    """Return the card of a fine-tuned model.

    Licence, terms, scale, classes and post-processing are the base's; its scores are not, because
    they were measured on other weights.

    Parameters
    ----------
    base : Model
    run : Run
    name, title : str, optional
        Made from the base's by default; the title then also says the day and how many images.

    Returns
    -------
    Card
    """
    card = base.card
    fields = len(run.material.checksums)
    own = DataSource(
        name="Corrected fields of a person",
        licence="not stated",
        citation="",
        images=fields,
    )
    changes: dict[str, Any] = {
        "name": valid_name(name or f"{card.name[: _MAX_NAME - 6]}-tuned"),
        "title": title or tuned_title(card.title, making(fields)),
        "data": (*card.data, own),
        "recipe": _recipe(card, run.settings),
        "seed": run.settings.seed,
        "training": _training_record(base, run),
        "metrics": _metrics(run),
    }
    return Card.model_validate({**dict(card), **changes})


def has_seen(card: Card, pictures: Iterable[str]) -> bool:
    """Return whether a model was fine-tuned on any of these pictures, given by their SHA-256."""
    return not set(pictures).isdisjoint(_known(card))


def _known(card: Card) -> list[Any]:
    fields: Any = card.training.get("fields")
    return list(fields.get("pictures", ())) if isinstance(fields, Mapping) else []


def _pictures(base: Model, run: Run) -> list[Any]:
    """Return what was learned from now, and what the base had been fine-tuned on."""
    return list(dict.fromkeys([*run.material.pictures, *_known(base.card)]))[:_MAX_CHECKSUMS]


def valid_name(wanted: str) -> str:
    """Return a name that a card may have, as close as possible to the one wanted.

    Without dots: a card refuses what looks like the name of a file.
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", wanted.lower()).strip("-_")
    return plain[:_MAX_NAME] or "tuned"


def _recipe(card: Card, settings: TuningSettings) -> dict[str, Any]:
    """Keep the base's recipe, whose contour the next fine-tuning needs, beside our own."""
    own = {name: _plain(value) for name, value in asdict(settings).items()}
    del own["watch_blocks"]  # what is looked at does not change the weights
    base = {key: value for key, value in card.recipe.items() if key != "finetune"}
    return {**base, "finetune": own}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value


def _training_record(base: Model, run: Run) -> dict[str, Any]:
    return {
        "base": _base_record(base),
        "continued": run.continued,
        "steps": run.steps,
        "best_step": run.best_step,
        "plan": [list(piece) for piece in run.plan],
        "seconds": round(run.seconds, 1),
        "batch": run.settings.batch,
        "rollbacks": run.rollbacks,
        "stopped": run.stopped,
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "device": run.device.type,
        "torch": torch.__version__.split("+")[0],
        "fields": {
            "count": len(run.material.checksums),
            "reviewed_pixels": run.material.reviewed,
            "sha256": list(run.material.checksums[:_MAX_CHECKSUMS]),
            "pictures": _pictures(base, run),
        },
        "validation": _validation_record(run),
    }


def _base_record(base: Model) -> dict[str, str]:
    record = {"name": base.card.name, "title": base.card.title}
    stored = base.path.suffix == SUFFIX and base.path.is_file()
    return {**record, "sha256": sha256(base.path)} if stored else record


def _validation_record(run: Run) -> dict[str, Any]:
    return {
        "how": run.held_out,
        "n": len(run.base_scores),
        "base": _mean(run.base_scores),
        "tuned": _mean(run.tuned_scores),
        "verdict": run.verdict.kind,
        "sentence": run.verdict.sentence,
    }


def _metrics(run: Run) -> tuple[MetricRecord, ...]:
    if not run.tuned_scores:
        return ()
    interval = mean_interval(run.tuned_scores)
    value = MetricValue(
        mean=round(interval.mean, 5), low=round(interval.low, 5), high=round(interval.high, 5)
    )
    return (
        MetricRecord(
            protocol=run.protocol,
            split=run.held_out,
            n=len(run.tuned_scores),
            values={"dice": value},
            lambda_scr=run.settings.lambda_scr,
            lambda_ifd=run.settings.lambda_ifd,
            note=f"the base scores {_mean(run.base_scores)} there; also used to choose the step",
        ),
    )


def _mean(scores: Sequence[float]) -> float | None:
    return round(float(np.mean(scores)), 5) if len(scores) else None
