"""From a file to three files, and from an array to objects."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
import tifffile
from PIL import Image
from shapely.geometry import shape
from skimage.draw import disk

from napari_selfreg.core.errors import BadInputError, BadModelError, DeviceError, WriteError
from napari_selfreg.core.types import Box, PixelSize, PostProcessing
from napari_selfreg.engine import segment as module
from napari_selfreg.engine.batch import segment_fields
from napari_selfreg.engine.batch_events import BatchField, BatchRequest
from napari_selfreg.engine.events import Event, Notice, Progress, TileDone, run
from napari_selfreg.engine.predict import Prediction, PredictRequest
from napari_selfreg.engine.segment import (
    ArraySegmentRequest,
    SegmentRequest,
    segment,
    segment_array,
    working_level,
)
from tests.bundles import tiny_bundle

Rgb = npt.NDArray[np.uint8]
ONE = PixelSize.isotropic(1.0)


def card(**changes: Any) -> SimpleNamespace:
    fields = {
        "name": "dark",
        "spatial_dims": 2,
        "classes": ("gland",),
        "n_classes": 1,
        "separation": None,
        "postprocessing": PostProcessing(min_area_um2=10.0),
        "pixel_size": PixelSize.isotropic(1.1),
        "normalisation": SimpleNamespace(mean=(0.5, 0.35, 0.6)),
    }
    return SimpleNamespace(**{**fields, **changes})


LOOKED_AT = Notice("glass is looked at")


def dark_is_tissue(request: PredictRequest) -> Generator[Event, None, Prediction]:
    """Predict without a network: red is the first class, green the second, blue the contour."""
    if not request.skip_glass:
        yield LOOKED_AT
    whole = Box(0, 0, *request.image.shape[:2])
    box = whole if request.region is None else request.region.intersect(whole)
    pixels = np.asarray(request.image[box.slices])
    yield TileDone(box, pixels[..., 0], 1, 1)
    channels = request.model.card.n_classes + (request.model.card.separation is not None)
    probability = 1 - pixels[..., :channels].astype(np.float32) / 255
    unsure = np.full(box.shape, float(request.tta), np.float32) if request.uncertainty else None
    probability = np.moveaxis(probability, -1, 0)
    if request.out is not None:
        request.out[:, 0 : box.shape[0], 0 : box.shape[1]] = probability
    return Prediction(probability, box, unsure, ("predicted",))


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model that finds what is dark."""
    monkeypatch.setattr("napari_selfreg.engine.stoppable.predict", dark_is_tissue)
    return SimpleNamespace(card=card())


def picture(*centres: tuple[int, int], shape: tuple[int, int] = (60, 90), radius: int = 9) -> Rgb:
    """Return white with dark discs of slightly different colours."""
    rgb = np.full((*shape, 3), 255, np.uint8)
    for number, centre in enumerate(centres):
        rgb[disk(centre, radius, shape=shape)] = 20 + 25 * number
    return rgb


THREE = picture((15, 15), (15, 60), (45, 40))


def saved(path: Path, rgb: Rgb = THREE, um: float | None = None) -> Path:
    if path.suffix == ".tif":
        extra = {} if um is None else {"resolution": (1e4 / um, 1e4 / um), "resolutionunit": 3}
        tifffile.imwrite(path, rgb, photometric="rgb", **extra)
    else:
        Image.fromarray(rgb).save(path)
    return path


def read(result: Any) -> tuple[npt.NDArray[np.int32], dict[str, Any], list[dict[str, str]]]:
    files = result["outputs"]
    with Path(files["measurements"]).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return (
        tifffile.imread(files["objects"]),
        json.loads(Path(files["geojson"]).read_text()),
        rows,
    )


