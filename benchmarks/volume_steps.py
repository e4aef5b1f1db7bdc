"""What DSD, MISSU and SCR + IFD add to a training step on volumes: time and memory.

    python benchmarks/volume_steps.py time
    python benchmarks/volume_steps.py time --network trans_unet --steps 10 --clock cpu --json
    python benchmarks/volume_steps.py memory                # counted, no memory needed
    python benchmarks/volume_steps.py memory --measured     # in fresh processes, by turns

`time`: forward, cross-entropy + Dice, backward, AdamW, all kinds of step by turns on one network,
so that a slow minute of the machine meets all. Ratios of medians to the plain step.

`memory`: what a step of batch 1 keeps for its backward pass. Counted on torch's meta device,
where tensors have sizes and no content: every storage once, weights left out. Temporary copies
are not in it, nor what libraries use inside; `--measured` gives the peak of real processes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from napari_selfreg.engine.skeleton import meta_build
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.registry import build_network, tap_spec
from napari_selfreg.nets.regularization import Regularization
from napari_selfreg.nets.tapspec import TapSpec

KINDS: dict[str, dict[str, dict[str, Any]]] = {
    "plain": {},
    "SCR + IFD": {"scr": {}, "ifd": {}},
    "deep supervision": {"deep_supervision": {}},
    "DSD": {"dsd": {}},
    "DSD, official": {"dsd": {"mode": "official"}},
    "DSD, KL at 1/2": {"dsd": {"kl_resolution": 2}},
    "DSD, KL at 1/4": {"dsd": {"kl_resolution": 4}},
    "MISSU branch": {"missu": {}},
}
# Small enough for a patch of 32³ to 48³; the widths of DSD's and MISSU's BraTS experiments beside.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "dynunet": {"filters": [16, 32, 64, 128]},
    "basic_unet": {"features": [16, 16, 32, 64, 128, 16]},
    "trans_unet": {"base": 16, "hidden": 128, "heads": 8, "mlp": 256, "grid": 4},
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "dynunet": {"filters": [16, 32, 64, 128, 256], "res_block": True},
    "basic_unet": {},
    "trans_unet": {},
}
WARM_UP = 1


def arguments() -> argparse.Namespace:
    """Return what the shell asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("time", "memory"))
    parser.add_argument("--network", choices=tuple(ARGUMENTS), default="dynunet")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each kind")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--side", type=int, default=None, help="32 for time, 128 for memory")
    parser.add_argument("--classes", type=int, default=None, help="background counted: 3, 4")
    parser.add_argument("--bf16", action="store_true", help="autocast")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: time of all threads"
    )
    parser.add_argument("--measured", action="store_true", help="memory of real processes")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def network_and_taps(name: str, options: dict[str, Any], classes: int) -> tuple[nn.Module, TapSpec]:
    """Build a network of one channel in."""
    torch.manual_seed(0)
    network = build_network(name, in_channels=1, out_channels=classes, spatial_dims=3, **options)
    return network, tap_spec(name, spatial_dims=3, **options)


def loss_of_step(
    network: nn.Module, spec: TapSpec, regularization: Regularization, image: Tensor, target: Tensor
) -> Tensor:
    """Return what a step descends."""
    with spec.open(network, regularization.blocks) as taps:
        logits = network(image)
        main = SegmentationLoss(logits.shape[1] - 1, contour=False)(logits, target)
        extra = regularization(taps, logits=logits, target=target, step=0)
        return torch.stack(list(main.values())).sum() + extra.total


