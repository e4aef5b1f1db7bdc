"""What is counted, measured and saved is what the layer holds now."""

from __future__ import annotations

import csv
import getpass
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from shapely.geometry import shape

from napari_selfreg.core.errors import WriteError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import Progress, run
from napari_selfreg.widgets.result_plane import feature_rows
from napari_selfreg.widgets.results_job import (
    measure,
    origin_of,
    place_on_slide,
    save_results,
    survey,
    view_totals,
)
from tests.widgets.results_steps import (
    UM,
    files_of,
    info_for,
    snapshot_for,
    squares,
    table_for,
)


def features(labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(feature_rows(table_for(labels, info_for(labels))))


def test_a_table_that_fits_is_taken_as_it_is() -> None:
    labels = squares()
    found = run(survey(snapshot_for(labels, features(labels))))
    assert not found.fresh
    assert found.totals.objects == 6
    assert found.totals.region_um2 == labels.size * UM.area_um2


@pytest.mark.parametrize("change", ["painted", "removed", "added", "no table"])
def test_a_table_out_of_date_is_measured_anew(change: str) -> None:
    labels = squares()
    table = features(labels)
    if change == "painted":
        labels[4, 18:20] = 1
    elif change == "removed":
        labels[labels == 4] = 0
    elif change == "added":
        labels[58:60, 70:75] = 9
    else:
        table = pd.DataFrame()
    found = run(survey(snapshot_for(labels, table)))
    assert found.fresh
    ids, counts = np.unique(labels[labels > 0], return_counts=True)
    assert found.table["index"].tolist() == ids.tolist()
    assert np.allclose(found.table["area_um2"], counts * UM.area_um2)
    assert set(found.table["class"]) == {"spot"}


def test_the_view_is_cut_to_what_was_segmented() -> None:
    labels = squares()
    box = Box(0, 0, 60, 40)
    probability = np.zeros((1, *box.shape), np.float32)
    snapshot = snapshot_for(labels, features(labels), box=box, probability=probability)
    found = run(survey(snapshot))
    assert found.totals.region_um2 == 60 * 40 * UM.area_um2
    totals = run(view_totals(found, Box(0, 0, 30, 80)))
    assert totals.region_um2 == 30 * 40 * UM.area_um2
    assert totals.objects == 2


def test_probabilities_of_a_part_are_laid_on_the_whole() -> None:
    labels = squares()
    box = Box(0, 0, 30, 80)
    probability = np.full((1, *box.shape), 0.5, np.float32)
    snapshot = snapshot_for(labels, features(labels), box=box, probability=probability)
    table = measure(snapshot, labels)
    assert table["mean_probability"][:3].tolist() == [0.5] * 3
    assert table["mean_probability"][3] < 0.5


def test_the_three_files_hold_corrected_labels_and_settings(tmp_path: Path) -> None:
    labels = squares()
    table = features(labels)
    labels[labels == 2] = 0
    labels[56:60, 70:76] = 11  # drawn by hand
    events: list[object] = []
    files = run(save_results(snapshot_for(labels, table), tmp_path, False), events.append)
    assert files_of(tmp_path) == [
        "field 1_measurements.csv",
        "field 1_objects.geojson",
        "field 1_objects.tif",
    ]
    assert any(isinstance(event, Progress) and event.total == 6 for event in events)
    assert np.array_equal(tifffile.imread(files["objects"]), labels)
    document = json.loads(files["geojson"].read_text())
    assert {item["properties"]["name"] for item in document["features"]} == set("13456") | {"11"}
    assert document["min_area_um2"] == 2.0
    with files["measurements"].open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["1", "3", "4", "5", "6", "11"]
    assert {row["separation"] for row in rows} == {"0.5"}
    by_label = {
        item["properties"]["name"]: shape(item["geometry"]) for item in document["features"]
    }
    assert by_label["11"].bounds == (70, 56, 76, 60)


def test_no_output_holds_a_path_or_a_user_name(tmp_path: Path) -> None:
    labels = squares()
    run(save_results(snapshot_for(labels, features(labels)), tmp_path, False))
    run(save_results(snapshot_for(labels, features(labels)), tmp_path, True))
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        for secret in (str(Path.home()), str(tmp_path), f"/{getpass.getuser()}", ".selfreg-"):
            if len(secret) > 2:
                assert secret.encode() not in content, (path.name, secret)


def test_closing_while_outlines_are_written_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.io import outputs

    monkeypatch.setattr(outputs, "_STEP", 1)
    labels = squares()
    (tmp_path / "field 1_objects.tif").write_bytes(b"old")
    job = save_results(snapshot_for(labels, features(labels)), tmp_path, False)
    for event in job:
        if isinstance(event, Progress) and event.done >= 2:
            break
    job.close()
    assert files_of(tmp_path) == ["field 1_objects.tif"]
    assert (tmp_path / "field 1_objects.tif").read_bytes() == b"old"


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "field 1_objects.tif").mkdir()
    labels = squares()
    with pytest.raises(WriteError, match="could not be written"):
        run(save_results(snapshot_for(labels, features(labels)), tmp_path, False))


def test_labels_of_a_tile_lie_on_its_slide() -> None:
    labels = squares()
    from dataclasses import replace

    snapshot = snapshot_for(labels, features(labels), stem="S [d=2,x=100,y=60,w=160,h=120]")
    assert place_on_slide(snapshot) is None  # the image is gone: nobody knows its size
    place = place_on_slide(replace(snapshot, full_shape=(60, 80)))
    assert (place.x, place.y, place.downsample) == (100, 60, (2, 2))


def test_labels_of_a_part_lie_on_their_image() -> None:
    labels = squares()
    snapshot = snapshot_for(labels, features(labels), origin=(10, 20), factors=(2.0, 4.0))
    place = place_on_slide(snapshot)
    assert (place.x, place.y) == (80, 20)
    origin = origin_of(snapshot, {"class": np.array(["spot", "rare", ""])})
    assert origin.classes == ("spot", "rare")
    assert origin.outline_style().offset == (80, 20)
    assert origin.outline_style().scale == (2, 4)
    assert place_on_slide(snapshot_for(labels, features(labels))) is None


def test_an_outlined_part_counts_by_its_own_area() -> None:
    labels = squares()
    mask = np.zeros(labels.shape, bool)
    mask[:30] = np.tri(30, 80, dtype=bool)
    found = run(survey(snapshot_for(labels, features(labels), mask=mask)))
    assert found.totals.region_um2 == pytest.approx(mask.sum() * 0.25)
    part = Box(0, 0, 20, 40)
    seen = run(view_totals(found, part))
    assert seen.region_um2 == pytest.approx(mask[:20, :40].sum() * 0.25)
