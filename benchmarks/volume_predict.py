"""Time of `predict_volume` against MONAI's sliding-window inferer, in one process, same weights.

    python benchmarks/volume_predict.py
    python benchmarks/volume_predict.py --side 128 --network dynunet --json
    OMP_NUM_THREADS=1 python benchmarks/volume_predict.py --clock cpu   # on a machine that is busy

The volume is synthetic: balls of all sizes on noise, dim or bright. The network has batch
normalisation and is first taught for a minute on that volume to tell dim from bright: labels of
random weights are ties, of which the seams of MONAI's windows change some hundredths.
MONAI runs ``SlidingWindowInferer(roi, overlap=0.25, mode="gaussian")`` in float32 on the normalised
tensor; `predict_volume` starts from the volume as it is read. Contenders take turns; the best of a
few rounds counts.

Columns: seconds of both, their ratio, mean Dice over the classes to MONAI's labels and to the
truth; against one float32 forward of the whole volume (where it is small enough for one) the
largest difference of a probability and the Dice of both; and by how many MB memory grew.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers.inferer import SlidingWindowInferer
from own_memory import peak_memory
from torch import nn

from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.engine.events import run
from napari_selfreg.engine.step import step_losses
from napari_selfreg.engine.training_loop import learning_rate
from napari_selfreg.engine.volume.predict import VolumePredictRequest, predict_volume
from napari_selfreg.nets.losses import SegmentationLoss
from napari_selfreg.nets.outputs import to_probabilities
from napari_selfreg.nets.registry import build_network, tap_spec

CLASSES = 2
STEPS = 60
PATCH, BATCH, RATE = 32, 2, 2e-3
"""How the network is taught: sides of the patches in voxels, patches of a step, learning rate."""

SHOWN = 10
"""Batches that the statistics of the normalisations are measured on."""

WHOLE_LIMIT = 130
"""One forward of a larger volume does not fit common memories."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "basic_unet": {},
    "dynunet": {"filters": [32, 64, 128, 256], "norm": "BATCH"},
}
BARS = {"ratio": 2.0, "dice": 0.995}

Floats = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]


@dataclass
class Row:
    """One line of the table."""

    network: str
    side: int
    roi: int
    threads: int
    clock: str
    used: str
    ours: float
    monai: float
    ratio: float
    dice: float
    dice_truth: float
    difference: float | None
    dice_whole: float | None
    monai_whole: float | None
    ours_mb: float
    monai_mb: float