def steps(options: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """Return one function per kind, all on one network; each does one whole step."""
    network, spec = network_and_taps(options.network, ARGUMENTS[options.network], options.classes)
    shape = (options.batch, 1, *[options.side] * 3)
    image, target = torch.rand(shape), torch.randint(0, options.classes, (shape[0], *shape[2:]))
    parts = {
        kind: Regularization.build(
            KINDS[kind], network, spec, sample=shape, n_classes=options.classes - 1, seed=0
        )
        for kind in options.kinds
    }
    heads = [parameter for part in parts.values() for parameter in part.parameters()]
    optimiser = torch.optim.AdamW([*network.parameters(), *heads], 1e-3)

    def step(kind: str) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            loss = loss_of_step(network, spec, parts[kind], image, target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return {kind: lambda kind=kind: step(kind) for kind in options.kinds}  # type: ignore[misc]


def measure_time(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return seconds and ratio to the first kind, with quartiles of neighbours' ratios."""
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    functions = steps(options)
    seconds: dict[str, list[float]] = {kind: [] for kind in functions}
    for turn in range(WARM_UP + options.steps):
        for kind in list(functions)[:: -1 if turn % 2 else 1]:
            began = clock()
            functions[kind]()
            seconds[kind].append(clock() - began)
    timed = {kind: values[WARM_UP:] for kind, values in seconds.items()}
    base = timed[options.kinds[0]]
    rows = []
    for kind, values in timed.items():
        pairs = [each / plain for plain, each in zip(base, values, strict=True)]
        lower, _, upper = statistics.quantiles(pairs, n=4)
        median = statistics.median(values)
        ratio = median / statistics.median(base)
        rows.append({"kind": kind, "seconds": median, "ratio": ratio, "quartiles": [lower, upper]})
    return rows


@contextmanager
def counting() -> Iterator[dict[int, int]]:
    """Yield bytes by storage of all that is kept for the backward pass, each storage once."""
    found: dict[int, int] = {}
    alive = []  # a storage that is freed would leave its number to another

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        alive.append(storage)
        found[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield found


def count_memory(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what each kind of step keeps for its backward pass."""
    rows = []
    for kind in options.kinds:
        with meta_build():
            network, spec = network_and_taps(
                options.network, PUBLISHED[options.network], options.classes
            )
        shape = (1, 1, *[options.side] * 3)
        part = Regularization.build(
            KINDS[kind], network, spec, sample=shape, n_classes=options.classes - 1, seed=0
        )
        image = torch.empty(shape, device="meta")
        target = torch.empty((1, *shape[2:]), device="meta", dtype=torch.int64)
        with counting() as found:
            loss = loss_of_step(network, spec, part, image, target)
        weights = [p.untyped_storage()._cdata for p in (*network.parameters(), *part.parameters())]
        kept = sum(size for storage, size in found.items() if storage not in weights)
        rows.append({"kind": kind, "bytes": kept, "finite": loss.ndim == 0})
    return rows


def peak_of_process(options: argparse.Namespace, kind: str, found: Any) -> None:
    """Do one step; send by how much the process' peak of memory grew through it."""
    import resource

    torch.set_num_threads(options.threads or torch.get_num_threads())
    network, spec = network_and_taps(options.network, PUBLISHED[options.network], options.classes)
    shape = (1, 1, *[options.side] * 3)
    small = (1, 1, *[max(32, spec.min_size)] * 3)
    part = Regularization.build(
        KINDS[kind], network, spec, sample=small, n_classes=options.classes - 1, seed=0
    )
    image, target = torch.rand(shape), torch.randint(0, options.classes, (1, *shape[2:]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loss_of_step(network, spec, part, image, target).backward()  # type: ignore[no-untyped-call]
    found.put(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def measure_memory(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the peak of one process per kind."""
    rows = []
    context = multiprocessing.get_context("spawn")
    for kind in options.kinds:
        found = context.Queue()
        process = context.Process(target=peak_of_process, args=(options, kind, found))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"The process for {kind!r} ended with code {process.exitcode}.")
        rows.append({"kind": kind, "bytes": found.get()})
    return rows


def show(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """Print rows as a table for docs/benchmarks.md."""
    if options.what == "time":
        print("| step | s | ratio | quartiles of pairs |\n|---|---|---|---|")
        for row in rows:
            low, high = row["quartiles"]
            print(
                f"| {row['kind']} | {row['seconds']:.3f} | {row['ratio']:.2f} "
                f"| {low:.2f} to {high:.2f} |"
            )
        return
    print("| step | MB | more than plain, MB |\n|---|---|---|")
    for row in rows:
        more = (row["bytes"] - rows[0]["bytes"]) / 1e6
        print(f"| {row['kind']} | {row['bytes'] / 1e6:,.0f} | {more:,.0f} |")


def main() -> None:
    """Measure and print."""
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    timing = options.what == "time"
    options.side = options.side or (32 if timing else 128)
    options.classes = options.classes or (3 if timing else 4)
    measure = measure_time if timing else measure_memory if options.measured else count_memory
    rows = measure(options)
    if not options.json:
        show(options, rows)
        return
    facts = {key: value for key, value in vars(options).items() if key not in ("json", "kinds")}
    print(json.dumps({**facts, "torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
