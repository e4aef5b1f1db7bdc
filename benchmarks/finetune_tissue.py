"""What one minute of fine-tuning teaches `glands` about tissue of another laboratory.

    python benchmarks/finetune_tissue.py --glas GLAS --ebhi EBHI
    python benchmarks/finetune_tissue.py --glas GLAS --ebhi EBHI --choices 1 --minutes 2 --json

Every choice draws five patients of the GlaS training images, one image of each to learn from, and
at most three of each other patient to score. `five` learns from all of the five images, `one` from
the first, `regions` from a rectangle of a tenth of each of the five; the shell's own command does
it, in a process of its own. Scored is the native Dice of `evaluate`, on the other patients and on
the held-out EBHI-Seg images, which show what was forgotten. A machine that does other things too
makes fewer steps in the minute: run it alone.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from napari_selfreg.io.datasets import GLAS_UM_PER_PX, Dataset, Sample, open_dataset

BASE = "glands"
KINDS = ("five", "one", "regions")
SHARE = 0.1
"""Of each image that is reviewed in `regions`."""

EBHI_UM = 1.1
"""Micrometres per pixel: not stated by the data set, estimated from the size of glands."""

_LEARN, _TESTED = 5, 3


@dataclass(frozen=True)
class Draw:
    """One image each of five patients to learn from, and images of all others."""

    learn: tuple[Sample, ...]
    test: tuple[Sample, ...]


def drawn(dataset: Dataset, seed: int) -> Draw:
    """Draw patients and images; the same seed always draws the same."""
    by_patient = defaultdict(list)
    for sample in sorted(dataset.samples, key=lambda sample: sample.stem):
        by_patient[sample.patient].append(sample)
    rng = random.Random(seed)
    patients = sorted(by_patient, key=lambda name: (len(name), name))
    chosen = rng.sample(patients, _LEARN)
    learn = [rng.choice(by_patient[name]) for name in chosen]
    others = [by_patient[name] for name in patients if name not in chosen]
    test = [one for images in others for one in rng.sample(images, min(_TESTED, len(images)))]
    return Draw(tuple(learn), tuple(test))


def region(width: int, height: int, rng: random.Random) -> dict[str, Any]:
    """Return GeoJSON of a rectangle with the image's proportions somewhere in it."""
    wide, high = round(width * SHARE**0.5), round(height * SHARE**0.5)
    x, y = rng.randint(0, width - wide), rng.randint(0, height - high)
    ring = [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high], [x, y]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {}}
    return {"type": "FeatureCollection", "features": [feature]}


def copied(samples: Iterable[Sample], folder: Path) -> list[str]:
    """Copy images and labels, and return the options that name them."""
    images, labels = folder / "images", folder / "labels"
    for to in (images, labels):
        to.mkdir(parents=True)
    for sample in samples:
        shutil.copy(sample.image, images)
        shutil.copy(sample.label, labels)
    return ["--images", str(images), "--labels", str(labels)]


def options_of(kind: str, draw: Draw, seed: int, folder: Path) -> list[str]:
    """Write what a run learns from, and return the options that name it."""
    learn = draw.learn[:1] if kind == "one" else draw.learn
    options = copied(learn, folder)
    if kind != "regions":
        return options
    rng = random.Random(seed)
    regions = folder / "regions"
    regions.mkdir()
    for sample in learn:
        with Image.open(sample.image) as image:
            shape = region(*image.size, rng)
        (regions / f"{sample.stem}.geojson").write_text(json.dumps(shape), encoding="utf-8")
    return [*options, "--regions", str(regions)]


def shell(*arguments: str) -> dict[str, Any]:
    """Run a command of the shell and return its JSON."""
    command = [sys.executable, "-m", "napari_selfreg", *arguments, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def dice(model: str, options: Sequence[str], um_per_px: float) -> float:
    """Return the mean native Dice of a model."""
    score = shell("evaluate", "--model", model, *options, "--um-per-px", str(um_per_px))
    return round(float(score["metrics"]["dice"]["mean"]), 4)


def rows_of(
    glas: Dataset, ebhi: Dataset, seed: int, kinds: Sequence[str], minutes: float
) -> list[dict[str, Any]]:
    """Fine-tune and score every kind of one choice."""
    draw, um = drawn(glas, seed), GLAS_UM_PER_PX
    rows = []
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        others = copied(draw.test, here / "others")
        held_out = copied((s for s in ebhi.samples if s.split == "val"), here / "ebhi")
        base = {"glas": dice(BASE, others, um), "ebhi": dice(BASE, held_out, EBHI_UM)}
        for kind in kinds:
            output = str(here / f"{kind}.safetensors")
            learn = options_of(kind, draw, seed, here / kind)
            told = ["--um-per-px", str(um), "--minutes", str(minutes), "--output", output]
            record = shell("finetune", "--model", BASE, *learn, *told)
            tuned = {"glas": dice(output, others, um), "ebhi": dice(output, held_out, EBHI_UM)}
            facts = {key: record[key] for key in ("steps", "seconds", "verdict")}
            rows.append({"choice": seed, "kind": kind, **facts, "base": base, "tuned": tuned})
            print(line(rows[-1]), file=sys.stderr, flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    """Return a row of the table in Markdown."""
    pairs = (f"{row['base'][name]:.3f} → {row['tuned'][name]:.3f}" for name in ("glas", "ebhi"))
    facts = (row["choice"], row["kind"], row["steps"], f"{row['seconds']:.1f}", *pairs)
    return f"| {' | '.join(map(str, facts))} |"


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--glas", required=True, help="folder of the GlaS training images")
    parser.add_argument("--ebhi", required=True, help="folder of EBHI-Seg")
    parser.add_argument("--choices", type=int, default=3, help="how often patients are drawn")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--minutes", type=float, default=1.0, help="wall time of each run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    glas, ebhi = open_dataset(Path(options.glas)), open_dataset(Path(options.ebhi))
    if not any(sample.split == "val" for sample in ebhi.samples):
        parser.error("--ebhi needs an index.csv with a column split: what it calls val is scored")
    rows = [
        row
        for seed in range(options.choices)
        for row in rows_of(glas, ebhi, seed, options.kinds, options.minutes)
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print(
        "| choice | what teaches | steps | s | GlaS, other patients | EBHI-Seg |\n"
        + "|---" * 6
        + "|"
    )
    print("\n".join(line(row) for row in rows))


if __name__ == "__main__":
    main()
