from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, run
from napari_selfreg.io import terms
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.model_entries import ModelEntry
from napari_selfreg.widgets.segment_job import PanelRequest
from napari_selfreg.widgets.try_all import (
    MOST_MODEL_PIXELS,
    PREVIEW_SIDE,
    Candidate,
    Tried,
    TryRequest,
    find_candidates,
    middle,
    outlined,
    try_all,
)
from tests.bundles import tiny_bundle
from tests.widgets.fakes import make_card
from tests.widgets.pictures import colour, shown

SIZE = PixelSize.isotropic(1.0)


def entry(**changes: object) -> ModelEntry:
    card = make_card(**changes)
    return ModelEntry(Path(f"{card.name}.safetensors"), card)


def reason(**changes: object) -> str:
    return find_candidates([entry(**changes)], SIZE)[0].reason


class TestCandidates:
    def test_a_fitting_model_is_tried(self) -> None:
        assert reason() == ""

    def test_a_model_for_finer_pictures_is_named_with_the_reason(self) -> None:
        assert "too coarse" in reason(um_per_px=(0.25, 0.25))

    def test_terms_are_read_before_the_first_use(self) -> None:
        card = {"name": "limited", "research_only": True, "terms": "Research only."}
        assert reason(**card).startswith("Research only.")
        terms.remember("limited")
        assert reason(**card) == ""

    def test_an_unusable_file_is_left_out(self) -> None:
        assert find_candidates([ModelEntry(Path("x"), None, "broken")], SIZE) == ()


class TestMiddle:
    def test_a_small_view_is_taken_whole(self) -> None:
        assert middle(Box(3, 4, 500, 600), SIZE, SIZE) == Box(3, 4, 500, 600)

    def test_of_a_large_one_the_middle(self) -> None:
        box = middle(Box(0, 0, 8000, 4000), SIZE, PixelSize.isotropic(0.5))
        assert math.prod(box.shape) * 4 == pytest.approx(MOST_MODEL_PIXELS, rel=0.01)
        assert (box.y0 + box.y1, box.x0 + box.x1) == (8000, 4000)


class TestOutlined:
    def test_outlines_are_drawn_at_the_size_of_a_preview(self) -> None:
        rgb = np.full((680, 400, 3), 90, np.uint8)
        labels = np.zeros((680, 400), np.int32)
        labels[100:300, 100:300] = 7
        picture = outlined(rgb, labels)
        assert picture.shape == (PREVIEW_SIDE, 200, 3)
        bright = (picture == (255, 255, 0)).all(axis=2)
        assert bright[50:150, 49:51].any(axis=1).all()
        assert not bright[60:140, 60:140].any()
        assert (rgb == 90).all()

    def test_touching_objects_stay_apart(self) -> None:
        labels = np.ones((PREVIEW_SIDE, PREVIEW_SIDE), np.int32)
        labels[:, 170:] = 2
        picture = outlined(np.zeros((*labels.shape, 3), np.uint8), labels)
        assert (picture[:, 169:171] == (255, 255, 0)).all()


def test_every_candidate_is_tried_and_a_broken_one_does_not_stop_the_rest(tmp_path: Path) -> None:
    good = tiny_bundle(tmp_path / "good.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    viewer, layer = shown(colour(48, 64))
    request = PanelRequest(picture_of(viewer, layer), Box(0, 0, 48, 64), None, SIZE, good, "cpu")
    candidates = (
        Candidate(broken, make_card(name="broken")),
        Candidate(Path("skipped"), make_card(name="skipped"), "Too coarse."),
        Candidate(good, make_card(name="good")),
    )
    seen: list[Event] = []
    run(try_all(TryRequest(request, candidates)), seen.append)
    tried = [event for event in seen if isinstance(event, Tried)]
    assert [event.path for event in tried] == [broken, good]
    assert tried[0].picture is None
    assert "broken" in tried[0].words
    assert tried[1].picture is not None
    assert tried[1].picture.shape == (255, PREVIEW_SIDE, 3)
    assert "object" in tried[1].words
