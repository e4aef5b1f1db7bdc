"""Pictures that are read piece by piece give the same files, and leave nothing behind."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.labelling_bands import BandLabeller
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine import segment as module
from napari_selfreg.engine.bundles import load_model
from napari_selfreg.engine.events import run
from napari_selfreg.engine.overlap import THREAD_NAME
from napari_selfreg.engine.predict import PredictRequest, predict
from napari_selfreg.engine.segment import (
    ArraySegmentRequest,
    SegmentRequest,
    segment,
    segment_array,
)
from napari_selfreg.io.lazy import LazyLevel
from tests.bundles import tiny_bundle

Rgb = npt.NDArray[np.uint8]
ONE = PixelSize.isotropic(1.0)


def tissue(height: int, width: int, seed: int = 0) -> Rgb:
    """Return smooth blobs in three colours."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3))
    smooth = gaussian_filter(noise, (3, 3, 0))
    return (128 + 80 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small picture have several rows of tiles."""
    monkeypatch.setattr(module, "PredictRequest", partial(PredictRequest, tile=96, halo=16))


@pytest.mark.usefixtures("small_tiles")
def test_a_level_that_is_read_piece_by_piece_gives_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_bundle(tmp_path / "tiny.safetensors", separation="contour")
    path, pixels = tmp_path / "tissue.tif", tissue(420, 130)
    found = run(predict(PredictRequest(pixels, ONE, model, device="cpu")))
    half = float(np.median(found.probability[0]))  # an untrained network has no 0.5
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb",
        tile=(64, 64),
        resolution=(1e4, 1e4),
        resolutionunit=3,
    )
    threads: list[str] = []
    label = BandLabeller._label

    def noted(self: BandLabeller, top: int, wanted: Any) -> None:
        threads.append(threading.current_thread().name)
        label(self, top, wanted)

    monkeypatch.setattr(BandLabeller, "_label", noted)
    settings = PostProcessing(threshold=half, max_hole_um2=20, min_area_um2=5, separation=1.0)
    results = []
    for folder, limit in (("eager", module.IN_MEMORY_PIXELS), ("lazy", 0)):
        monkeypatch.setattr(module, "IN_MEMORY_PIXELS", limit)
        request = SegmentRequest(path, model, tmp_path / folder, device="cpu", settings=settings)
        results.append(run(segment(request)))
        assert bool(threads) == (folder == "lazy")
    assert results[0]["objects"] == results[1]["objects"] > 3
    for eager, lazy in zip(*(map(Path, r["outputs"].values()) for r in results), strict=True):
        assert eager.name == lazy.name
        assert eager.read_bytes() == lazy.read_bytes()
    assert all(name.startswith(THREAD_NAME) for name in threads)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("steps", [2, 5, 9])
def test_cancelling_a_lazy_picture_leaves_neither_files_nor_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY_PIXELS", 0)
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    image = tmp_path / "tissue.tif"
    tifffile.imwrite(image, tissue(420, 130), photometric="rgb", tile=(64, 64))
    job = segment(SegmentRequest(image, model, tmp_path / "out", device="cpu"))
    for _ in range(steps):
        next(job)
    job.close()
    assert not (tmp_path / "out").exists()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith((THREAD_NAME, "read-ahead"))]


@pytest.mark.usefixtures("small_tiles")
def test_an_image_that_breaks_while_it_is_read_says_so_and_ends_the_threads(tmp_path: Path) -> None:
    pixels = tissue(420, 130)

    def read(box: Box) -> Rgb:
        if box.y1 > 300:
            raise BadInputError("slide.tif is damaged: copy it again.")
        return pixels[box.slices]

    picture: Any = LazyLevel(read, (420, 130), (64, 64), "slide.tif")
    model = load_model(tiny_bundle(tmp_path / "tiny.safetensors"))
    with pytest.raises(BadInputError, match=r"slide\.tif is damaged"):
        run(segment_array(ArraySegmentRequest(picture, ONE, model, device="cpu")))
    assert not [t for t in threading.enumerate() if t.name.startswith(THREAD_NAME)]
