"""The loop of every fine-tuning: in memory, checked against the base, rolled back if it breaks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_selfreg.engine.block_watch import BlockWatch
from napari_selfreg.engine.bundles import Model
from napari_selfreg.engine.events import Event, StepDone, ValidationDone
from napari_selfreg.engine.finetune_parts import free_parameters, training_mode
from napari_selfreg.engine.finetune_plan import Plan
from napari_selfreg.engine.finetune_types import BlocksMeasured, Planned, RolledBack, What
from napari_selfreg.engine.training_loop import moving_average, on_device, training_precision

TIE = 0.005
"""Of checks that differ by less, or by less than the standard error of the difference, the later
one is taken: it has seen more, and a few strips are a noisy judge."""

_ROLLBACKS = 3
_SLOWER = 0.3
_EXPLODED = 4.0


@dataclass(frozen=True)
class TuningSettings:
    """Everything about a run that its seed does not say.

    Parameters
    ----------
    batch : int
        Crops of a step.
    learning_rate : float
        At its peak.
    weight_average : float
        Decay of the averaged weights, which are what is checked and kept.
    what : {"all", "decoder", "head_norms"}
    lambda_scr, lambda_ifd, stay_close : float
    keep_statistics : bool
        Whether batch normalisation stays as it is.
    seed : int
    watch_blocks : bool
        Whether to measure the blocks now and then; it changes no weight.
    """

    batch: int = 8
    learning_rate: float = 2e-3
    weight_average: float = 0.9
    what: What = "all"
    lambda_scr: float = 0.0
    lambda_ifd: float = 0.0
    stay_close: float = 0.0
    keep_statistics: bool = False
    seed: int = 0
    watch_blocks: bool = False


@dataclass
class Kept:
    """The best weights so far."""

    weights: dict[str, Tensor]
    scores: tuple[float, ...]
    step: int


@dataclass
class Clock:
    """What of the minutes is left.

    Parameters
    ----------
    deadline : float
        On `time.monotonic`; infinite for a run of given steps.
    closing : float
        Seconds that the work after the last step takes.
    check : float
        Seconds of one validation.
    """

    deadline: float = math.inf
    closing: float = 0.0
    check: float = 0.0
    _spent: list[float] = field(default_factory=list)

    def count(self, seconds: float) -> None:
        """Remember the time of a step."""
        self._spent.append(seconds)

    @property
    def per_step(self) -> float:
        """Seconds of a step; the first one, which also prepares, is left out."""
        later = self._spent[1:] or self._spent
        return float(np.mean(later[-40:])) if later else 0.0

    def affordable(self, checks: int) -> float:
        """Return how many more steps there is time for, beside some validations."""
        left = self.deadline - time.monotonic() - self.closing - checks * self.check
        return left / max(self.per_step, 1e-6)

    @property
    def over(self) -> bool:
        """Whether there is no time for another step and what comes after the last."""
        return time.monotonic() + 0.5 * self.per_step + self.check + self.closing > self.deadline


class TuningLoop:
    """State of a run between its steps; what it learns from is told by its subclasses.

    Parameters
    ----------
    base : Model
        Stayed close to; not changed.
    start : Model
        Whose weights are the start; not changed.
    settings : TuningSettings
    plan : Plan
    clock : Clock
    device : torch.device
    enough : callable, optional
        Asked after every step.
    """

    memory_format = torch.channels_last

    def __init__(
        self,
        base: Model,
        start: Model,
        settings: TuningSettings,
        plan: Plan,
        clock: Clock,
        device: torch.device,
        enough: Callable[[], bool] | None = None,
    ) -> None:
        self.base, self.start, self.settings = base, start, settings
        self.plan, self.clock, self.device, self.enough = plan, clock, device, enough
        self.n_classes = base.card.n_classes
        self.dtype = training_precision("auto", device)
        self.network = on_device(copy.deepcopy(start.network), device, self.memory_format)
        self.free = free_parameters(
            self.network, base.tapspec, settings.what, base.card.in_channels
        )
        self.judged = copy.deepcopy(base.network).to(device).eval()
        self.kept: Kept | None = None
        self.last_scores: tuple[float, ...] = ()
        self.best: tuple[float, ...] = ()
        self.rollbacks = 0
        self.stopped = False
        self.history: list[dict[str, float]] = []
        self.notes: list[str] = []
        self._begin()

    def _begin(self) -> None:
        """Take optimiser and average anew from the present weights."""
        self.average = AveragedModel(
            self.network,
            multi_avg_fn=moving_average(self.settings.weight_average),
            use_buffers=True,
        )
        self.optimizer = torch.optim.AdamW(self.free, weight_decay=0.0)
        self.usual = math.nan

    def run(self) -> Generator[Event, None, None]:
        """Train until the plan, the clock or the person ends it.

        Yields
        ------
        Planned, StepDone, ValidationDone, RolledBack, BlocksMeasured
        """
        if self.plan.known:
            yield Planned(self.plan.total, 0.0)
        watch = self._watch() if self.settings.watch_blocks else None
        if watch is not None:
            yield BlocksMeasured(self.plan.step, watch.look(self.network))
        while not self.plan.finished:
            started = time.monotonic()
            losses, stepped = self._step()
            self.plan.advance()
            numbers = watch.after_step(self.network, time.monotonic() - started) if watch else {}
            self.clock.count(time.monotonic() - started)
            self.history.append({"step": self.plan.step, **losses})
            if not (stepped and self._sound(losses["total"])):
                yield self._roll_back()
                continue
            yield StepDone(self.plan.step, self.plan.total, losses)
            if numbers:
                yield BlocksMeasured(self.plan.step, numbers)
            if self.plan.revision_is_due() and self.plan.revise(
                self.clock.affordable(self.plan.checks_left())
            ):
                yield Planned(self.plan.total, self.clock.per_step)
            self._ask_to_stop()
            if self.plan.check_is_due():
                yield self.check()
        if self.kept is None:
            yield self.check()

    def _ask_to_stop(self) -> None:
        if self.enough is not None and self.enough():
            self.stopped = True
            self.plan.stop()
        elif self.clock.over:
            self.plan.stop()

    def _step(self) -> tuple[dict[str, float], bool]:
        """Return the losses, and whether the weights could follow them."""
        settings, step = self.settings, self.plan.step
        rate = settings.learning_rate * self.plan.rate * _SLOWER**self.rollbacks
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        training_mode(self.network, keep_statistics=settings.keep_statistics)
        total, terms = self.losses(step)
        value = float(total.detach())
        stepped = math.isfinite(value) and self._descend(total)
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return {"total": value, **losses, "learning_rate": rate}, stepped

    def _watch(self) -> BlockWatch:
        return BlockWatch(self.base.tapspec, self.watched())

    def _descend(self, total: Tensor) -> bool:
        """Change the weights, unless the gradient is too large to be a number."""
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.free, 5.0)
        if not torch.isfinite(norm):
            return False
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return True

    def _sound(self, total: float) -> bool:
        """Tell whether the loss is a number and of the usual size."""
        if not math.isfinite(total):
            return False
        if math.isnan(self.usual):
            self.usual = total
        sound = total < _EXPLODED * max(self.usual, 0.5)
        self.usual += 0.1 * (total - self.usual)
        return sound

    def _roll_back(self) -> RolledBack:
        """Go on from the best weights, or the first, with smaller steps; give up after some."""
        self.rollbacks += 1
        weights = self.kept.weights if self.kept else self.start.network.state_dict()
        self.network.load_state_dict(weights)
        self._begin()
        message = "The training became unstable: it went back and goes on with smaller steps."
        if self.rollbacks > _ROLLBACKS:
            message = "The training stayed unstable and was ended: the best model so far is kept."
            self.plan.stop()
        self.notes.append(message)
        return RolledBack(self.plan.step, message)

    def check(self) -> ValidationDone:
        """Score the averaged weights, drawn to the base, on the strips; keep them if best."""
        started = time.monotonic()
        weights = between(
            self.base.network.state_dict(),
            _copied(self.average.module),
            self.settings.stay_close,
        )
        self.judged.load_state_dict(weights)
        scores = self.last_scores = self.score(self.judged)
        self.clock.check = time.monotonic() - started
        dice = float(np.mean(scores))
        better = as_good(scores, self.best) and _finite(weights)
        if not self.best or dice > float(np.mean(self.best)):
            self.best = scores
        if better:
            self.kept = Kept(weights, scores, self.plan.step)
        self.history.append({"step": self.plan.step, "validation": dice})
        return ValidationDone(self.plan.step, dice, better)

    def losses(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what a step descends, with gradient, and its named terms."""
        raise NotImplementedError

    def score(self, network: nn.Module) -> tuple[float, ...]:
        """Return the Dice of everything that is held out."""
        raise NotImplementedError

    def watched(self) -> Tensor:
        """Return the input the blocks are measured on, normalised, on the device."""
        raise NotImplementedError


