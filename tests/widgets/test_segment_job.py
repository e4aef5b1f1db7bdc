from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.errors import DeviceError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Progress, TileDone, run
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
