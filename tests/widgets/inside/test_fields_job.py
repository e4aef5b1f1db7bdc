from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_selfreg.core.bootstrap import Interval
from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.io import images
from napari_selfreg.io.bundle import read_card
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.inside.fields_job import (
    LEFT_OUT,
    FieldNumbers,
    FieldsRequest,
    _mean_alike,
    known_sizes,
    measure_fields,
)
from napari_selfreg.widgets.inside.looking import Source
from napari_selfreg.widgets.inside.numbers_table import COLUMNS
from tests.bundles import tiny_bundle

SIZE = PixelSize(1, 1)


def request(folder: Path, *models: int) -> FieldsRequest:
    rng = np.random.default_rng(0)
    fields = []
    for number in range(2):
        path = folder / f"field{number}.png"
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(path)
        fields.append((path, SIZE))
    bundles = [tiny_bundle(folder / f"m{seed}.safetensors", seed=seed) for seed in models]
    sources = tuple(Source(path.stem, read_card(path), path) for path in bundles)
    return FieldsRequest(tuple(fields), sources, tuple(each.label for each in sources), "cpu")


def test_every_number_gets_its_mean_and_interval_over_the_fields(tmp_path: Path) -> None:
    asked = request(tmp_path, 0, 1)
    measured = run(measure_fields(asked))
    assert (measured.n, measured.names, measured.notes) == (2, ("m0", "m1"), ())
    one_by_one = [
        run(measure_fields(FieldsRequest((each,), asked.sources, asked.names, "cpu")))
        for each in asked.fields
    ]
    rank = measured.means[1]["D1"]["effective_rank"]
    singles = [each.means[1]["D1"]["effective_rank"].mean for each in one_by_one]
    assert rank.mean == pytest.approx(np.mean(singles))
    assert (rank.low, rank.high) == pytest.approx((min(singles), max(singles)))
    assert set(measured.alike) == set(measured.means[0])
    assert all(-1 <= each.mean <= 1 for each in measured.alike.values())


def test_blocks_too_small_in_one_field_are_averaged_over_the_others() -> None:
    found = _mean_alike([{"E1": 0.5}, {"E1": 0.7, "B": 0.25}])
    assert (found["E1"].mean, found["B"].mean) == pytest.approx((0.6, 0.25))
    assert _mean_alike([]) == {}


def test_a_field_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    asked = request(tmp_path, 0)
    asked.fields[0][0].write_bytes(b"no picture")
    measured = run(measure_fields(asked))
    assert measured.n == 1
    assert "left out" in measured.notes[0]
    asked.fields[1][0].write_bytes(b"no picture")
    with pytest.raises(BadInputError):
        run(measure_fields(asked))


MEASURED = FieldNumbers(
    ("a",),
    ({"E1": {"similarity": Interval(0.5, 0.25, 0.75), "dead": Interval(1.0, 0.0, 2.0)}},),
    {},
    3,
)


def test_fields_of_unknown_size_are_counted_and_volumes_are_none(tmp_path: Path) -> None:
    known, unknown, volume = (Field(tmp_path / name) for name in ("a.png", "b.png", "c.nii.gz"))
    known.pixel_size = SIZE
    assert known_sizes([known]) == (((known.path, SIZE),), ())
    sizes, notes = known_sizes([known, unknown, volume])
    assert sizes == ((known.path, SIZE),)
    assert notes == (LEFT_OUT.format(1),)
    assert known_sizes([unknown])[0] == ()
    assert known_sizes([]) == ((), ())


def test_what_is_known_before_is_told_after(tmp_path: Path) -> None:
    measured = run(measure_fields(replace(request(tmp_path, 0), notes=("Mind the gap.",))))
    assert measured.notes == ("Mind the gap.",)
    assert [source.name for source in measured.sources] == ["tiny"]
    assert measured.alike == {}
    assert measured.n == 2


def test_every_field_is_told_and_a_cancelled_job_closes_its_image(
    tmp_path: Path, monkeypatch
) -> None:
    open_image, told = images.open_image, []

    @contextmanager
    def watched(path: Path) -> Iterator[Any]:
        told.append(f"open {path.stem}")
        with open_image(path) as image:
            try:
                yield image
            finally:
                told.append(f"close {path.stem}")

    monkeypatch.setattr(images, "open_image", watched)
    steps = measure_fields(request(tmp_path, 0))
    first = next(each for each in steps if isinstance(each, Progress) and each.total == 2)
    assert (first.done, first.message) == (0, "Measuring field0")
    second = next(each for each in steps if each.done == 1)
    assert second.message == "Measuring field1"
    steps.close()
    assert told == ["open field0", "close field0", "open field1", "close field1"]


def test_means_of_blocks_and_models_go_with_their_names(tmp_path: Path) -> None:
    asked = request(tmp_path, 0, 1)
    asked = replace(asked, fields=asked.fields[:1])
    both = run(measure_fields(asked))
    swapped = replace(asked, sources=asked.sources[::-1], names=asked.names[::-1])
    other = run(measure_fields(swapped))
    assert other.names == ("m1", "m0")
    assert both.means[0] == other.means[1]
    assert both.means[0] != both.means[1]
    assert set(both.means[0]["D1"]) == {column.field for column in COLUMNS}


def test_a_field_that_fails_first_is_left_out_of_every_mean(tmp_path: Path) -> None:
    asked = request(tmp_path, 0)
    asked.fields[0][0].unlink()
    measured = run(measure_fields(asked))
    alone = run(measure_fields(replace(asked, fields=asked.fields[1:])))
    assert measured.means == alone.means
    assert len(measured.notes) == 1
