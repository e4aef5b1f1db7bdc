"""Prediction: equal to one forward of the whole image, on the image's own grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from zarr.storage import MemoryStore

from napari_selfreg.core.errors import BadInputError, BadModelError, DeviceError
from napari_selfreg.core.types import Box, PixelSize
from napari_selfreg.engine.events import Event, Notice, TileDone, run
from napari_selfreg.engine.predict import PredictRequest, predict
from tests.engine.models import (
    SmallNet,
    model_of,
    picture,
    shake,
    small_model,
    unet_model,
    whole_forward,
)

UM = PixelSize(1.0, 1.0)
SMALL = small_model()
TILED = {"tile": 48, "halo": 8, "precision": "fp32"}


def probability(image, model=SMALL, size=UM, **options):
    options = {**TILED, **options}
    return run(predict(PredictRequest(image, size, model, **options))).probability


@given(st.integers(1, 130), st.integers(1, 130))
@settings(max_examples=25, deadline=None)
def test_tiles_equal_one_forward_of_the_whole_image(height, width):
    image = picture(height, width)
    np.testing.assert_allclose(probability(image), whole_forward(SMALL, image), atol=1e-4)


def test_the_default_network_equals_one_forward_of_the_whole_image():
    model, image = unet_model(), picture(200, 333)
    tiled = probability(image, model, tile=256, halo=96)
    np.testing.assert_allclose(tiled, whole_forward(model, image), atol=1e-4)


@pytest.mark.parametrize(("classes", "contour"), [(1, False), (3, True), (2, False)])
def test_any_number_of_classes(classes, contour):
    model, image = unet_model(classes, contour=contour), picture(64, 48)
    result = probability(image, model)
    assert result.shape == (classes + contour, 64, 48)
    np.testing.assert_allclose(result, whole_forward(model, image), atol=1e-4)


def test_a_region_equals_the_crop_of_the_whole():
    image, region = picture(120, 140), Box(31, 40, 110, 101)
    part = run(predict(PredictRequest(image, UM, SMALL, region=region, **TILED)))
    assert part.region == region
    np.testing.assert_allclose(part.probability, probability(image)[:, 31:110, 40:101], atol=1e-4)


@pytest.mark.parametrize("size", [(0.5, 0.5), (1.7, 0.9), (3.0, 3.0), (1.01, 1.01)])
def test_the_result_lies_on_the_images_grid_whatever_its_pixel_size(size):
    image, size = picture(90, 130), PixelSize(*size)
    tiled = probability(image, size=size, tile=40)
    assert tiled.shape == (2, 90, 130)
    np.testing.assert_allclose(tiled, probability(image, size=size, tile=1024), atol=1e-4)


def test_previews_cover_the_image_once_and_count_up():
    events: list[Event] = []
    run(predict(PredictRequest(picture(97, 130), UM, SMALL, **TILED)), events.append)
    assert all(isinstance(event, TileDone) for event in events)
    seen = np.zeros((97, 130), int)
    for event in events:
        seen[event.box.slices] += 1
        assert event.preview.shape == event.box.shape
    assert (seen == 1).all()
    assert [event.done for event in events] == list(range(1, len(events) + 1))
    assert {event.total for event in events} == {len(events)}


def test_a_preview_shows_the_foreground_alone():
    (event,) = list(predict(PredictRequest(picture(40, 40), UM, SMALL, precision="fp32")))
    expected = probability(picture(40, 40))[0] * 255
    assert np.abs(event.preview - expected).max() <= 0.51


def test_the_visible_part_comes_first():
    request = PredictRequest(picture(200, 200), UM, SMALL, focus=Box(150, 150, 190, 190), **TILED)
    first = next(iter(predict(request)))
    assert first.box.y0 <= 170 <= first.box.y1
    assert first.box.x0 <= 170 <= first.box.x1


def test_nothing_of_torchs_modes_leaks_and_closing_stops_within_a_tile():
    calls = []
    model = model_of(shake(SmallNet()), 2)
    model.network.register_forward_hook(lambda *_: calls.append(torch.is_inference_mode_enabled()))

    def modes():
        return (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
        )

    before = modes()
    job = predict(PredictRequest(picture(200, 200), UM, model, **TILED))
    for _ in range(2):
        next(job)
        assert modes() == before
    done = len(calls)
    job.close()
    assert modes() == before
    assert len(calls) == done
    assert all(calls)


def test_the_models_own_network_is_left_as_it_was():
    model = small_model()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    model.network.train()
    model.network.head.eval()
    image = picture(40, 40)
    np.testing.assert_array_equal(probability(image, model), probability(image))
    probability(image, model, precision="auto")
    assert model.network.training
    assert not model.network.head.training
    assert all(torch.equal(before[name], v) for name, v in model.network.state_dict().items())
    assert model.network.head.weight.is_contiguous()


def test_the_same_request_gives_the_same_bits():
    image, model = picture(100, 120), unet_model()
    np.testing.assert_array_equal(probability(image, model), probability(image, model))


def test_an_array_of_the_caller_is_filled(tmp_path):
    image = picture(60, 70)
    out = np.lib.format.open_memmap(tmp_path / "p.npy", "w+", np.float32, (2, 60, 70))
    result = run(predict(PredictRequest(image, UM, SMALL, out=out, **TILED)))
    assert result.probability is out
    np.testing.assert_array_equal(out, probability(image))
    with pytest.raises(BadInputError, match="shape"):
        run(predict(PredictRequest(image, UM, SMALL, out=out[:1])))
    with pytest.raises(BadInputError, match="not of uint8"):
        run(predict(PredictRequest(image, UM, SMALL, out=np.zeros(out.shape, np.uint8))))


@pytest.mark.parametrize("kind", ["float32", "float64", "uint16", "int64", "bool"])
def test_an_image_of_another_type_is_refused(kind):
    with pytest.raises(BadInputError, match=f"uint8, with values from 0 to 255.* of {kind}:"):
        probability(picture(40, 40).astype(kind))


def test_a_lazy_image_is_read_window_by_window():
    class Lazy:
        shape = (400, 400, 3)

        def __init__(self):
            self.largest = 0

        def __getitem__(self, key):
            part = picture(400, 400)[key]
            self.largest = max(self.largest, part.shape[0] * part.shape[1])
            return part

    lazy = Lazy()
    np.testing.assert_array_equal(probability(lazy), probability(picture(400, 400)))
    assert lazy.largest <= 48**2


def test_chunked_arrays_are_read_and_written_piece_by_piece():
    image = picture(150, 130)
    lazy = zarr.create_array(MemoryStore(), shape=image.shape, chunks=(64, 64, 3), dtype="uint8")
    lazy[:] = image
    out = zarr.create_array(MemoryStore(), shape=(2, 150, 130), chunks=(1, 64, 64), dtype="float32")
    run(predict(PredictRequest(lazy, UM, SMALL, out=out, **TILED)))
    np.testing.assert_array_equal(out[:], probability(image))


def test_a_read_only_image_is_read_without_a_warning(recwarn):
    image = picture(50, 50)
    image.flags.writeable = False
    probability(image)
    assert not [w for w in recwarn if "writ" in str(w.message)]


def test_glass_is_skipped_unless_forbidden():
    image = np.full((600, 1700, 3), 240, np.uint8)
    image[:, :500] = picture(600, 500)
    options = {"tile": 600, "halo": 8}
    skipped = probability(image, **options)
    whole = probability(image, skip_glass=False, **options)
    assert (skipped[:, :, 1300:] == 0).all()
    assert (whole[:, :, 1300:] > 0).any()
    np.testing.assert_array_equal(skipped[:, :, :500], whole[:, :, :500])


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d], ids=["halo", "blended"])
def test_tiles_say_whether_the_network_saw_them(norm):
    image = np.full((600, 1700, 3), 240, np.uint8)
    image[:, :500] = picture(600, 500)
    events: list[Event] = []
    run(predict(PredictRequest(image, UM, small_model(norm), tile=608)), events.append)
    tiles = [event for event in events if isinstance(event, TileDone)]
    assert min(tiles, key=lambda tile: tile.box.x0).computed
    assert not max(tiles, key=lambda tile: tile.box.x0).computed


def test_eight_views_are_averaged():
    image = picture(40, 56)
    views = []
    for turns in range(4):
        for mirrored in (False, True):
            view = np.rot90(image, turns)
            view = view[:, ::-1] if mirrored else view
            values = whole_forward(SMALL, np.ascontiguousarray(view))
            values = values[:, :, ::-1] if mirrored else values
            views.append(np.rot90(values, -turns, axes=(1, 2)))
    result = probability(image, tta=True)
    np.testing.assert_allclose(result, np.mean(views, axis=0), atol=1e-4)


def test_uncertainty_is_the_entropy_and_off_by_default():
    image = picture(60, 60)
    assert run(predict(PredictRequest(image, UM, SMALL))).uncertainty is None
    result = run(predict(PredictRequest(image, UM, SMALL, uncertainty=True, precision="fp32")))
    p = result.probability[0]
    bits = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    np.testing.assert_allclose(result.uncertainty, bits, atol=1e-4)


def test_the_record_says_what_computed_it():
    result = run(predict(PredictRequest(picture(20, 20), UM, SMALL, device="cpu")))
    assert result.device == "cpu"
    assert result.precision in ("fp32", "bf16")


def test_a_half_precision_that_does_not_pay_is_told():
    events: list[Event] = []
    request = PredictRequest(picture(20, 20), UM, SMALL, device="cpu", precision="fp16")
    result = run(predict(request), events.append)
    assert "fp16 is not faster" in result.notes[0]
    assert events[0] == Notice(result.notes[0])


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d], ids=["halo", "blended"])
def test_an_answer_that_is_no_number_is_told(norm):
    model = small_model(norm)
    model.network.head.bias.data[1] = torch.nan
    with pytest.raises(BadModelError, match="not a number"):
        probability(picture(60, 60), model)


class Mapped(SmallNet):
    """A network that names what it returns."""

    def forward(self, x):
        return {"out": super().forward(x)}


def test_a_network_that_returns_no_tensor_is_told():
    with pytest.raises(BadModelError, match="returns a dict where one tensor of logits"):
        probability(picture(40, 40), model_of(Mapped(), 2))


def test_bad_requests_are_refused_in_one_sentence():
    image = picture(8, 8)
    with pytest.raises(BadInputError, match="4 x 4"):
        probability(np.zeros((4, 4), np.uint8))
    with pytest.raises(BadInputError, match="no pixels"):
        probability(np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(BadInputError, match="outside"):
        probability(image, region=Box(20, 20, 30, 30))
    with pytest.raises(BadInputError, match="Pixels of 40 x 40 µm are too large"):
        probability(image, size=PixelSize(40.0, 40.0))
    with pytest.raises(DeviceError, match="Unknown device"):
        probability(image, device="abacus")
    with pytest.raises(BadInputError, match="Unknown precision"):
        probability(image, precision="int3")
    volume = small_model()
    volume.card.spatial_dims = 3
    with pytest.raises(BadModelError, match="not for RGB"):
        probability(image, volume)
