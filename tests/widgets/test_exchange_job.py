"""Pictures out and labels in, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from PIL import Image

from napari_selfreg.core.errors import BadInputError
from napari_selfreg.core.types import Box
from napari_selfreg.engine.events import run
from napari_selfreg.widgets.exchange_job import NO_IMAGE, run_import, save_picture
from napari_selfreg.widgets.results_snapshot import (
    NO_PIXEL_SIZE,
    image_of,
    take_import,
    take_snapshot,
)
from tests.widgets.results_steps import UM, add_objects, picture_for, squares


def test_a_picture_of_a_part(tmp_path: Path) -> None:
    viewer = ViewerModel()
    _, layer = add_objects(viewer)
    snapshot = take_snapshot(viewer, layer)
    path = run(save_picture(snapshot, Box(0, 0, 30, 40), tmp_path / "a.png", "#ff0000"))
    with Image.open(path) as picture:
        assert picture.size[0] / picture.size[1] == pytest.approx(40 / 30, rel=0.01)
        pixels = np.asarray(picture)
    assert ((pixels[..., 0] > 230) & (pixels[..., 1] < 40)).any()  # red outlines


def test_no_image_is_one_sentence(tmp_path: Path) -> None:
    viewer = ViewerModel()
    image, layer = add_objects(viewer)
    viewer.layers.remove(image)
    assert image_of(viewer, layer) is None
    snapshot = take_snapshot(viewer, layer)
    assert snapshot.picture is None
    with pytest.raises(BadInputError, match=NO_IMAGE[:30]):
        run(save_picture(snapshot, Box(0, 0, 9, 9), tmp_path / "a.png", "#ff0000"))


def test_a_snapshot_needs_a_result() -> None:
    viewer = ViewerModel()
    layer = viewer.add_labels(squares(), name="mine")
    with pytest.raises(BadInputError, match="mine"):
        take_snapshot(viewer, layer)


def test_labels_are_measured_on_their_image(tmp_path: Path) -> None:
    viewer = ViewerModel()
    image, _ = add_objects(viewer)
    path = tmp_path / "l.tif"
    tifffile.imwrite(path, squares())
    found = run(run_import(take_import(viewer, image, path)))
    assert found.classes == ("object",)
    assert np.array_equal(found.labels, squares())
    assert np.allclose(found.table["area_um2"], np.unique(squares(), return_counts=True)[1][1:] / 4)
    assert np.isfinite(found.table["mean_haematoxylin"]).all()


def test_a_slide_gets_outlines_on_a_level_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_selfreg.widgets import results_snapshot

    monkeypatch.setattr(results_snapshot, "WHOLE_PLANE_PIXELS", 2000)
    fine = picture_for(squares())
    viewer = ViewerModel()
    levels = [fine, fine[::2, ::2], fine[::4, ::4]]
    image = viewer.add_image(
        levels, rgb=True, multiscale=True, scale=(UM.y, UM.x), units=("um",) * 2
    )
    request = take_import(viewer, image, tmp_path / "a.geojson")
    assert request.picture.shape == (30, 40)
    assert request.full_shape == (60, 80)
    (tmp_path / "a.geojson").write_text(
        '{"type":"Polygon","coordinates":[[[0,0],[8,0],[8,8],[0,8],[0,0]]]}'
    )
    found = run(run_import(request))
    assert found.labels.sum() == 16
    assert found.table["area_um2"].tolist() == [64 * UM.area_um2]


def test_unknown_pixels_are_refused(tmp_path: Path) -> None:
    viewer = ViewerModel()
    image = viewer.add_image(picture_for(squares()), rgb=True)
    with pytest.raises(BadInputError, match=NO_PIXEL_SIZE[:30]):
        take_import(viewer, image, tmp_path / "a.tif")


def test_another_resolution_has_no_picture_for_the_labels() -> None:
    from napari_selfreg.widgets.result_info import RESULT_KEY, result_info

    viewer = ViewerModel()
    _, layer = add_objects(viewer)
    layer.metadata[RESULT_KEY] = replace(result_info(layer), factors=(4.0, 4.0))
    assert take_snapshot(viewer, layer).picture is None
