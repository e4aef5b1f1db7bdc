from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import PixelSize
from napari_selfreg.engine.protocols import Comparison
from napari_selfreg.engine.scores import METRICS, Evaluation, ImageScores, score, write_scores


def scores(value: float, stem: str = "a", um: PixelSize | None = None) -> ImageScores:
    return ImageScores(
        stem, dict.fromkeys(METRICS, value), um or PixelSize.isotropic(0.62005), "option"
    )


def test_score_names_every_metric_once() -> None:
    ids = np.zeros((8, 8), np.int32)
    ids[:4, :4] = 1
    assert score(Comparison(ids, ids)) == {name: float("haus" not in name) for name in METRICS}


def test_means_and_intervals_are_over_images() -> None:
    evaluation = Evaluation("native", (scores(0.0), scores(1.0)))
    assert evaluation.intervals["pq"].mean == 0.5
    document = evaluation.document()
    assert document["metrics"]["aji"] == {"mean": 0.5, "low": 0.0, "high": 1.0}
    assert (document["n"], document["protocol"]) == (2, "native")


def test_the_table_has_one_row_for_each_image(tmp_path: Path) -> None:
    images = (scores(0.123456789, "a"), scores(1.0, "b", PixelSize(0.5, 0.25)))
    write_scores(tmp_path / "a.csv", Evaluation("uctransnet224", images))
    head, first, second = (tmp_path / "a.csv").read_text().splitlines()
    assert head == "image,protocol,um_per_px,um_per_px_source," + ",".join(METRICS)
    assert first == "a,uctransnet224,0.62005,option" + ",0.123457" * len(METRICS)
    assert second == "b,uctransnet224,0.5 0.25,option" + ",1" * len(METRICS)


def test_a_stem_with_a_comma_stays_one_cell(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.csv", Evaluation("native", (scores(1.0, "a,b"),)))
    assert '"a,b",native' in (tmp_path / "a.csv").read_text()


def test_a_table_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="could not be written"):
        write_scores(tmp_path, Evaluation("native", (scores(1.0),)))