def as_good(later: Sequence[float], best: Sequence[float]) -> bool:
    """Tell whether a later check is as good as the best so far, as far as can be told.

    Parameters
    ----------
    later, best : sequence of float
        Dice of the same strips; no `best` before the first check.

    Returns
    -------
    bool
    """
    if not best:
        return True
    lost = np.subtract(best, later)
    error = float(lost.std(ddof=1)) / math.sqrt(lost.size) if lost.size > 1 else 0.0
    return float(lost.mean()) <= max(TIE, error)


def between(
    base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], stay_close: float
) -> dict[str, Tensor]:
    """Return weights on the line from the tuned ones (0) to the base's (1).

    Along it a network forgets much faster than it loses what it learned (Wortsman et al., Robust
    fine-tuning of zero-shot models, CVPR 2022).

    Parameters
    ----------
    base, tuned : mapping of str to Tensor
        State dicts of one architecture, on the CPU.
    stay_close : float
        In [0, 1].

    Returns
    -------
    dict of str to Tensor
    """
    return {
        name: torch.lerp(value, base[name].cpu().to(value.dtype), stay_close)
        if value.is_floating_point()
        else value
        for name, value in tuned.items()
    }


def _finite(weights: Mapping[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach().cpu().clone() for name, t in network.state_dict().items()}
