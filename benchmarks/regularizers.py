"""Step time with and without SCR + IFD, in one process, step by step in turn.

    python benchmarks/regularizers.py
    python benchmarks/regularizers.py --steps 40 --batch 8 --side 256 --json
    python benchmarks/regularizers.py --threads 1 --clock cpu   # on a machine that is busy

The default U-Net in bfloat16 autocast and channels-last, cross-entropy, AdamW: forward, loss,
backward, update. Both kinds of step train one network by turns, so a slow minute of the machine
meets both. The ratio of medians counts, with the quartiles of the ratio of neighbouring steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.selfreg import SelfRegularization

CLASSES = 3
WARM_UP = 2


def arguments() -> argparse.Namespace:
    """Return what the shell asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each kind")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--fp32", action="store_true", help="without autocast")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: time of all threads"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def step_function(options: argparse.Namespace) -> Callable[[SelfRegularization], None]:
    """Return a function that trains one step with a regularization, which may have weight 0."""
    torch.manual_seed(0)
    device = torch.device(options.device)
    network: nn.Module = build_network("basic_unet", in_channels=3, out_channels=CLASSES)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    spec = tap_spec("basic_unet")
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    shape = (options.batch, 3, options.side, options.side)
    image = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
    target = torch.randint(0, CLASSES, (shape[0], *shape[2:]), device=device)

    def step(regularize: SelfRegularization) -> None:
        blocks = spec.blocks if regularize.active else ()
        with spec.open(network, blocks) as taps:
            with torch.autocast(device.type, torch.bfloat16, enabled=not options.fp32):
                logits = network(image)
            loss = functional.cross_entropy(logits.float(), target)
            if regularize.active:
                loss = loss + regularize(taps, spec).total
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return medians in seconds, their ratio, and the quartiles of neighbours' ratios."""
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    step = step_function(options)
    kinds = {"plain": SelfRegularization(0, 0), "regularized": SelfRegularization()}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(WARM_UP + options.steps):
        # Who comes first changes, so that neither is always the one after the other.
        for name in sorted(kinds, reverse=bool(turn % 2)):
            began = clock()
            step(kinds[name])
            seconds[name].append(clock() - began)
    timed = {name: values[WARM_UP:] for name, values in seconds.items()}
    medians = {name: statistics.median(values) for name, values in timed.items()}
    pairs = [b / a for a, b in zip(timed["plain"], timed["regularized"], strict=True)]
    lower, _, upper = statistics.quantiles(pairs, n=4)
    return {
        "plain_s": medians["plain"],
        "regularized_s": medians["regularized"],
        "ratio": medians["regularized"] / medians["plain"],
        "ratio_quartiles": [lower, upper],
        "fastest_ratio": min(timed["regularized"]) / min(timed["plain"]),
        "steps": options.steps,
        "batch": options.batch,
        "side": options.side,
        "precision": "fp32" if options.fp32 else "bf16",
        "device": options.device,
        "threads": torch.get_num_threads(),
        "clock": options.clock,
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure and print."""
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    print(
        f"plain {found['plain_s']:.3f} s, with SCR + IFD {found['regularized_s']:.3f} s: "
        f"ratio {found['ratio']:.3f} (quartiles {found['ratio_quartiles'][0]:.3f} to "
        f"{found['ratio_quartiles'][1]:.3f}, fastest steps {found['fastest_ratio']:.3f})"
    )


if __name__ == "__main__":
    main()
