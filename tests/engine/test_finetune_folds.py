"""Whole regions held out in turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.targets import IGNORE
from napari_selfreg.engine.events import Event, Progress, run
from napari_selfreg.engine.finetune import finetune
from napari_selfreg.engine.finetune_fields import prepare_folds
from napari_selfreg.engine.finetune_folds import SEEN, cross_validate
from tests.bundles import example_card
from tests.engine.corrections import base_model, corrected, request


def test_every_region_is_held_out_once_and_never_taught_there() -> None:
    fields = [corrected(seed=seed) for seed in range(7)]
    folds = prepare_folds(fields, example_card())
    assert len(folds) == 5
    assert sorted(strip.stem for fold in folds for strip in fold.strips) == [
        field.name for field in fields
    ]
    for fold in folds:
        taught = {field.stem for field in fold.training}
        assert taught.isdisjoint(strip.stem for strip in fold.strips)
        assert len(taught) + len(fold.strips) == 7


def test_regions_of_one_field_are_told_apart() -> None:
    field = corrected()
    reviewed = np.zeros(field.labels.shape, bool)
    reviewed[:20], reviewed[40:] = True, True
    first, second = prepare_folds([replace(field, reviewed=reviewed)], example_card())
    for fold, other in ((first, second), (second, first)):
        (taught,), (strip,) = fold.training, other.strips
        counted = sum(int((f.targets[0] != IGNORE).sum()) for f in (taught, *fold.strips))
        assert counted == reviewed.sum()
        assert (taught.targets[0] != IGNORE).sum() == (strip.targets[0] != IGNORE).sum()


def test_the_verdict_is_of_all_regions(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    asked = request(base, *(corrected(seed=seed) for seed in range(3)))
    events: list[Event] = []
    result = run(cross_validate(asked, 2), events.append)
    assert result.verdict.n == len(result.base_scores) == len(result.tuned_scores) == 3
    assert events[-1] == Progress(6, 6, "Comparing region by region")
    again = run(cross_validate(asked, 2))
    assert again == result


def test_one_region_says_nothing(tmp_path: Path) -> None:
    result = run(cross_validate(request(base_model(tmp_path), corrected()), 2))
    assert (result.verdict.kind, result.verdict.n) == ("cannot tell", 0)


@pytest.mark.parametrize(("asks", "regions"), [(0, 0), (4, 1), (5, 1)])
def test_enough_keeps_the_finished_runs(tmp_path: Path, asks: int, regions: int) -> None:
    # Asked before anything is read, before every run, and after every step.
    asked: list[bool] = []

    def enough() -> bool:
        asked.append(True)
        return len(asked) > asks

    base = base_model(tmp_path)
    fields = (corrected(seed=seed) for seed in range(3))
    result = run(cross_validate(request(base, *fields, enough=enough), 2))
    assert result.verdict.n == regions


def test_going_on_from_a_version_lets_nothing_leak(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    fields = tuple(corrected(seed=seed) for seed in range(3))
    tuned = run(finetune(request(base, *fields, steps=5))).model
    went_on = run(cross_validate(request(base, *fields, start=tuned), 2))
    assert went_on == run(cross_validate(request(base, *fields), 2))
    assert SEEN not in went_on.verdict.sentence


def test_a_base_that_knows_the_pictures_is_named(tmp_path: Path) -> None:
    base = base_model(tmp_path)
    fields = tuple(corrected(seed=seed) for seed in range(3))
    version = run(finetune(request(base, *fields[:1]))).model
    again = [
        replace(field, labels=np.where(field.labels == 2, 0, field.labels)) for field in fields
    ]
    assert run(cross_validate(request(version, *again), 2)).verdict.sentence.endswith(SEEN)
    assert SEEN not in run(cross_validate(request(version, *again[1:]), 2)).verdict.sentence
