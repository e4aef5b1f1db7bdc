"""The folder's totals hold each field once, wherever its objects wait."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_selfreg.core.totals import Totals
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.io.fields import FieldFacts
from napari_selfreg.io.remembered import remember_pixel_size
from napari_selfreg.widgets.field_list import Field
from napari_selfreg.widgets.folder_totals import folder_totals
from napari_selfreg.widgets.image_layers import REMEMBERED
from napari_selfreg.widgets.result_info import RESULT_KEY
from napari_selfreg.widgets.result_plane import feature_rows
from tests.widgets.results_steps import UM, info_for, squares, table_for

SHOWN = Totals(2, 100.0, 10.0, np.array([4.0, 6.0]))


class Fields(list):
    current: Any = None
    output_dir: Any = None


def field(layers: Any = (), pending: Any = None, name: str = "a.png", **known: Any) -> Field:
    return Field(Path(name), layers=list(layers), pending=pending, **known)


def result_layer() -> Labels:
    labels = squares()
    info = info_for(labels)
    features = feature_rows(table_for(labels, info))
    return Labels(labels, features=features, metadata={RESULT_KEY: info})


def waiting() -> Any:
    labels = squares()
    table = table_for(labels, info_for(labels))
    result = SimpleNamespace(table=table, box=Box(0, 0, *labels.shape))
    origin = SimpleNamespace(scale=(2.0, 2.0), pixel_size=UM)
    return (SimpleNamespace(result=SimpleNamespace(result=result, origin=origin)), None)


def test_no_folder_is_no_total() -> None:
    assert folder_totals(None, SHOWN) is None
    assert folder_totals(Fields([field()]), SHOWN) is None


def test_shown_kept_waiting_and_new_fields() -> None:
    shown = field([result_layer()])  # its layers are on the viewer: what is shown counts
    fields = Fields([shown, field([result_layer()]), field(pending=waiting()), field()])
    fields.current = shown
    found = folder_totals(fields, SHOWN)
    assert found.objects == 2 + 6 + 6
    whole = squares().size
    assert found.region_um2 == pytest.approx(100 + whole * 0.25 + whole * 1.0)
    kept = folder_totals(fields, None)
    assert kept.objects == 12


@pytest.mark.parametrize(("state", "pixel"), [("segmented", 1.0), ("corrected", 0.25)])
def test_a_later_run_on_all_counts_instead_of_all_but_her_own_work(state, pixel) -> None:
    again = field([result_layer()], waiting(), state=state)
    found = folder_totals(Fields([field(), again]), None)
    assert found.region_um2 == pytest.approx(squares().size * pixel)


@pytest.mark.parametrize(
    ("left_at", "pixel"), [(None, 1.0), ((UM, REMEMBERED), 1.0), ((UM, "from its file"), 0.25)]
)
def test_what_waits_counts_at_the_size_chosen_for_its_folder(tmp_path, left_at, pixel) -> None:
    facts = FieldFacts((9, 9), None, np.zeros((1, 1, 3), np.uint8))
    waits = field([result_layer()], name=str(tmp_path / "a.png"), left_at=left_at, facts=facts)
    remember_pixel_size(waits.path, PixelSize(1, 1))
    found = folder_totals(Fields([field(), waits]), None)
    plain = folder_totals(Fields([field(), field([result_layer()])]), None)
    assert found.region_um2 == pytest.approx(squares().size * pixel)
    assert found.covered_um2 == pytest.approx(plain.covered_um2 * pixel / 0.25)


def test_what_lies_on_disk_counts_where_nothing_else_is_known() -> None:
    shown, absent = field(), field()
    fields = Fields(
        [shown, field([result_layer()]), absent, field(recalled=True), field(name="a.nii")]
    )
    fields.current = shown
    asked: list[Any] = []

    def saved(wanted: list[Any], directory: Any) -> list[Totals]:
        asked.extend([*wanted, directory])
        return [SHOWN]

    found = folder_totals(fields, SHOWN, saved)
    assert asked == [absent, None]
    assert found.objects == 2 + 6 + 2