def balls(side: int, seed: int = 0) -> tuple[Floats, Classes]:
    """Return a cube of balls on noise, and class ids: 1 = dim, 2 = bright."""
    random = np.random.default_rng(seed)
    volume = random.normal(100, 10, (side, side, side)).astype(np.float32)
    truth = np.zeros(volume.shape, np.int64)
    grid = np.arange(side, dtype=np.float32)
    for _ in range(max(4, side**3 // 200_000)):
        z, y, x = random.uniform(0, side, 3)
        radius, kind = random.uniform(4, 20), int(random.integers(1, CLASSES + 1))
        away = (grid[:, None, None] - z) ** 2 + (grid[:, None] - y) ** 2 + (grid - x) ** 2
        inside = (away < radius**2) & (truth == 0)
        volume[inside] += 40 * kind
        truth[inside] = kind
    return volume, truth


def chosen_model(name: str, volume: Floats, truth: Classes, steps: int) -> Any:
    """Return a network with batch normalisation that was taught on a volume."""
    torch.manual_seed(0)
    arguments = ARGUMENTS[name]
    network = build_network(
        name, in_channels=1, out_channels=CLASSES + 1, spatial_dims=3, **arguments
    )
    teach(network, normalise(volume), truth, steps)
    card = SimpleNamespace(
        name=name, classes=("a", "b"), separation=None, um_per_px=(1000.0, 1000.0, 1000.0),
        spatial_dims=3, in_channels=1, training={}, recipe={},
        normalisation=SimpleNamespace(mean=(0.0,), std=(1.0,)),
    )  # fmt: skip
    spec = tap_spec(name, spatial_dims=3, **arguments)
    return SimpleNamespace(card=card, network=network.eval(), tapspec=spec)


def teach(network: nn.Module, image: Floats, truth: Classes, steps: int) -> None:
    """Train for some steps, then measure the statistics of the normalisations anew."""
    random, loss = np.random.default_rng(0), SegmentationLoss(CLASSES, contour=False)
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    network.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, RATE)
        inputs, classes = patches(image, truth, random)
        total, _ = step_losses(
            network, inputs, [classes], loss=loss, layout=torch.contiguous_format,
            dtype=torch.float32, addition=None,
        )  # fmt: skip
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()
    # what training gathers are means over weights that are gone
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean of what is shown
    with torch.no_grad():
        for _ in range(SHOWN):
            network(patches(image, truth, random)[0])
    network.eval()


def patches(
    image: Floats, truth: Classes, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a batch: every other patch around a voxel of a class."""
    side = min(PATCH, *image.shape)
    inside = np.flatnonzero(truth)
    inputs, classes = [], []
    for number in range(BATCH):
        centre = random.integers(0, image.shape)
        if number % 2 and len(inside):
            centre = np.array(np.unravel_index(random.choice(inside), truth.shape))
        first = np.clip(centre - side // 2, 0, np.array(image.shape) - side)
        part = tuple(slice(start, start + side) for start in first.tolist())
        inputs.append(torch.from_numpy(image[part].copy())[None])
        classes.append(torch.from_numpy(truth[part].copy()))
    return torch.stack(inputs), torch.stack(classes)


def with_monai(model: Any, volume: Floats, roi: int) -> Floats:
    """Predict with MONAI's inferer."""
    inferer = SlidingWindowInferer(roi, 1, 0.25, mode="gaussian")
    with torch.inference_mode():
        logits = inferer(torch.from_numpy(volume)[None, None], model.network)
        found: Floats = to_probabilities(logits, CLASSES, None)[0].numpy()
    return found


def with_one_forward(model: Any, volume: Floats) -> Floats:
    """Predict at once."""
    with torch.inference_mode():
        logits = model.network(torch.from_numpy(volume)[None, None])
        found: Floats = to_probabilities(logits, CLASSES, None)[0].numpy()
    return found


def labels(probability: Floats) -> npt.NDArray[np.intp]:
    """Return class ids."""
    background = 1 - probability.sum(axis=0, keepdims=True)
    found: npt.NDArray[np.intp] = np.concatenate([background, probability]).argmax(axis=0)
    return found


def mean_dice(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return the mean Dice over the classes that occur."""
    present = [k for k in range(1, CLASSES + 1) if (a == k).any() or (b == k).any()]
    scores = [2 * ((a == k) & (b == k)).sum() / ((a == k).sum() + (b == k).sum()) for k in present]
    return float(np.mean(scores))


def timed(task: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, Any, float]:
    """Return seconds, result, and by how many MB memory grew."""
    with peak_memory() as peak:
        start = clock()
        result = task()
        seconds = clock() - start
    return seconds, result, peak[0]


def contest(options: argparse.Namespace) -> Row:
    """Let both run in turn and return the best of each."""
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    volume, truth = balls(options.side)
    ready = normalise(volume)
    model = chosen_model(options.network, volume, truth, options.steps)
    request = VolumePredictRequest(
        volume, (1.0, 1.0, 1.0), model, device="cpu", precision=options.precision
    )
    best = {"ours": float("inf"), "monai": float("inf")}
    memory, results = {"ours": 0.0, "monai": 0.0}, {}
    tasks = {
        "ours": lambda: run(predict_volume(request)),
        "monai": lambda: with_monai(model, ready, options.roi),
    }
    for _ in range(options.rounds):
        for name, task in tasks.items():
            seconds, results[name], grown = timed(task, clock)
            best[name] = min(best[name], seconds)
            memory[name] = max(memory[name], grown)
            print(f"{name}: {seconds:.1f} s", flush=True)
    ours, monai = results["ours"], results["monai"]
    difference = dice_whole = monai_whole = None
    if options.side <= WHOLE_LIMIT:
        whole = with_one_forward(model, ready)
        difference = float(np.abs(ours.probability - whole).max())
        dice_whole = mean_dice(labels(ours.probability), labels(whole))
        monai_whole = mean_dice(labels(monai), labels(whole))
    return Row(
        options.network,
        options.side,
        options.roi,
        torch.get_num_threads(),
        options.clock,
        ours.precision,
        best["ours"],
        best["monai"],
        best["monai"] / best["ours"],
        mean_dice(labels(ours.probability), labels(monai)),
        mean_dice(labels(ours.probability), truth),
        difference,
        dice_whole,
        monai_whole,
        memory["ours"],
        memory["monai"],
    )


def show(row: Row) -> None:
    """Print the row and whether it reaches the bars."""
    difference = "not measured"
    if row.difference is not None:
        difference = (
            f"{row.difference:.5f}, Dice {row.dice_whole:.4f} (MONAI's {row.monai_whole:.4f})"
        )
    print(
        f"{row.network} {row.side}^3, ROI {row.roi}^3, {row.used}, {row.threads} thread(s), "
        f"{row.clock} clock: ours {row.ours:.1f} s, MONAI {row.monai:.1f} s, "
        f"ratio {row.ratio:.2f}, Dice {row.dice:.4f} (to the truth {row.dice_truth:.4f}), "
        f"to one forward: max|dp| {difference}, "
        f"memory {row.ours_mb:.0f} / {row.monai_mb:.0f} MB"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the contest; 1 if a bar is not reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--roi", type=int, default=96)
    parser.add_argument("--network", choices=sorted(ARGUMENTS), default="basic_unet")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS, help="of teaching the network")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs; no bars")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.side, options.roi, options.steps = 32, 32, 2
    if options.threads:
        torch.set_num_threads(options.threads)
    row = contest(options)
    if options.json:
        print(json.dumps({"torch": torch.__version__, "bars": BARS, **asdict(row)}, indent=2))
    else:
        show(row)
    reached = all(getattr(row, name) >= bar for name, bar in BARS.items())
    return 0 if options.quick or reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
