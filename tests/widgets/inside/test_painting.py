from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.widgets.inside.kinds import PAIR, kind_of
from napari_selfreg.widgets.inside.looking import Looked, LookRequest
from napari_selfreg.widgets.inside.painting import Painted, PaintRequest, paint, robust, two_colours
from napari_selfreg.widgets.layers import Picture
from tests.widgets.inside.fakes import inside_of

BOX = Box(0, 0, 60, 80)


def looked_at(field: np.ndarray, *, sides: int = 1, **changes: Any) -> Looked:
    picture = Picture(field, (0, 1), (0, 0), (1.0, 1.0), True)
    request = LookRequest(0, picture, BOX, PixelSize(1, 1), (), ("a", "b")[:sides])
    return Looked(request, tuple(inside_of(field, BOX, **changes) for _ in range(sides)))


def painted(looked: Looked, kind: str, **changes: Any) -> tuple[Painted, ...]:
    chosen = PAIR if kind == "pair" else kind_of(kind)
    blocks = changes.pop("blocks", ("D1",))
    return run(paint(PaintRequest(looked, chosen, blocks, **changes)))


def test_every_block_of_every_model_is_painted_in_order(field) -> None:
    made = painted(looked_at(field, sides=2), "energy", blocks=("E2", "D1"))
    assert [(each.side, each.block) for each in made] == [
        (0, "E2"),
        (1, "E2"),
        (0, "D1"),
        (1, "D1"),
    ]
    assert made[0].plane.shape == (30, 40)


def test_two_models_share_one_scale(field) -> None:
    looked = looked_at(field, sides=2)
    strong = looked.insides[1].blocks["D1"].maps
    strong *= 4
    first, second = painted(looked, "energy")
    assert first.limits == second.limits
    assert second.limits[1] > float(first.plane.max())


def test_a_channel_that_a_model_lacks_is_left_out(field) -> None:
    assert painted(looked_at(field, channels=6), "channel", channels=(6,)) == ()
    (made,) = painted(looked_at(field, channels=6), "channel", channels=(5,))
    np.testing.assert_allclose(made.plane[10, 20], 30 / 255, atol=1e-3)


def test_attention_and_disagreement_need_to_have_been_asked_for(field) -> None:
    assert painted(looked_at(field), "attention") == ()
    (made,) = painted(looked_at(field, attention=True), "attention")
    assert made.limits[0] == 0


def test_likeness_needs_a_place_and_is_highest_there(field) -> None:
    looked = looked_at(field)
    assert painted(looked, "similarity") == ()
    (made,) = painted(looked, "similarity", place=(10.0, 20.0))
    assert made.limits[1] == 1
    assert made.plane[10, 20] == pytest.approx(1, abs=1e-3)
    assert made.plane[35, 55] == pytest.approx(1, abs=1e-3)  # the other dark spot
    assert made.plane[25, 5] < 0.9


def test_patterns_are_colours_and_comparable_between_models(field) -> None:
    looked = looked_at(field, sides=2)
    first, second = painted(looked, "pca")
    assert first.plane.dtype == np.uint8
    assert first.plane.shape == (60, 80, 3)
    np.testing.assert_array_equal(first.plane, second.plane)


def test_models_with_other_channels_get_colours_of_their_own(field) -> None:
    looked = looked_at(field)
    other = inside_of(field, BOX, channels=4)
    both = Looked(looked.request, (looked.insides[0], other))
    assert len(painted(both, "pca")) == 2


def test_two_channels_are_blue_and_yellow_and_clear_where_none_answers(field) -> None:
    maps = np.zeros((2, 1, 200), np.float32)
    maps[0, 0, 50:150] = 1
    maps[1, 0, 100:] = 1
    colours = two_colours(maps, 0, 1)
    assert colours[0, 0, 3] == 0
    blue, green, yellow = (colours[0, at].astype(int) for at in (75, 125, 175))
    assert blue[2] > blue[0]
    assert yellow[0] > yellow[2]
    assert green[1] > max(green[0], green[2])
    (made,) = painted(looked_at(field), "pair", channels=(0, 5))
    assert made.plane.shape == (60, 80, 4)


def test_a_constant_or_broken_map_has_a_scale_all_the_same(field) -> None:
    looked = looked_at(field)
    looked.insides[0].blocks["D1"].maps[:] = 0
    (made,) = painted(looked, "energy")
    assert made.limits[0] < made.limits[1]
    assert robust([np.full((2, 2), np.nan)]) == (0, 1)


def test_energy_and_disagreement_are_those_of_the_engine(field) -> None:
    looked = looked_at(field)
    maps = looked.insides[0].blocks["E2"]
    (energy,) = painted(looked, "energy", blocks=("E2",))
    values = maps.maps.astype(np.float64)
    np.testing.assert_allclose(energy.plane, np.sqrt((values**2).mean(axis=0)), rtol=1e-2)
    (scr,) = painted(looked, "scr", blocks=("E2",))
    np.testing.assert_allclose(
        scr.plane, ((values - maps.last) ** 2).mean(axis=0), rtol=0.05, atol=1e-3
    )


def test_a_block_that_only_one_model_has_is_painted_for_that_one(field) -> None:
    looked = looked_at(field, sides=2)
    looked.insides[0].blocks.pop("B")
    made = painted(looked, "energy", blocks=("B", "D1"))
    assert [(each.side, each.block) for each in made] == [(1, "B"), (0, "D1"), (1, "D1")]
    assert painted(looked, "energy", blocks=()) == ()


def test_what_was_dragged_over_counts_as_a_whole(field) -> None:
    looked = looked_at(field)
    (made,) = painted(looked, "similarity", place=Box(6, 12, 14, 28))
    assert made.plane[10, 20] == pytest.approx(1, abs=1e-3)
    (point,) = painted(looked, "similarity", place=(10.0, 20.0))
    np.testing.assert_allclose(made.plane, point.plane, atol=1e-2)  # one even spot


def test_attention_without_any_answer_has_a_scale(field) -> None:
    looked = looked_at(field, attention=True)
    looked.insides[0].blocks["D1"].attention[:] = 0
    (made,) = painted(looked, "attention")
    assert made.limits[0] == 0 < made.limits[1]
    assert not made.plane.any()


def test_every_block_is_a_step_at_which_it_can_be_cancelled(field) -> None:
    request = PaintRequest(looked_at(field), kind_of("energy"), ("E1", "E2", "B"))
    steps = paint(request)
    assert [next(steps), next(steps)] == [Progress(0, 0), Progress(0, 0)]
    steps.close()
    assert len(list(paint(request))) == 3


@given(
    low=st.floats(-100, 100, width=32),
    spread=st.floats(0.5, 100, width=32),
    outlier=st.floats(1e3, 1e4, width=32),
)
def test_a_few_extreme_pixels_do_not_make_all_else_one_colour(
    low: float, spread: float, outlier: float
) -> None:
    plane = np.linspace(low, low + spread, 2000, dtype=np.float32)
    plane[:2] = outlier
    bottom, top = robust([plane])
    assert low - 1e-3 <= bottom < top <= low + spread + 1e-3
