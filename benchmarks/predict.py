"""Throughput of `predict` against MONAI's sliding-window inferer, in one process, same weights.

    python benchmarks/predict.py
    python benchmarks/predict.py --sizes 2048 8192 --precision fp32 bf16 --json
    ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/predict.py
    python benchmarks/predict.py --threads 1 --clock cpu   # on a machine that is busy

The picture is tissue everywhere (the EBHI samples, mirrored side by side) at the model's own pixel
size. Contenders take turns, so that a busy machine slows all of them; the best of a few rounds
counts. MONAI runs ``SlidingWindowInferer(512, overlap=0.25, mode="gaussian")`` in float32 on a
normalised tensor that is ready in memory; `predict` starts from the 8-bit picture.

Columns: Mpx/s of output, the ratio of both, the windows' pixels that were computed per second over
those of a bare forward at its best tile, Dice to MONAI's mask, and the largest difference to one
float32 forward of the whole picture. ``--memory`` reads and writes lazily and reports the peak.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers.inferer import SlidingWindowInferer
from own_memory import peak_memory
from PIL import Image

import napari_selfreg
from napari_selfreg.core.errors import SelfRegError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.devices import resolve_device
from napari_selfreg.engine.events import run
from napari_selfreg.engine.forward import Mode, Outputs, build_forward
from napari_selfreg.engine.locality import halo_of
from napari_selfreg.engine.planning import Tiling, largest_side
from napari_selfreg.engine.precision import choose_mode
from napari_selfreg.engine.predict import Prediction, PredictRequest, predict
from napari_selfreg.nets.outputs import to_probabilities
from napari_selfreg.nets.registry import build_network, tap_spec

SAMPLES = Path(napari_selfreg.__file__).parent / "samples"
BARE_TILES = (128, 256, 512, 768, 1024, 1536, 2048)
WHOLE_LIMIT = 3000
"""One forward of a larger picture does not fit common memories."""

LONG_LOOK = 2048**2
"""Pixels for which the bare network is timed."""

Rgb = npt.NDArray[np.uint8]


@dataclass
class Row:
    """One line of the table."""

    size: int
    precision: str
    used: str
    ours: float
    monai: float
    ratio: float
    computed_to_bare: float
    dice: float
    difference: float | None
    peak_mb: float | None = None


def tissue(side: int) -> Rgb:
    """Return a square of tissue."""
    fields = [np.asarray(Image.open(SAMPLES / f"ebhi_{n}.png").convert("RGB")) for n in
              ("normal", "low_grade")]  # fmt: skip
    strip = np.concatenate([fields[0], fields[1][:, ::-1]], axis=1)
    mosaic = np.concatenate([strip, strip[::-1]], axis=0)
    mosaic = np.concatenate([mosaic, mosaic[:, ::-1]], axis=1)
    times = (-(-side // mosaic.shape[0]), -(-side // mosaic.shape[1]), 1)
    return np.ascontiguousarray(np.tile(mosaic, times)[:side, :side])


def chosen_model(name: str) -> Any:
    """Return a bundled model, or the default network with random weights."""
    try:
        return load_model(name)
    except SelfRegError as error:
        print(f"random weights: {error}")
    torch.manual_seed(0)
    card = SimpleNamespace(
        name="random", classes=("gland",), separation="contour", um_per_px=(1.0, 1.0),
        spatial_dims=2, in_channels=3,
        normalisation=SimpleNamespace(mean=(0.7, 0.5, 0.7), std=(0.2, 0.2, 0.2)),
    )  # fmt: skip
    network = build_network("basic_unet", in_channels=3, out_channels=3).eval()
    return SimpleNamespace(card=card, network=network, tapspec=tap_spec("basic_unet"))


class Contest:
    """The contenders on one picture.

    Parameters
    ----------
    model : Model
        Shared by all.
    image : ndarray of uint8, shape (y, x, 3)
    device : torch.device
    clock : callable
        Seconds.
    """

    def __init__(
        self, model: Any, image: Rgb, device: torch.device, clock: Callable[[], float]
    ) -> None:
        self.model, self.image, self.device, self.clock = model, image, device, clock
        self.outputs = Outputs.of(model.card)
        self.network = model.network.to(device)
        mean, std = (torch.tensor(v) for v in (self.outputs.mean, self.outputs.std))
        colours = (torch.from_numpy(image).float() / 255 - mean) / std
        self.batch = colours.permute(2, 0, 1)[None].contiguous().to(device)

    def timed(self, task: Callable[[], Any]) -> tuple[float, Any]:
        """Return seconds and result."""
        start = self.clock()
        result = task()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.clock() - start, result

    def monai(self) -> npt.NDArray[Any]:
        """Predict with MONAI's inferer."""
        inferer = SlidingWindowInferer(512, 1, 0.25, mode="gaussian")
        with torch.inference_mode():
            return self._probabilities(inferer(self.batch, self.network))

    def whole(self) -> npt.NDArray[Any]:
        """Predict with one forward."""
        with torch.inference_mode():
            return self._probabilities(self.network(self.batch))

    def ours(self, precision: str) -> Prediction:
        """Predict with this package."""
        return run(predict(self._request(precision)))

    def bare(self, mode: Mode) -> float:
        """Return pixels per second of the network alone at its best tile.

        The best of many short looks is a lucky one: the tile it names is timed once more, for
        about as long as the others take.
        """
        forward = build_forward(self.network, self.outputs, mode, self.device)

        def speed(side: int, pixels: int) -> float:
            tiles = [np.ascontiguousarray(self.image[:side, :side])]
            boxes = [Box(0, 0, side, side)]
            count = max(2, pixels // side**2)
            forward(tiles, boxes)
            seconds, _ = self.timed(lambda: [forward(tiles, boxes) for _ in range(count)])
            return count * side**2 / seconds

        sides = [side for side in BARE_TILES if side <= min(self.image.shape[:2])]
        best = max(sides, key=lambda side: speed(side, 1024**2))
        return speed(best, min(LONG_LOOK, self.image.shape[0] * self.image.shape[1]))

    def windows(self, mode: Mode) -> int:
        """Return how many pixels the windows of a plan hold."""
        shape = (self.image.shape[0], self.image.shape[1])
        tiling = Tiling.of(self.network, self.model.tapspec, shape)
        side = largest_side(self.device, fused=mode.fused, blends=tiling.blends)
        tiling = tiling.sized(side)
        tiles = tiling.tiles(Box(0, 0, *shape))
        return sum(tile.window.shape[0] * tile.window.shape[1] for tile in tiles)

    def mode(self, precision: str) -> Mode:
        """Return how this package runs the network."""
        side = (192, 192)
        return choose_mode(self.network, self.outputs, self.device, precision, side)

    def _request(self, precision: str, **more: Any) -> PredictRequest:
        size = PixelSize(*self.model.card.um_per_px)
        return PredictRequest(
            self.image, size, self.model, device=str(self.device), precision=precision, **more
        )

    def _probabilities(self, logits: torch.Tensor) -> npt.NDArray[Any]:
        values = to_probabilities(logits, self.outputs.n_classes, self.outputs.separation)
        result: npt.NDArray[Any] = values[0].cpu().numpy()
        return result


def contest(contest: Contest, precisions: list[str], rounds: int) -> list[Row]:
    """Let all contenders run in turn and return the best of each."""
    pixels = contest.image.shape[0] * contest.image.shape[1]
    modes = {precision: contest.mode(precision) for precision in precisions}
    best = dict.fromkeys(["monai", *precisions], float("inf"))
    bare = dict.fromkeys(precisions, 0.0)
    results: dict[str, Any] = {}
    for _ in range(rounds):
        for precision in precisions:
            seconds, results[precision] = contest.timed(lambda p=precision: contest.ours(p))
            best[precision] = min(best[precision], seconds)
            bare[precision] = max(bare[precision], contest.bare(modes[precision]))
        seconds, results["monai"] = contest.timed(contest.monai)
        best["monai"] = min(best["monai"], seconds)
    whole = contest.whole() if contest.image.shape[0] <= WHOLE_LIMIT else None
    return [
        Row(
            size=contest.image.shape[0],
            precision=precision,
            used=results[precision].precision,
            ours=pixels / best[precision] / 1e6,
            monai=pixels / best["monai"] / 1e6,
            ratio=best["monai"] / best[precision],
            computed_to_bare=contest.windows(modes[precision]) / best[precision] / bare[precision],
            dice=dice(results[precision].probability, results["monai"], contest.outputs.n_classes),
            difference=None
            if whole is None
            else float(np.abs(results[precision].probability - whole).max()),
        )
        for precision in precisions
    ]


def dice(first: npt.NDArray[Any], second: npt.NDArray[Any], n_classes: int) -> float:
    """Return the Dice of two foregrounds."""
    a, b = (values[:n_classes].sum(axis=0) >= 0.5 for values in (first, second))
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def lazy_peak(model: Any, side: int, device: torch.device, precision: str) -> float:
    """Return how many MB memory grows while a picture on disk becomes a file of probabilities."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "image.npy", Path(folder) / "probability.npy"
        image = np.lib.format.open_memmap(paths[0], "w+", np.uint8, (side, side, 3))
        strip = tissue(side)
        image[:] = strip
        del strip
        channels = Outputs.of(model.card).channels
        out = np.lib.format.open_memmap(paths[1], "w+", np.float32, (channels, side, side))
        size = PixelSize(*model.card.um_per_px)
        request = PredictRequest(
            image, size, model, device=str(device), precision=precision, out=out
        )
        with peak_memory() as peak:
            run(predict(request))
    return peak[0]


def show(rows: list[Row]) -> None:
    """Print a table."""
    print(
        f"{'size':>5} {'precision':>9} {'used':>5} {'ours':>7} {'MONAI':>7} {'ratio':>6} "
        f"{'/bare':>6} {'Dice':>7} {'max|dp|':>8} {'peak MB':>8}"
    )
    for row in rows:
        difference = "" if row.difference is None else f"{row.difference:.4f}"
        peak = "" if row.peak_mb is None else f"{row.peak_mb:.0f}"
        print(
            f"{row.size:5} {row.precision:>9} {row.used:>5} {row.ours:7.3f} {row.monai:7.3f} "
            f"{row.ratio:6.2f} {row.computed_to_bare:6.2f} {row.dice:7.4f} {difference:>8} "
            f"{peak:>8}",
            flush=True,
        )


def main() -> None:
    """Run the contest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048])
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="glands")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--memory", action="store_true", help="also with lazy reading and writing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    model, device = chosen_model(options.model), resolve_device(options.device)
    rows: list[Row] = []
    for side in options.sizes:
        found = contest(
            Contest(model, tissue(side), device, clock), options.precision, options.rounds
        )
        for row in found if options.memory else []:
            row.peak_mb = lazy_peak(model, side, device, row.precision)
        rows += found
        if not options.json:
            show(found)
    if options.json:
        facts = {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "isa_limit": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
            "clock": options.clock,
            "model": model.card.name,
            "halo": halo_of(model.tapspec),
            "rows": [asdict(row) for row in rows],
        }
        print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
