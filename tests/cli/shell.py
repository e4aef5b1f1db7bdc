"""Running the shell command inside a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from napari_selfreg.cli import app

KEYS = {"image", "objects", "seconds", "megapixels_per_second", "outputs"}
COMMANDS = [
    "demo",
    "models",
    "segment",
    "evaluate",
    "compare",
    "features",
    "train",
    "finetune",
    "export",
    "doctor",
]


def picture(path: Path, height: int = 40, width: int = 48, seed: int = 0) -> Path:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def faults(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("Error:")]