def test_the_document_and_the_three_files(tmp_path: Path, dark: Any) -> None:
    image = saved(tmp_path / "field.png")
    result = run(segment(SegmentRequest(image, dark, tmp_path / "out", um_per_px=0.5)))
    assert list(result) == ["image", "objects", "seconds", "megapixels_per_second", "outputs"]
    assert json.loads(json.dumps(result)) == result
    assert result["image"] == str(image)
    assert result["objects"] == 3
    assert result["seconds"] > 0
    assert result["megapixels_per_second"] == pytest.approx(
        0.0054 / result["seconds"], rel=0.02, abs=1e-4
    )
    assert result["outputs"] == {
        "objects": str(tmp_path / "out" / "field_objects.tif"),
        "geojson": str(tmp_path / "out" / "field_objects.geojson"),
        "measurements": str(tmp_path / "out" / "field_measurements.csv"),
    }


def test_files_agree_with_each_other(tmp_path: Path, dark: Any) -> None:
    request = SegmentRequest(saved(tmp_path / "field.png"), dark, tmp_path, um_per_px=0.5)
    labels, document, rows = read(run(segment(request)))
    assert labels.shape == THREE.shape[:2]
    assert labels.dtype == np.int32
    sizes = np.bincount(labels.ravel())[1:]
    assert [int(row["label"]) for row in rows] == [1, 2, 3]
    assert [float(row["area_um2"]) for row in rows] == (sizes * 0.25).tolist()
    assert [shape(f["geometry"]).area for f in document["features"]] == sizes.tolist()
    assert {row["class"] for row in rows} == {"gland"}


@pytest.mark.parametrize(
    ("name", "stated", "option", "um", "source"),
    [
        ("a.tif", 0.5, None, 0.5, "file"),
        ("a.tif", 0.5, 0.25, 0.25, "option"),
        ("a.tif", 352.9, None, 1.1, "model"),
        ("a.png", None, None, 1.1, "model"),
    ],
)
def test_where_the_pixel_size_comes_from(
    tmp_path: Path,
    dark: Any,
    name: str,
    stated: float | None,
    option: float | None,
    um: float,
    source: str,
) -> None:
    events: list[Event] = []
    request = SegmentRequest(saved(tmp_path / name, um=stated), dark, tmp_path, option)
    _, document, rows = read(run(segment(request), events.append))
    assert document["um_per_px"] == pytest.approx(um, rel=1e-5)
    assert document["um_per_px_source"] == source
    assert {row["um_per_px_source"] for row in rows} == {source}
    told = [event.message for event in events if isinstance(event, Notice)]
    notices = [notice for notice in told if "--um-per-px" in notice]
    assert len(notices) == (source == "model")
    assert all(name in notice and "--um-per-px" in notice for notice in notices)


