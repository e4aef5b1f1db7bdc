"""Memory of several fine-tunings in one process, as a window that stays open all day makes them.

    python benchmarks/finetune_memory.py                  # three short runs of the bundled glands
    python benchmarks/finetune_memory.py --json           # the same for a program
    python benchmarks/finetune_memory.py --device cuda    # also what the graphics card still holds

The first run loads the engine and fills caches; from then on the resident memory of the process
may grow by at most 150 MB. The pictures are made up: only their size matters.
"""

from __future__ import annotations

import argparse
import gc
import json
from dataclasses import asdict, dataclass

import numpy as np
import psutil
from skimage.draw import disk

from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import run
from napari_selfreg.engine.finetune_types import FinetuneField, FinetuneRequest

AIM_MB = 150.0
FIELDS = 3


@dataclass(frozen=True)
class Row:
    """Memory after one run: resident megabytes, and those a graphics card has allocated."""

    after: str
    resident_mb: float
    cuda_mb: float


def field(seed: int, side: int) -> FinetuneField:
    """Return dark discs on a bright ground."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    for number, (y, x) in enumerate(rng.integers(40, side - 40, (12, 2)), start=1):
        labels[disk((y, x), 30, shape=labels.shape)] = number
    rgb = np.where(labels[..., None] > 0, (130, 70, 150), (235, 215, 230))
    noisy = rgb + rng.normal(0, 8, rgb.shape)
    return FinetuneField(noisy.clip(0, 255).astype(np.uint8), labels, pixel_size=PixelSize(1, 1))


def row(after: str, device: str) -> Row:
    """Collect garbage and measure."""
    import torch

    gc.collect()
    resident = psutil.Process().memory_info().rss / 2**20
    card = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else 0.0
    return Row(after, round(resident, 1), round(card, 1))


def measure(model: str, runs: int, steps: int, side: int, device: str) -> list[Row]:
    """Fine-tune several times, forgetting each result, and measure after each."""
    from napari_selfreg.engine.finetune import finetune

    rows = [row("start", device)]
    for number in range(1, runs + 1):
        fields = tuple(field(seed, side) for seed in range(FIELDS))
        run(finetune(FinetuneRequest(model, fields, steps=steps, seed=number, device=device)))
        del fields
        rows.append(row(f"run {number}", device))
    return rows


def main() -> None:
    """Print the table; exits with 1 if more memory stays than may."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--model", default="glands", help="name or file of the base")
    parser.add_argument("--runs", type=int, default=3, help="fine-tunings, at least 2")
    parser.add_argument("--steps", type=int, default=4, help="steps of each")
    parser.add_argument("--side", type=int, default=512, help="pixels of a picture's side")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args()
    rows = measure(options.model, options.runs, options.steps, options.side, options.device)
    growth = rows[-1].resident_mb - rows[1].resident_mb
    if options.json:
        result = {"aim_mb": AIM_MB, "growth_mb": growth, "rows": [asdict(each) for each in rows]}
        print(json.dumps(result))
    else:
        print(f"{'after':8} {'resident MB':>12} {'CUDA MB':>9}")
        for each in rows:
            print(f"{each.after:8} {each.resident_mb:12.1f} {each.cuda_mb:9.1f}")
        print(f"from the first run to the last: {growth:+.1f} MB (at most {AIM_MB:g})")
    if growth > AIM_MB or rows[-1].cuda_mb > rows[0].cuda_mb + 1:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
