from __future__ import annotations

from pathlib import Path

import pytest

from napari_selfreg.engine.demo import DemoRequest, colon_samples, demo
from napari_selfreg.engine.events import Event, TileDone, run
from tests.bundles import tiny_bundle


def test_the_samples_of_the_demo_are_colon_and_exist() -> None:
    chosen = colon_samples()
    assert len(chosen) >= 2
    assert all(sample.path.is_file() for sample in chosen)


def test_the_demo_reports_tiles_and_says_what_it_wrote(tmp_path: Path) -> None:
    events: list[Event] = []
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    result = run(demo(DemoRequest(tmp_path / "out", model, "cpu")), events.append)
    assert [Path(str(entry["image"])) for entry in result.images] == [
        sample.path for sample in colon_samples()
    ]
    assert result.preview == tmp_path / "out" / "preview.png"
    assert result.preview.stat().st_size > 10_000
    assert any(isinstance(event, TileDone) for event in events)


def test_a_closed_demo_leaves_no_picture(tmp_path: Path) -> None:
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    job = demo(DemoRequest(tmp_path / "out", model, "cpu"))
    next(job)
    job.close()
    assert not (tmp_path / "out" / "preview.png").exists()
    with pytest.raises(StopIteration):
        next(job)
