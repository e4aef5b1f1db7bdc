from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_selfreg.engine.events import run
from napari_selfreg.widgets.inside.looking import Looked
from napari_selfreg.widgets.inside.matrices import Matrix, MatrixSettings, make_matrices


def matrices(looked: Looked, **changes: Any) -> tuple[Matrix, ...]:
    return run(make_matrices(looked, MatrixSettings(**{"block": "D1", **changes})))


def test_there_is_one_square_per_model_with_ones_on_its_diagonal(looked) -> None:
    first, second = matrices(looked)
    assert (first.title, second.title) == ("a", "b")
    assert first.values.shape == (6, 6)
    np.testing.assert_allclose(np.diag(first.values), 1, atol=1e-3)
    assert sorted(first.channels) == list(range(6))


@pytest.mark.parametrize("order", ["ifd", "cluster", "network"])
def test_every_cell_belongs_to_its_channels_in_any_order(looked, order: str) -> None:
    (plain, _), (sorted_one, _) = matrices(looked, order="network"), matrices(looked, order=order)
    index = np.ix_(sorted_one.channels, sorted_one.channels)
    np.testing.assert_allclose(sorted_one.values, plain.values[index], atol=1e-6)


def test_halves_leave_out_the_last_of_an_odd_number(looked) -> None:
    made = matrices(looked, halves=True)
    assert [each.title for each in made] == [
        "a · first half",
        "a · second half",
        "b · first half",
        "b · second half",
    ]
    assert [len(each.channels) for each in made] == [3, 3, 2, 2]


def test_centred_opposites_are_minus_one(looked) -> None:
    (first, _) = matrices(looked, centred=True, order="network")
    assert first.values[0, 5] == pytest.approx(-1, abs=1e-3)


def test_a_block_that_only_one_model_has_is_shown_for_that_one(looked) -> None:
    looked.insides[1].blocks.pop("E2")
    (only,) = matrices(looked, block="E2")
    assert only.title == "a"
    assert matrices(looked, block="X1") == ()


@pytest.mark.parametrize("order", ["ifd", "cluster", "network"])
def test_one_or_two_channels_have_a_matrix_too(looked, order: str) -> None:
    for count in (2, 1):
        maps = looked.insides[0].blocks["D1"]
        looked.insides[0].blocks["D1"] = replace(maps, maps=maps.maps[:count])
        first = matrices(looked, order=order)[0]
        assert first.values.shape == (count, count)
        assert sorted(first.channels) == list(range(count))
    halves = matrices(looked, order=order, halves=True)
    assert [len(each.channels) for each in halves] == [1, 2, 2]


def test_both_halves_are_parts_of_the_whole(looked) -> None:
    whole, _ = matrices(looked)
    first, second, *_ = matrices(looked, halves=True)
    np.testing.assert_allclose(first.values, whole.values[:3, :3], atol=1e-6)
    np.testing.assert_allclose(second.values, whole.values[3:, 3:], atol=1e-6)
    np.testing.assert_array_equal([*first.channels, *second.channels], whole.channels)


def test_it_can_be_cancelled_before_every_model(looked) -> None:
    steps = make_matrices(looked, MatrixSettings("D1"))
    next(steps)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)
