from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.cost import model_pixels
from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress, TileDone, run
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets import preload, segment_job
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.segment_job import PanelRequest, run_segment
from tests.bundles import tiny_bundle
from tests.widgets.pictures import colour, shown


def request(model: Path, **changes: Any) -> PanelRequest:
    viewer, layer = shown(colour(48, 64))
    values: dict[str, Any] = {
        "picture": picture_of(viewer, layer),
        "box": Box(8, 16, 40, 64),
        "mask": None,
        "pixel_size": PixelSize(1, 1),
        "model": model,
        "device": "cpu",
    }
    return PanelRequest(**(values | changes))


def test_the_engine_works_on_the_box_of_the_picture(tmp_path: Path) -> None:
    events: list[Event] = []
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    result = run(run_segment(request(model)), events.append)
    assert result.box == Box(8, 16, 40, 64)
    assert result.labels.shape == (32, 48)
    assert len(result.table["index"]) == result.labels.max()
    assert isinstance(events[0], Progress)
    assert any(isinstance(event, TileDone) for event in events)


def test_pixels_outside_of_the_shapes_hold_no_object(tmp_path: Path) -> None:
    mask = np.zeros((32, 48), bool)
    mask[:, :20] = True
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    result = run(run_segment(request(model, mask=mask)))
    assert not result.labels[:, 20:].any()


def test_speed_is_that_of_the_network_and_not_of_glass_it_was_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tiles(_: object) -> Iterator[Event]:
        for number, computed in enumerate([False, True, True, False, True], start=1):
            yield TileDone(Box(0, 0, 10, 10), np.zeros((1, 1), np.uint8), number, 5, computed)

    seen: list[float] = []
    monkeypatch.setattr("napari_selfreg.engine.segment.segment_array", tiles)
    monkeypatch.setattr(
        segment_job, "record_speed", lambda device, pixels, seconds: seen.append(pixels)
    )
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    asked = request(model)
    run(segment_job._timed(asked, segment_job.segment_request(asked, None)))
    assert seen == [model_pixels(200, asked.pixel_size, read_card(model).pixel_size, False)]


def test_a_job_waits_while_the_engine_is_loaded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_job, "_LOOK_S", 0.001)
    with preload.importing:
        job = segment_job.start_engine()
        waiting = [next(job) for _ in range(3)]
        cancelled = segment_job.start_engine()
        next(cancelled)
        cancelled.close()
    assert waiting == waiting[:1] * 3
    assert list(job) == []
    assert not preload.importing.locked()


def test_torch_that_windows_cannot_load_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def failing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "napari_selfreg.engine.segment":
            error = OSError("a dynamic link library (DLL) initialization routine failed")
            error.winerror = 1114  # type: ignore[attr-defined]
            raise error
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", failing)
    with pytest.raises(DeviceError, match="napari-selfreg"):
        run(run_segment(request(Path("none"))))
