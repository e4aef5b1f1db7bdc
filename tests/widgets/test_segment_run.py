"""One run from its start to each of its ends, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.suitability import no_colours
from napari_selfreg.widgets import panel_job, segment_run
from napari_selfreg.widgets.layer_run import CANCELLED, CHANGED, REMOVED
from napari_selfreg.widgets.layers import picture_of
from napari_selfreg.widgets.pixel_size_change import FOUND_BEFORE, change_pixel_size
from napari_selfreg.widgets.result_info import RESULT_KEY, mark_touched, result_info
from napari_selfreg.widgets.segment_job import PanelRequest
from napari_selfreg.widgets.segment_run import KEEPING, SegmentRun
from tests.widgets.fakes import FakeJob, make_card
from tests.widgets.panel_steps import MICRONS, names
from tests.widgets.waits import LONG


@pytest.fixture
def make(qtbot, field: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a run of a fake job on an image: ``made = make(job)``."""
    shown: list[str] = []
    monkeypatch.setattr(panel_job, "show_error", shown.append)

    def make(job: FakeJob | None = None, picture: np.ndarray = field) -> Any:
        viewer, owner, fake = ViewerModel(), QWidget(), job or FakeJob()
        qtbot.addWidget(owner)
        rgb = picture.ndim == 3
        image = viewer.add_image(picture, name="field", rgb=rgb, **MICRONS)

        def steps(request: PanelRequest) -> Any:
            return (yield from fake(request))

        run = SegmentRun(viewer, owner, steps)
        request = PanelRequest(
            picture_of(viewer, image),
            Box(0, 0, 60, 80),
            None,
            PixelSize.isotropic(1),
            Path("spots"),
            "cpu",
        )
        said: list[str] = []
        run.told.connect(said.append)
        made = SimpleNamespace(
            viewer=viewer, image=image, run=run, job=fake, request=request, said=said, owner=owner
        )
        made.errors = shown
        made.go = lambda: run.start(image, request, make_card())
        return made

    return make


def ended(made: Any, qtbot: Any) -> str:
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.go()
    return str(signal.args[0])


def started(made: Any, qtbot: Any) -> None:
    """Begin, and wait until tiles are there but not all."""
    made.job.gate.clear()
    made.go()
    qtbot.waitUntil(lambda: "Reading the image…" in made.said, timeout=LONG)


def test_a_result_is_added_and_said(make: Any, qtbot) -> None:
    made, found = make(FakeJob(notice="Large pixels.")), []
    made.run.segmented.connect(lambda layer, picture: found.append((layer, picture)))
    progress = []
    made.run.progressed.connect(lambda done, total: progress.append((done, total)))
    text = ended(made, qtbot)
    assert text.startswith("3 ")
    assert text.endswith("Large pixels.")
    assert names(made.viewer) == ["field", "field spots"]
    ((layer, picture),) = found
    assert layer.data.max() == 3
    assert picture is made.request.picture
    assert result_info(layer).image_layer_id == made.image.unique_id
    assert progress[-1] == (4, 4)
    assert made.said[0].startswith("Waiting")


def test_a_grey_picture_is_mentioned(make: Any, field: np.ndarray, qtbot) -> None:
    assert no_colours() in ended(make(picture=field[..., 0]), qtbot)


def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(make: Any, qtbot) -> None:
    made = make(FakeJob(error=BadInputError("This picture is damaged.")))
    assert ended(made, qtbot) == "This picture is damaged."
    assert made.errors == ["This picture is damaged."]
    assert names(made.viewer) == ["field"]
    assert not made.run.runner.running


def test_a_result_that_cannot_be_shown_is_told(
    make: Any, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(segment_run, "add_result", fail)
    made = make()
    assert ended(made, qtbot)
    assert len(made.errors) == 1
    assert names(made.viewer) == ["field"]


def test_cancelled_before_the_first_tile_nothing_is_added(make: Any, qtbot) -> None:
    made = make()
    started(made, qtbot)
    assert not made.run.stopping
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.run.cancel()
        assert made.run.stopping
    assert signal.args == [CANCELLED]
    assert names(made.viewer) == ["field"]
    assert made.job.closed.is_set()


def test_cancelled_later_the_finished_part_is_kept(make: Any, qtbot) -> None:
    made = make()
    made.job.gate.clear()
    made.go()
    made.run._run.tiles = 1  # as when its first tile has come
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.run.cancel()
        assert made.said[-1] == KEEPING
        made.job.gate.set()
    assert "Stopped early." in signal.args[0]
    assert names(made.viewer) == ["field", "field spots"]
    assert not made.viewer.layers["field spots"].data[15:].any()


def test_a_removed_image_ends_its_run(make: Any, qtbot) -> None:
    made = make()
    started(made, qtbot)
    other = made.viewer.add_image(np.zeros((4, 4)))
    made.viewer.layers.remove(other)
    assert not made.run.stopping
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.viewer.layers.remove(made.image)
    assert signal.args == [REMOVED]


def test_an_image_that_became_another_gets_no_result(make: Any, qtbot) -> None:
    made = make()
    started(made, qtbot)
    made.image.data = np.zeros((5, 6, 3), np.uint8)
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.job.gate.set()
    assert signal.args == [CHANGED]
    assert "field spots" not in names(made.viewer)


def test_a_size_chosen_meanwhile_is_what_the_result_is_measured_by(make: Any, qtbot) -> None:
    made = make()
    ended(made, qtbot)
    before = made.viewer.layers["field spots"]
    started(made, qtbot)
    change_pixel_size(made.viewer, made.image, PixelSize(2, 2))
    with qtbot.waitSignal(made.run.concluded, timeout=LONG) as signal:
        made.job.gate.set()
    assert FOUND_BEFORE in signal.args[0]
    found = made.viewer.layers["field spots [1]"]
    assert result_info(found).pixel_size == PixelSize(2, 2)
    assert found.features["area_um2"][1] == 4 * (found.data == 1).sum()
    assert found.features.equals(before.features)
    assert found.scale.tolist() == made.image.scale.tolist()


def test_one_run_after_another(make: Any, qtbot) -> None:
    made = make()
    ended(made, qtbot)
    ended(made, qtbot)
    assert len(made.job.requests) == 2
    assert len({id(layer) for layer in made.viewer.layers}) == len(made.viewer.layers)


def test_what_the_same_model_found_there_before_is_hidden(make: Any, qtbot) -> None:
    made = make()
    assert "hidden" not in ended(made, qtbot)
    assert "“field spots”, from before, is hidden." in ended(made, qtbot)
    assert [layer.visible for layer in made.viewer.layers] == [True, False, True]
    assert "“field spots [1]”, from before" in ended(made, qtbot)


@pytest.mark.parametrize("other", ["place", "model", "shape", "touched"])
def test_other_results_stay_on_show(make: Any, qtbot, other: str) -> None:
    made = make()
    ended(made, qtbot)
    former = made.viewer.layers["field spots"]
    if other == "place":
        made.request = replace(made.request, box=Box(0, 0, 40, 80))
    elif other == "touched":
        mark_touched(former)
    else:
        change = {"model": {"model_name": "b"}, "shape": {"mask": np.ones((60, 80), bool)}}[other]
        former.metadata[RESULT_KEY] = replace(result_info(former), **change)
    made.go = lambda: made.run.start(made.image, made.request, make_card())
    assert "hidden" not in ended(made, qtbot)
    assert former.visible
