"""Time of `predict_volume` against MONAI's sliding-window inferer, in one process, same weights.

    python benchmarks/volume_predict.py
    python benchmarks/volume_predict.py --side 128 --network dynunet --json
    OMP_NUM_THREADS=1 python benchmarks/volume_predict.py --clock cpu   # on a machine that is busy

The volume is synthetic: balls of all sizes on noise, dim or bright. The network has batch
normalisation and random weights, but its last layer is fitted to tell dim from bright: labels of
random weights alone are ties, of which the seams of MONAI's windows change some hundredths.
MONAI runs ``SlidingWindowInferer(roi, overlap=0.25, mode="gaussian")`` in float32 on the normalised
tensor; `predict_volume` starts from the volume as it is read. Contenders take turns; the best of a
few rounds counts.

Columns: seconds of both, their ratio, mean Dice over the classes to MONAI's labels; against one
float32 forward of the whole volume (where it is small enough for one) the largest difference of a
probability and the Dice of both; and by how many MB memory grew.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers.inferer import SlidingWindowInferer
from torch import nn

from napari_selfreg.core.volume.intensity import normalise
from napari_selfreg.engine.events import run
from napari_selfreg.engine.volume.predict import VolumePredictRequest, predict_volume
from napari_selfreg.nets.outputs import to_probabilities
from napari_selfreg.nets.registry import build_network, tap_spec

CLASSES = 2
LESSON = 64
"""Side of the cube the last layer is fitted on."""

SHARPNESS = 12.0
"""By how much the logits of the right class exceed the others."""

WHOLE_LIMIT = 130
"""One forward of a larger volume does not fit common memories."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "basic_unet": {},
    "dynunet": {"filters": [32, 64, 128, 256], "norm": "BATCH"},
}
BARS = {"ratio": 2.0, "dice": 0.995}

Floats = npt.NDArray[np.float32]


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
    difference: float | None
    dice_whole: float | None
    monai_whole: float | None
    ours_mb: float
    monai_mb: float


def balls(side: int, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
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


def chosen_model(name: str) -> Any:
    """Return a network with batch normalisation that tells dim from bright."""
    torch.manual_seed(0)
    arguments = ARGUMENTS[name]
    network = build_network(
        name, in_channels=1, out_channels=CLASSES + 1, spatial_dims=3, **arguments
    )
    teach(network)
    card = SimpleNamespace(
        name=name, classes=("a", "b"), separation=None, um_per_px=(1000.0, 1000.0, 1000.0),
        spatial_dims=3, in_channels=1, training={}, recipe={},
        normalisation=SimpleNamespace(mean=(0.0,), std=(1.0,)),
    )  # fmt: skip
    spec = tap_spec(name, spatial_dims=3, **arguments)
    return SimpleNamespace(card=card, network=network.eval(), tapspec=spec)


def teach(network: nn.Module) -> None:
    """Set the statistics of the normalisations, and fit the last layer by least squares."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = None  # the plain mean of what is shown
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    volume, truth = balls(LESSON, seed=1)
    image = torch.from_numpy(normalise(volume))[None, None]
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv3d)]
    head = next(conv for conv in reversed(convolutions) if conv.out_channels == CLASSES + 1)
    seen: list[torch.Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network.train()(image)
        network.eval()(image)
        handle.remove()
        features = seen[-1][0].flatten(1).T.double()
        known = torch.cat([features, torch.ones(len(features), 1)], 1)
        wanted = nn.functional.one_hot(torch.from_numpy(truth).flatten(), CLASSES + 1).double()
        fitted = SHARPNESS * torch.linalg.lstsq(known, wanted).solution.T.float()
        head.weight.copy_(fitted[:, :-1].reshape(head.weight.shape))
        if head.bias is not None:
            head.bias.copy_(fitted[:, -1])


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
    volume, _ = balls(options.side)
    ready = normalise(volume)
    model = chosen_model(options.network)
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
        difference,
        dice_whole,
        monai_whole,
        memory["ours"],
        memory["monai"],
    )


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Watch the process's own memory; MB (Linux)."""
    start, peak, stop = _own_memory(), [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            peak[0] = max(peak[0], _own_memory() - start)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def _own_memory() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


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
        f"ratio {row.ratio:.2f}, Dice {row.dice:.4f}, to one forward: max|dp| {difference}, "
        f"memory {row.ours_mb:.0f} / {row.monai_mb:.0f} MB"
    )


def main() -> int:
    """Run the contest; 1 if a bar is not reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--roi", type=int, default=96)
    parser.add_argument("--network", choices=sorted(ARGUMENTS), default="basic_unet")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    row = contest(options)
    if options.json:
        print(json.dumps({"torch": torch.__version__, "bars": BARS, **asdict(row)}, indent=2))
    else:
        show(row)
    return 0 if all(getattr(row, name) >= bar for name, bar in BARS.items()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
