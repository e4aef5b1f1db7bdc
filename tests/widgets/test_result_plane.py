"""Tables stand where napari's Features Table looks for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Labels

from napari_selfreg.widgets.result_plane import (
    MOST_ROWS,
    feature_rows,
    is_aligned,
    label_plane,
    label_point,
    plane_axes,
    table_of,
)
from tests.widgets.results_steps import add_objects, squares

TABLE = {
    "index": np.array([2, 5], np.int32),
    "area_um2": np.array([1.5, 2.5]),
    "class": np.array(["gland", "tumour"]),
}


def test_every_object_stands_at_the_place_of_its_id() -> None:
    frame = pd.DataFrame(feature_rows(TABLE))
    assert is_aligned(frame)
    assert frame["area_um2"].iloc[[2, 5]].tolist() == [1.5, 2.5]
    assert np.isnan(frame["area_um2"].iloc[[0, 1, 3, 4]]).all()
    assert frame["class"].iloc[5] == "tumour"


def test_the_table_comes_back_without_the_empty_rows() -> None:
    for frame in (pd.DataFrame(feature_rows(TABLE)), pd.DataFrame(TABLE)):
        back = table_of(frame)
        assert set(back) == set(TABLE)
        for name, column in TABLE.items():
            assert back[name].tolist() == column.tolist()
    assert not is_aligned(pd.DataFrame(TABLE))


def test_an_absurd_id_fills_no_memory() -> None:
    table = {**TABLE, "index": np.array([2, MOST_ROWS], np.int32)}
    rows = feature_rows(table)
    assert {name: len(column) for name, column in rows.items()} == dict.fromkeys(table, 2)
    assert table_of(pd.DataFrame(rows))["index"].tolist() == [2, MOST_ROWS]
    layer = Labels(np.where(squares() == 5, MOST_ROWS, squares()))
    layer.features = rows
    place = {"view_direction": None, "dims_displayed": [0, 1], "world": False}
    assert "area_um2: 2.5" in layer._get_properties((35, 30), **place)


def test_other_tables_are_none_of_ours() -> None:
    assert table_of(pd.DataFrame({"index": [1]})) == {}
    assert not is_aligned(pd.DataFrame({"colour": [1]}))
    assert feature_rows({"index": np.zeros(0, int)})["index"].tolist() == [0]


def test_napari_takes_the_rows_and_finds_them_by_label() -> None:
    layer = Labels(squares())
    layer.features = feature_rows(TABLE)
    shown = layer._get_properties((35, 30), view_direction=None, dims_displayed=[0, 1], world=False)
    assert "area_um2: 2.5" in shown


def test_a_plane_among_more_axes() -> None:
    labels = squares()
    flat, deep = Labels(labels), Labels(labels[:, np.newaxis])
    assert plane_axes(flat) == (0, 1)
    assert plane_axes(deep) == (0, 2)
    assert np.array_equal(label_plane(deep), labels)
    assert plane_axes(Labels(np.ones((1, 1, 4), int))) == (1, 2)


def test_a_point_in_the_world() -> None:
    viewer = ViewerModel()
    _, layer = add_objects(viewer)
    assert label_point(layer, 4, 6).tolist() == [2, 3]  # half a micrometre per pixel