def test_bad_images_make_nothing(tmp_path: Path, dark: Any) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    for image in (empty, tmp_path / "absent.png", tmp_path):
        with pytest.raises(BadInputError, match=image.name):
            run(segment(SegmentRequest(image, dark, tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path, dark: Any) -> None:
    image = saved(tmp_path / "a.png")
    events: list[Event] = []
    with pytest.raises(WriteError, match="not a folder"):
        run(segment(SegmentRequest(image, dark, image / "out")), events.append)
    assert events == []


def test_cancelling_writes_nothing(tmp_path: Path, dark: Any) -> None:
    image = saved(tmp_path / "a.png")
    for steps in range(1, 6):
        job = segment(SegmentRequest(image, dark, tmp_path / "out"))
        for _ in range(steps):
            next(job)
        job.close()
        assert not (tmp_path / "out").exists()
    assert isinstance(next(segment(SegmentRequest(image, dark, tmp_path / "out"))), Notice)


def test_a_large_pyramid_is_labelled_on_the_level_nearest_to_the_model(
    tmp_path: Path, dark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FULL_GRID_PIXELS", 5000)
    monkeypatch.setattr(module, "IN_MEMORY_PIXELS", 0)  # read piece by piece
    fine = np.kron(THREE, np.ones((4, 4, 1), np.uint8))
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64)}
        tiff.write(fine, subifds=2, resolution=(4e4, 4e4), resolutionunit=3, **options)
        for step in (2, 4):
            tiff.write(fine[::step, ::step], subfiletype=1, **options)
    events: list[Event] = []
    labels, document, rows = read(run(segment(SegmentRequest(path, dark, tmp_path)), events.append))
    assert labels.shape == THREE.shape[:2]
    assert any("level 2, 4 times coarser" in e.message for e in events if isinstance(e, Notice))
    truth = np.bincount(labels.ravel())[1:]
    assert [shape(f["geometry"]).area for f in document["features"]] == (truth * 16).tolist()
    assert [float(row["area_um2"]) for row in rows] == truth.tolist()
    assert document["um_per_px"] == 0.25


def test_levels_are_only_left_for_large_images() -> None:
    source: Any = SimpleNamespace(shape=(8000, 9000), downsamples=((1.0, 1.0), (4.0, 4.0)))
    assert working_level(source, PixelSize.isotropic(0.25), ONE) == 0
    source.shape = (80_000, 90_000)
    assert working_level(source, PixelSize.isotropic(0.25), ONE) == 1
    assert working_level(source, ONE, ONE) == 0


def test_what_does_not_fit_is_refused(
    tmp_path: Path, dark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = saved(tmp_path / "a.tif", um=0.5)
    monkeypatch.setattr("napari_selfreg.io.memory.free_memory", lambda: 100_000)
    with pytest.raises(BadInputError, match=r"a\.tif needs .* of memory"):
        run(segment(SegmentRequest(image, dark, tmp_path)))


def test_an_array_gives_objects_with_their_table(dark: Any) -> None:
    events: list[Event] = []
    result = run(segment_array(ArraySegmentRequest(THREE, ONE, dark)), events.append)
    assert result.box == Box(0, 0, 60, 90)
    assert result.labels.max() == 3
    assert result.table["index"].tolist() == [1, 2, 3]
    assert result.notes == ("predicted",)
    assert isinstance(events[0], TileDone)
    assert [e.message for e in events if isinstance(e, Progress)] == [
        "Separating objects",
        "Measuring objects",
    ]


def test_a_region_is_that_part_of_the_image(dark: Any) -> None:
    box = Box(3, 45, 30, 80)
    part = run(segment_array(ArraySegmentRequest(THREE, ONE, dark, region=box)))
    crop = run(segment_array(ArraySegmentRequest(THREE[box.slices], ONE, dark)))
    assert part.box == box
    np.testing.assert_array_equal(part.labels, crop.labels)
    for name, column in part.table.items():
        np.testing.assert_array_equal(column, crop.table[name])
    assert part.labels.max() == 1


def test_a_mask_keeps_objects_inside(dark: Any) -> None:
    mask = np.zeros(THREE.shape[:2], bool)
    mask[:, :15] = True
    result = run(segment_array(ArraySegmentRequest(THREE, ONE, dark, mask=mask)))
    assert result.labels.max() == 1
    assert not result.labels[~mask].any()
    with pytest.raises(BadInputError, match="mask"):
        run(segment_array(ArraySegmentRequest(THREE, ONE, dark, mask=mask[1:])))


def test_options_of_the_prediction_are_passed_on(dark: Any) -> None:
    plain = run(segment_array(ArraySegmentRequest(THREE, ONE, dark)))
    assert plain.uncertainty is None
    full = run(segment_array(ArraySegmentRequest(THREE, ONE, dark, tta=True, uncertainty=True)))
    assert full.uncertainty is not None
    assert (full.uncertainty == 1).all()


@pytest.mark.parametrize("skip", [True, False])
def test_glass_is_looked_at_if_that_is_asked_for(dark: Any, tmp_path: Path, skip: bool) -> None:
    events: list[Event] = []
    run(segment_array(ArraySegmentRequest(THREE, ONE, dark, skip_glass=skip)), events.append)
    assert (LOOKED_AT in events) is not skip
    path = tmp_path / "a.png"
    Image.fromarray(THREE).save(path)
    events.clear()
    run(
        module.segment_file(SegmentRequest(path, dark, tmp_path, 1.0, skip_glass=skip)),
        events.append,
    )
    assert (LOOKED_AT in events) is not skip


def test_precision_is_passed_on(dark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def predict(request: PredictRequest) -> Generator[Event, None, Prediction]:
        asked.append((request.precision, request.skip_glass))
        return (yield from dark_is_tissue(request))

    monkeypatch.setattr("napari_selfreg.engine.stoppable.predict", predict)
    path = tmp_path / "a.png"
    Image.fromarray(THREE).save(path)
    run(module.segment_file(SegmentRequest(path, dark, tmp_path, 1.0, precision="fp32")))
    fields = (BatchField(path, ONE),)
    run(segment_fields(BatchRequest(fields, dark, tmp_path, precision="fp32", skip_glass=False)))
    assert asked == [("fp32", True), ("fp32", False)]


def test_several_classes_and_a_contour(dark: Any) -> None:
    rgb = np.full((30, 60, 3), 255, np.uint8)
    rgb[5:25, 5:25, 0] = 50
    rgb[5:25, 25:45, 1] = 50
    rgb[5:25, 23:27, 2] = 0  # a contour between the two
    model = SimpleNamespace(card=card(classes=("a", "b"), n_classes=2, separation="contour"))
    result = run(segment_array(ArraySegmentRequest(rgb, ONE, model)))
    assert result.table["class"].tolist() == ["a", "b"]
    assert result.table["area_um2"].tolist() == pytest.approx([400, 400], abs=40)
    assert result.table["mean_probability"].tolist() == pytest.approx([205 / 255] * 2, rel=1e-5)


def test_a_real_network_from_file_to_files(tmp_path: Path) -> None:
    model = tiny_bundle(tmp_path / "tiny.safetensors", separation="contour")
    rgb = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    image = saved(tmp_path / "noise.tif", rgb, um=1.0)
    first = run(segment(SegmentRequest(image, model, tmp_path / "1", device="cpu")))
    second = run(segment(SegmentRequest(image, str(model), tmp_path / "2", device="cpu")))
    labels, document, rows = read(first)
    assert labels.shape == (70, 90)
    assert first["objects"] == labels.max() == len(rows) == len(document["features"])
    assert shapely.is_valid([shape(f["geometry"]) for f in document["features"]]).all()
    for kind, path in first["outputs"].items():
        again = Path(second["outputs"][kind])  # type: ignore[literal-required]
        assert Path(str(path)).read_bytes() == again.read_bytes()


def test_a_mask_of_another_shape_is_refused_before_the_work(dark: Any) -> None:
    events: list[Event] = []
    box, mask = Box(0, 0, 20, 30), np.ones(THREE.shape[:2], bool)
    request = ArraySegmentRequest(THREE, ONE, dark, region=box, mask=mask)
    with pytest.raises(BadInputError, match=r"\(60, 90\) pixels, the region \(20, 30\)"):
        run(segment_array(request), events.append)
    assert events == []


def test_settings_of_the_request_win_over_the_models(dark: Any) -> None:
    strict = PostProcessing(threshold=0.9)  # only the darkest disc is so likely
    found = run(segment_array(ArraySegmentRequest(THREE, ONE, dark, settings=strict)))
    assert found.labels.max() == 1
    assert found.labels[15, 15] == 1
    large = PostProcessing(min_area_um2=1000.0)
    found = run(segment_array(ArraySegmentRequest(THREE, ONE, dark, settings=large)))
    assert not found.labels.any()
    assert all(len(column) == 0 for column in found.table.values())


def test_an_image_without_objects_still_has_its_three_files(tmp_path: Path, dark: Any) -> None:
    image = saved(tmp_path / "white.png", np.full((40, 50, 3), 255, np.uint8))
    result = run(segment(SegmentRequest(image, dark, tmp_path, um_per_px=0.5)))
    labels, document, rows = read(result)
    assert result["objects"] == 0
    assert labels.shape == (40, 50)
    assert not labels.any()
    assert document["features"] == rows == []


def test_unknown_models_and_devices(tmp_path: Path) -> None:
    image = saved(tmp_path / "a.png")
    with pytest.raises(BadModelError, match="no-such-model"):
        run(segment(SegmentRequest(image, "no-such-model", tmp_path / "out")))
    model = tiny_bundle(tmp_path / "tiny.safetensors")
    with pytest.raises(DeviceError, match="tpu"):
        run(segment(SegmentRequest(image, model, tmp_path / "out", device="tpu")))
    assert not (tmp_path / "out").exists()
