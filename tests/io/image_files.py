"""Small images that tests write to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

Array = npt.NDArray[Any]


def tissue(height: int = 40, width: int = 60) -> npt.NDArray[np.uint8]:
    """Return an RGB picture in which every pixel tells where it is; no channel equals another."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y * 3 % 256, x * 2 % 256, (x + 5 * y) % 256], axis=2).astype(np.uint8)


def smooth(height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return a picture that survives lossy compression."""
    y, x = np.mgrid[:height, :width]
    planes = [120 + 80 * np.sin(y / 40), 120 + 80 * np.cos(x / 50), 100 + (x + y) / 20]
    return np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)


def write_pyramid(
    path: Path, pixels: Array, n_levels: int = 3, tile: int = 16, **options: Any
) -> list[Array]:
    """Write a tiled pyramid, each level the mean of 2 x 2, and return its levels."""
    levels = [pixels]
    for _ in range(1, n_levels):
        full = levels[-1]
        even = full[: full.shape[0] // 2 * 2, : full.shape[1] // 2 * 2].astype(float)
        blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, -1)
        levels.append(blocks.mean((1, 3)).astype(pixels.dtype))
    with tifffile.TiffWriter(path) as writer:
        for index, level in enumerate(levels):
            writer.write(
                level,
                photometric="rgb",
                tile=(tile, tile),
                compression="deflate",
                subfiletype=int(index > 0),
                metadata=None,
                **options,
            )
    return levels


def write_svs(path: Path, pixels: Array, mpp: str | None = "0.4990") -> None:
    """Write a slide as Aperio does: levels, thumbnail, then label and macro photographs."""
    about = "Aperio Image Library v11.2.1 \r\n4000x3000 (16x16) JPEG/RGB Q=30|AppMag = 20"
    if mpp is not None:
        about += f"|MPP = {mpp}|Left = 25.7"
    photograph = np.full((30, 50, 3), 17, np.uint8)
    with tifffile.TiffWriter(path) as writer:
        common: dict[str, Any] = {"photometric": "rgb", "metadata": None}
        writer.write(pixels, tile=(16, 16), description=about, **common)
        writer.write(pixels[::4, ::4], rowsperstrip=16, description="Aperio thumbnail", **common)
        writer.write(pixels[::2, ::2], tile=(16, 16), description="Aperio level", **common)
        writer.write(photograph, subfiletype=1, description="Aperio\nlabel 50x30", **common)
        writer.write(photograph, subfiletype=9, description="Aperio\nmacro 50x30", **common)
