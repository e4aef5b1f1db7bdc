from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import run
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
