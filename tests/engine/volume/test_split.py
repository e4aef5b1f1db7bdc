from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.engine.volume.recipe import VolumeDataSection
from napari_selfreg.engine.volume.split import HoldOut, split_cases
from napari_selfreg.io.volume.datasets import VolumeCase


def _cases(count: int) -> list[VolumeCase]:
    return [VolumeCase(f"c{n:03}", Path(f"{n}.nii"), Path(f"{n}_l.nii")) for n in range(count)]


def _section(held_out: float = 0.2, validation: float = 0.1, seed: int = 0) -> VolumeDataSection:
    return VolumeDataSection(
        spacing_mm=(1, 1, 1),
        classes=["a"],
        held_out_fraction=held_out,
        validation_fraction=validation,
        split_seed=seed,
    )


@given(
    st.integers(3, 60),
    st.floats(0.01, 0.89),
    st.floats(0.01, 0.89),
    st.integers(0, 1000),
)
def test_no_case_stands_on_two_sides(count: int, held: float, chosen: float, seed: int) -> None:
    cases = _cases(count)
    try:
        split = split_cases(cases, _section(held, chosen, seed))
    except BadInputError:
        assert count * (1 - held) < 2  # one case cannot both teach and choose
        return
    sides = [split.training, split.validation, split.held_out]
    assert all(sides)
    assert sorted(case.stem for side in sides for case in side) == [case.stem for case in cases]
    assert split_cases(cases[::-1], _section(held, chosen, seed)) == split


def test_every_case_is_held_out_in_one_fold() -> None:
    cases = _cases(11)
    held = [
        case.stem
        for fold in range(1, 6)
        for case in split_cases(cases, _section(), HoldOut(folds=5, fold=fold)).held_out
    ]
    assert sorted(held) == [case.stem for case in cases]


def test_a_list_decides_what_is_held_out(tmp_path: Path) -> None:
    listed = tmp_path / "held.txt"
    listed.write_text("c001\nc004\n", encoding="utf-8")
    split = split_cases(_cases(8), _section(), HoldOut(file=listed))
    assert [case.stem for case in split.held_out] == ["c001", "c004"]
    assert len(split.training) + len(split.validation) == 6


@pytest.mark.parametrize(
    ("choice", "count", "reason"),
    [
        (HoldOut(folds=5), 8, "belong together"),
        (HoldOut(fold=1), 8, "belong together"),
        (HoldOut(folds=5, fold=6), 8, "between 1 and 5"),
        (HoldOut(folds=5, fold=1, file="x"), 8, "exclude"),
        (HoldOut(folds=9, fold=1), 8, "9 folds"),
        (HoldOut(), 2, "at least 3"),
        (HoldOut(folds=2, fold=1), 3, "hold out fewer"),
    ],
)
def test_impossible_choices_are_sentences(choice: HoldOut, count: int, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        split_cases(_cases(count), _section(), choice)


def test_the_card_says_what_was_held_out() -> None:
    assert HoldOut(folds=5, fold=2).sentence().startswith("fold 2 of 5")
    assert "neither taught" in HoldOut().sentence()
