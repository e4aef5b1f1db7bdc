"""What it costs to watch the blocks of a network while it is fine-tuned.

    python benchmarks/block_watch.py
    python benchmarks/block_watch.py --threads 1 --clock cpu   # on a machine that is busy

Fine-tunes the bundled gland model on made-up pictures with and without *Watch the blocks*, step
by step in turns, so that a busy machine slows both. The aim is at most 3 % of the time of a step;
the first look, before the first step, is not counted, as it belongs to no step.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from finetune_memory import FIELDS, field

from napari_selfreg.engine.events import StepDone, ValidationDone
from napari_selfreg.engine.finetune_types import BlocksMeasured, FinetuneRequest


class Runner:
    """A fine-tuning that is driven step by step.

    Parameters
    ----------
    request : FinetuneRequest
    clock : callable
        Seconds.
    """

    def __init__(self, request: FinetuneRequest, clock: Callable[[], float]) -> None:
        from napari_selfreg.engine.finetune import finetune

        self._job: Generator[Any, None, Any] = finetune(request)
        self._clock = clock
        self._waiting: Any = None
        self.seconds: list[float] = []
        self.looks = 0
        while not isinstance(next(self._job), StepDone):
            pass

    def step(self) -> None:
        """Make one step, with what is measured after it."""
        started = self._clock()
        for event in self._job:
            self.looks += isinstance(event, BlocksMeasured)
            if isinstance(event, ValidationDone):  # comes between two steps
                started = self._clock()
            if isinstance(event, StepDone):
                break
        self.seconds.append(self._clock() - started)

    def close(self) -> None:
        """End the job."""
        self._job.close()


def measure(model: str, steps: int, side: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return the mean step in seconds, plain and watched, their ratio, and looks per step."""
    fields = tuple(field(seed, side) for seed in range(FIELDS))
    asked = {"model": model, "fields": fields, "steps": steps + 2, "device": "cpu"}
    plain, watched = (
        Runner(FinetuneRequest(**asked, watch_blocks=watch), clock) for watch in (False, True)
    )
    for number in range(steps):  # who goes second pays for the first: they take turns in that
        first, second = (plain, watched) if number % 2 else (watched, plain)
        first.step()
        second.step()
    for runner in (plain, watched):
        runner.close()
    usual, with_looks = float(np.mean(plain.seconds)), float(np.mean(watched.seconds))
    return {
        "plain_s": round(usual, 3),
        "watched_s": round(with_looks, 3),
        "ratio": round(with_looks / usual, 4),
        "looks_per_step": round(watched.looks / steps, 3),
    }


def main() -> None:
    """Run from a shell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="glands")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    found = measure(options.model, options.steps, options.side, clock)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
